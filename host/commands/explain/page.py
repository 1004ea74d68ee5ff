"""The page of an explanation."""

from dataclasses import dataclass

from markupsafe import Markup

from host.commands.explain import figures, words
from host.commands.explain.explanation import Explanation
from host.diagnosis.causes.registry import CAUSES
from host.diagnosis.comparison.interventions import Intervention, InterventionKind
from host.report.page import render

# More rows than these make a figure that nobody reads; the tables have them all.
FIGURE_LAYERS = 48
FIGURE_ROWS = 24
# Tables with more rows are closed at first.
OPEN_LAYERS = 16
OPEN_PARAMETERS = 24


@dataclass(frozen=True)
class Shown:
    """Interventions of one kind as a table and a figure.

    Attributes:
        hidden: how many rows stand in the table only.
        start: share of equal output values that they start from, where it is not the agreement's
            because they were made on part of the samples; else None.
    """

    title: str
    lead: str
    rows: tuple[Intervention, ...]
    figure: Markup
    hidden: int
    start: float | None


def render_html(explanation: Explanation) -> str:
    """The page as HTML text."""
    layers, first = explanation.layers, explanation.first_layer
    places = list(range(len(layers)))
    if len(places) > FIGURE_LAYERS:  # the others stand in the tables only
        places = words.telling(layers, first, FIGURE_LAYERS)
    marked = None if first is None else places.index(first)
    parameters = [(layer, layer.differences) for layer in layers if layer.differences]
    return render(
        "commands/explain/page.html.j2",
        explanation,
        {
            "points": words.points,
            "decibels": words.decibels,
            "operator": words.operator,
            "executor": words.executor,
        },
        tone="good" if explanation.same else "open",
        e=explanation,
        both=words.both,
        why=words.why(explanation),
        largest=words.largest(explanation),
        cards=[
            (finding, CAUSES[finding.cause], words.place(explanation, finding))
            for finding in explanation.findings
        ],
        groups=[_shown(kind, explanation) for kind in words.GROUPS if explanation.made(kind)],
        picture=figures.layers([layers[i] for i in places], marked),
        hidden=len(layers) - len(places),
        parameters=parameters,
        tensors=sum(len(differences) for _, differences in parameters),
        open_layers=OPEN_LAYERS,
        open_parameters=OPEN_PARAMETERS,
    )


def _shown(kind: InterventionKind, explanation: Explanation) -> Shown:
    rows = explanation.made(kind)
    strongest = sorted(range(len(rows)), key=lambda i: -abs(rows[i].alone))
    drawn = [rows[i] for i in sorted(strongest[:FIGURE_ROWS])]
    start = rows[0].start
    # Shares go through percent and back.
    part = abs(start - explanation.agreement.equal_outputs) > 1e-6
    figure = figures.interventions(drawn, start, f"interventions-{kind}")
    hidden = len(rows) - len(drawn)
    return Shown(*words.GROUPS[kind], rows, figure, hidden, start if part else None)
