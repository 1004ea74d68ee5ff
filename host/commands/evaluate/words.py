"""The verdict's colours."""

from host.report.text import Tone
from host.verdict.halves import State
from host.verdict.judge import Verdict


def tone_of(verdict: Verdict) -> Tone:
    """Green only where both halves are known to be good."""
    return "good" if verdict.good else "neutral" if verdict.match else "bad"


def tone_of_half(state: State) -> Tone:
    """The colour of one half."""
    return "neutral" if state == "not known" else state
