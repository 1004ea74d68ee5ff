"""A study's page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from host.commands.study import formats
from host.commands.study.figure import figure_svg
from host.commands.study.values import Study
from host.oracles import columns
from host.report.document import JSON
from host.report.page import environment, stylesheet
from host.verdict import latency


def render_html(study: Study, document: dict[str, JSON]) -> str:
    """The study as a self-contained HTML page; ``document`` is :func:`document`'s."""
    env = environment()
    env.filters.update(points=formats.points, p=formats.p_value, share=formats.share)
    matrices: Any = document["agreement"]
    return env.get_template("study.html.j2").render(
        r=document,
        css=stylesheet(),
        figure=Markup(figure_svg(study)),
        labels=columns.COLUMN_LABELS,
        units=latency.UNIT_WORDS,
        matrices=[
            _matrix(matrices["routes"], matrices[key], title, meaning)
            for key, title, meaning in _MATRICES
        ],
        one=len(study.runs) == 1,
        failed=study.failures,
    )


_MATRICES = (
    (
        "predictions",
        "Equal predictions",
        "Share of samples to which both routes give the same class, mean over the runs.",
    ),
    (
        "int8_outputs",
        "Equal int8 output values",
        "Share of output values that are the same number, mean over the runs; a prediction can be "
        "the same where these differ.",
    ),
)


def _matrix(
    names: list[str], shares: list[list[float | None]], title: str, meaning: str
) -> dict[str, Any] | None:
    """Rows of (share, strength 0..100) for those routes that have a share with any other."""
    kept = [
        i
        for i in range(len(names))
        if any(shares[i][j] is not None for j in range(len(names)) if j != i)
    ]
    if len(kept) < 2:
        return None
    others = [shares[i][j] for i in kept for j in kept if i != j]
    low = min(share for share in others if share is not None)
    rows = []
    for i in kept:
        cells = []
        for j in kept:
            share = None if i == j else shares[i][j]
            span = 1.0 - low
            # From the least agreement, which stays white, to all equal.
            strength = 0 if share is None else round(60 * (share - low) / span) if span else 60
            cells.append((share, strength, i == j))
        rows.append((names[i], cells))
    return {"title": title, "meaning": meaning, "names": [names[i] for i in kept], "rows": rows}
