"""The page of an explanation: one file that needs nothing else, no network and no script."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from host.commands.explain import plots, words
from host.commands.explain.explanation import Explanation
from host.commands.explain.words import Group
from host.diagnosis.analyse import Finding
from host.report.document import JSON
from host.report.page import environment, stylesheet

# More rows than these make a figure that nobody reads; the tables have them all.
FIGURE_LAYERS = 48
FIGURE_ROWS = 24
OPEN_PARAMETERS = 24


@dataclass(frozen=True)
class Card:
    """A finding: its name and meaning, its place, and how much of what is missing it restores.

    ``share`` is 0..1 of the points that are missing.
    """

    finding: Finding
    title: str
    meaning: str
    place: str
    share: float


@dataclass(frozen=True)
class Shown:
    """Interventions as a table and, where there are numbers to draw, a figure.

    ``hidden`` rows stand in the table only. ``equal`` is the share of equal output values that the
    interventions start from, where that is another than the agreement's: they were made on part of
    the samples. Else None.
    """

    group: Group
    figure: Markup | None
    hidden: int
    equal: float | None


@dataclass(frozen=True)
class Picture:
    """The operators' figure. ``hidden`` operators stand in the tables only."""

    figure: Markup
    hidden: int


def render_html(explanation: Explanation, document: dict[str, JSON]) -> str:
    """The page; ``document`` is :func:`host.commands.explain.document.document`'s."""
    env = environment()
    env.filters.update(
        points=words.points,
        decibels=words.decibels,
        operator=words.operator,
        executor=words.executor,
    )
    env.globals.update(both=words.both, aligned=words.ALIGNED)
    missing = words.missing(explanation)
    return env.get_template("explain.html.j2").render(
        css=stylesheet(),
        e=explanation,
        r=document,
        same=words.same(explanation),
        headline=words.headline(explanation),
        why=words.why(explanation),
        largest=words.largest(explanation),
        missing=missing,
        cards=[_card(explanation, f, missing) for f in words.ranked(explanation.findings)],
        groups=[_shown(group, explanation) for group in words.groups(explanation)],
        picture=_picture(explanation),
        parameters=[(x, x.differences) for x in explanation.layers if x.differences],
        tensors=sum(len(layer.differences) for layer in explanation.layers),
        notes=tuple(dict.fromkeys(explanation.notes)),
        kinds=words.KINDS,
        open_parameters=OPEN_PARAMETERS,
    )


def _card(explanation: Explanation, finding: Finding, missing: float) -> Card:
    share = finding.effect / missing if missing > 0 else 0.0
    return Card(
        finding,
        words.cause(finding),
        words.meaning(finding),
        words.place(explanation, finding),
        # A comparison with NaN is false: what is no number has no bar.
        min(1.0, share) if share > 0 else 0.0,
    )


def _shown(group: Group, explanation: Explanation) -> Shown:
    rows = list(group.rows)
    if len(rows) > FIGURE_ROWS:
        strongest = sorted(range(len(rows)), key=lambda i: -words.strength(rows[i].alone))
        rows = [rows[i] for i in sorted(strongest[:FIGURE_ROWS])]
    figure = None
    agreed = explanation.agreement.equal_outputs
    starts = [row.equal - row.alone / 100 for row in rows]
    # Shares go through percent and back. A comparison with NaN is false.
    part = max(starts) - min(starts) < 1e-6 < abs(starts[0] - agreed)
    start = starts[0] if part else agreed
    if any(math.isfinite(row.equal) for row in rows):
        figure = Markup(plots.interventions(rows, start, f"interventions-{group.key}"))
    return Shown(group, figure, len(group.rows) - len(rows), start if part else None)


def _picture(explanation: Explanation) -> Picture | None:
    layers, first = explanation.layers, explanation.first_difference
    if not layers:
        return None
    places = list(range(len(layers)))
    if len(places) > FIGURE_LAYERS:
        places = words.telling(layers, first, FIGURE_LAYERS)
    marked = places.index(first) if first in places else None
    figure = plots.layers([layers[i] for i in places], marked)
    return Picture(Markup(figure), len(layers) - len(places))
