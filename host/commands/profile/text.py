"""A profile on a terminal."""

from rich.console import Group, RenderableType
from rich.text import Text

from host.commands.profile.document import ProfileDocument
from host.report.document import PAGE
from host.report.formats import number, percent, plain, size
from host.report.text import headline, remarks, table, tail
from host.verdict.costs import Activation
from host.verdict.latency import UNIT_WORDS, latency_text


def summary(profile: ProfileDocument) -> RenderableType:
    """What an inference costs, and what of it each operator does."""
    latency, memory = profile.latency, profile.memory
    # "@" stands before places in the arena.
    headers = ("share", "MACs", "per MAC", "reads, B", "writes, B")
    costs = table("", "operator", UNIT_WORDS[latency.unit], *headers, left=(1,), wrap=(1,), gap=1)
    for cost in latency.operators:
        costs.add_row(
            str(cost.index),
            Text(plain(cost.name)),
            number(cost.ticks),
            percent(cost.share),
            number(cost.macs),
            number(cost.ticks_per_mac, 3),
            _bytes(cost.reads),
            _bytes(cost.writes),
        )
    said = [*remarks("advice", profile.advice), *remarks("note", profile.notes)]
    return Group(
        headline(
            f"{profile.model.name}: {latency_text(latency)} per inference",
            "neutral",
            f"{profile.engine} on {profile.board}, median of {profile.latency.samples} samples of "
            f"{profile.data}; {number(profile.macs)} multiply-accumulates",
        ),
        Text(),
        costs,
        Text(),
        Text(
            f"arena {size(memory.arena_used)} of {size(memory.arena_reserved)}, "
            f"flash {size(memory.flash)}, RAM {size(memory.ram)}"
        ),
        *tail(said, {"report": profile.folder / PAGE}),
    )


def _bytes(activations: tuple[Activation, ...]) -> str:
    """Their size, and where they lie in the arena where that is known."""
    total = sum(activation.bytes for activation in activations)
    places = [str(a.offset) for a in activations if a.offset is not None]
    return number(total) + (f" @{'+'.join(places)}" if places else "")
