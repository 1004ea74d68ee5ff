"""The page of `flash-and-eval`."""

from __future__ import annotations

from host.commands.evaluate import words
from host.commands.evaluate.document import EvaluationDocument
from host.commands.evaluate.sections import sections
from host.commands.evaluate.values import Evaluation
from host.oracles import columns
from host.report.page import render
from host.verdict.latency import UNIT_WORDS, latency_text, time_text


def render_html(evaluation: Evaluation, document: EvaluationDocument) -> str:
    """The report as a self-contained HTML page; ``document`` is :func:`document`'s."""
    return render(
        "commands/evaluate/page.html.j2",
        document,
        tone="good" if evaluation.verdict.match else "bad",
        s=sections(evaluation),
        why=words.why(evaluation),
        labels=columns.COLUMN_LABELS,
        meanings=columns.COLUMN_MEANINGS,
        unit=UNIT_WORDS[evaluation.latency.unit],
        latency=latency_text(evaluation.latency),
        milliseconds=time_text(evaluation.latency),
    )
