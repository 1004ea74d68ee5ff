"""The page of `flash-and-eval`: figures, pictures and lists that the document does not hold."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from host.commands.evaluate import figures, words
from host.commands.evaluate.document import EvaluationDocument
from host.commands.evaluate.values import Evaluation
from host.deployment.figures import arena_over_time, memory_sections, operator_bars
from host.oracles.columns import COLUMN_LABELS, COLUMN_MEANINGS, ColumnName, first_present
from host.report import pictures
from host.report.formats import short
from host.report.page import render
from host.verdict.gaps import GAP_WORDS, Disagreement, Gap, GapName, GapWords, steps
from host.verdict.latency import UNIT_WORDS, latency_text, time_text
from host.verdict.metrics import METRICS
from host.verdict.tasks import CLASSIFIES, real_values

# A matrix of more classes says less than its list of most frequent confusions.
MATRIX_CLASSES = 60
FREQUENT_CONFUSIONS = 12
# Of a gap's disagreements: as cards, then as rows of a table; or, with neither, in one sentence.
CARDS = 12
ROWS = 200
WORST = 24
# Whose measures are shown beside each other.
_SCORED: tuple[ColumnName, ...] = ("keras", "tflm_host", "device")
# Whose lists come first: the one that matters most.
_ORDER: tuple[GapName, ...] = ("deployment", "quantization", "desktop", "desktop_reference")


@dataclass(frozen=True)
class Confusion:
    """Which class was taken for which by the device.

    Attributes:
        truth: what the rows' classes are: labels, or another column.
        figure: None for very many classes.
        frequent: class in the row, class on the device, samples; off the diagonal only.
        right: samples on the diagonal, of ``total``.
    """

    truth: str
    figure: Markup | None
    frequent: tuple[tuple[int, int, int], ...]
    right: int
    total: int


@dataclass(frozen=True)
class Disagreements:
    """The list for one gap. ``hidden`` more are in the document only.

    With classes or pictures ``cards`` come first, each with its picture as a data URI or None, and
    ``rows`` for the rest; else ``worst`` is all that there is to show.
    """

    words: GapWords
    left: str
    right: str
    cards: tuple[tuple[Disagreement, str | None], ...]
    rows: tuple[Disagreement, ...]
    worst: tuple[Disagreement, ...]
    hidden: int


def render_html(evaluation: Evaluation, document: EvaluationDocument) -> str:
    """The report as a self-contained HTML page; ``document`` is :func:`document`'s."""
    classes = evaluation.verdict.task in CLASSIFIES
    latency, draw = evaluation.latency, pictures.drawer(evaluation.dataset.x)
    gaps = [evaluation.verdict.gaps[name] for name in _ORDER]
    return render(
        "commands/evaluate/page.html.j2",
        document,
        tone=words.tone_of(evaluation.verdict),
        other=evaluation.verdict.ordered[1].text,
        labels=COLUMN_LABELS,
        meanings=COLUMN_MEANINGS,
        gap_words=GAP_WORDS,
        unit=UNIT_WORDS[latency.unit],
        latency=latency_text(latency),
        milliseconds=time_text(latency),
        intervals=_intervals(evaluation),
        confusion=_confusion(evaluation),
        name=evaluation.dataset.class_name,
        choices=evaluation.choices,
        measures=_measures(evaluation),
        scored=_SCORED,
        outputs=() if classes else _outputs(evaluation),
        disagreements=[_list(gap, draw) for gap in gaps if gap is not None and gap.disagreements],
        operators=operator_bars(latency),
        arena=arena_over_time(evaluation.rendered, evaluation.device.info),
        memory=memory_sections(evaluation.image, evaluation.board),
    )


def _measures(evaluation: Evaluation) -> list[tuple[str, list[str]]]:
    """What is measured beside the accuracy, and its values for ``_SCORED``, as texts."""
    metrics = evaluation.verdict.metrics
    return [
        (label, [form(metrics[column].get(name)) for column in _SCORED])
        for name, (label, form) in METRICS.items()
        if any(name in metrics[column] for column in _SCORED)
    ]


def _intervals(evaluation: Evaluation) -> Markup | None:
    verdict = evaluation.verdict
    shares = verdict.task in CLASSIFIES
    values = verdict.accuracy if shares else verdict.errors
    rows = [(COLUMN_LABELS[name], value) for name, value in values.items() if value is not None]
    if not rows:
        return None
    label = "accuracy (%), 95 % interval" if shares else "mean absolute error (output units)"
    return figures.intervals(rows, label, shares=shares)


def _confusion(evaluation: Evaluation) -> Confusion | None:
    reading = evaluation.reading
    if reading.task not in ("classification", "binary"):
        return None
    predicted = reading.predictions(evaluation.device.outputs)
    labels = reading.labels(evaluation.dataset)
    if labels is not None:
        truth, expected = "Label", labels
    else:
        reference = first_present(evaluation.columns, "keras", "tflm_host", "litert")
        if reference is None or reference.outputs is None:
            return None
        truth = COLUMN_LABELS[reference.name]
        expected = reading.predictions(reference.outputs)
    classes = max(reading.classes, int(expected.max()) + 1)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (expected, predicted), 1)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:FREQUENT_CONFUSIONS]
    pairs = [divmod(int(place), classes) for place in order]
    drawn = classes <= MATRIX_CLASSES
    names = [short(evaluation.dataset.class_name(k), 14) for k in range(classes)]
    return Confusion(
        truth=truth,
        figure=figures.confusion(counts, truth, "Device", names) if drawn else None,
        frequent=tuple((r, c, int(wrong[r, c])) for r, c in pairs if wrong[r, c]),
        right=int(np.trace(counts)),
        total=len(predicted),
    )


def _outputs(evaluation: Evaluation) -> tuple[Markup, ...]:
    """The device's outputs over the float model's, and their differences in steps."""
    codes, device = evaluation.quantized.graph.output_codes, evaluation.device.outputs
    drawn = []
    reference = first_present(evaluation.columns, "keras", "tflm_host")
    if reference is not None and reference.outputs is not None:
        values = real_values(reference.outputs, codes), real_values(device, codes)
        drawn.append(figures.scatter(*values, COLUMN_LABELS[reference.name]))
    names: tuple[ColumnName, ...] = ("keras", "tflm_host")
    for name in names:
        other = evaluation.columns[name].outputs
        if other is not None and codes.quantization is not None:
            difference = steps(device, codes) - steps(other, codes)
            label = f"Device − {COLUMN_LABELS[name]}"
            drawn.append(figures.step_histogram(difference, f"steps-{name}", label))
    return tuple(drawn)


def _list(gap: Gap, draw: Callable[[int], str] | None) -> Disagreements:
    samples = gap.disagreements
    classes = gap.flips is not None
    cards = samples[:CARDS] if classes or draw else ()
    rows = samples[CARDS : CARDS + ROWS] if classes else ()
    worst = () if cards else samples[:WORST]
    return Disagreements(
        words=GAP_WORDS[gap.name],
        left=COLUMN_LABELS[gap.left],
        right=COLUMN_LABELS[gap.right],
        cards=tuple((card, draw(card.sample) if draw else None) for card in cards),
        rows=rows,
        worst=worst,
        hidden=len(samples) - len(cards) - len(rows) - len(worst),
    )
