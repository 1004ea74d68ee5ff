"""The page of `flash-and-eval`."""

from __future__ import annotations

from host.commands.evaluate import words
from host.commands.evaluate.sections import sections
from host.commands.evaluate.values import Evaluation
from host.oracles import columns
from host.report.document import JSON
from host.report.page import environment, stylesheet
from host.verdict.latency import UNIT_WORDS, latency_text


def render_html(evaluation: Evaluation, document: dict[str, JSON]) -> str:
    """The report as a self-contained HTML page; ``document`` is :func:`document`'s."""
    template = environment().get_template("report.html.j2")
    return template.render(
        r=document,
        s=sections(evaluation),
        css=stylesheet(),
        why=words.why(evaluation),
        labels=columns.COLUMN_LABELS,
        meanings=columns.COLUMN_MEANINGS,
        notes=list(dict.fromkeys((*evaluation.dataset.notes, *_notes(document)))),
        unit=UNIT_WORDS[evaluation.latency.unit],
        latency=latency_text(evaluation.latency),
    )


def _notes(document: dict[str, JSON]) -> list[str]:
    notes = document["notes"]
    return [str(note) for note in notes] if isinstance(notes, list) else []
