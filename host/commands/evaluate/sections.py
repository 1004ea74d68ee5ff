"""What the page shows beside the document: figures, pictures and tables drawn from arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from host.base.arrays import FloatArray
from host.commands.evaluate import plots
from host.commands.evaluate.values import Evaluation
from host.deployment import figures
from host.deployment.figures import arena_over_time, operator_bars
from host.oracles.columns import COLUMN_LABELS, COLUMNS, Column, ColumnName
from host.report import pictures
from host.verdict import differences
from host.verdict.gaps import GAP_WORDS, Disagreement, Gap, GapName, GapWords

# A matrix of more classes says less than its list of most frequent confusions.
MATRIX_CLASSES = 60
FREQUENT_CONFUSIONS = 12
CARDS = 12
ROWS = 200
WORST = 24


@dataclass(frozen=True)
class Confusion:
    """Who was taken for whom. ``figure`` is None for very many classes.

    ``frequent`` holds class in the row, class in the column, samples; off the diagonal only.
    """

    rows: str
    columns: str
    figure: Markup | None
    frequent: tuple[tuple[int, int, int], ...]
    right: int
    total: int


@dataclass(frozen=True)
class Card:
    """A disagreement and, where its sample is one, its picture as a data URI."""

    disagreement: Disagreement
    picture: str | None


@dataclass(frozen=True)
class Disagreements:
    """The list for one gap.

    With classes or pictures ``cards`` first and ``rows`` for the rest; else ``worst`` is all that
    there is to show. ``hidden`` more are in the JSON only.
    """

    words: GapWords
    left: str
    right: str
    cards: tuple[Card, ...]
    rows: tuple[Disagreement, ...]
    worst: tuple[Disagreement, ...]
    hidden: int


@dataclass(frozen=True)
class Sections:
    """Everything that the template shows and the document does not hold."""

    accuracy: Markup | None
    errors: Markup | None
    confusion: Confusion | None
    scatter: Markup | None
    histograms: tuple[Markup, ...]
    disagreements: tuple[Disagreements, ...]
    operators: Markup | None
    arena: Markup | None
    memory: Markup
    difference: str
    gap_words: dict[GapName, GapWords] = field(default_factory=lambda: GAP_WORDS)


def sections(evaluation: Evaluation) -> Sections:
    """Draw what this run has."""
    first = evaluation.verdict.first_difference
    classes = evaluation.verdict.task == "classification"
    return Sections(
        accuracy=_intervals(evaluation, shares=True),
        errors=_intervals(evaluation, shares=False),
        confusion=_confusion(evaluation) if classes else None,
        scatter=None if classes else _scatter(evaluation),
        histograms=() if classes else _histograms(evaluation),
        disagreements=_disagreements(evaluation),
        operators=_operators(evaluation),
        arena=_arena(evaluation),
        memory=Markup(
            figures.memory(evaluation.image.sections, evaluation.board.flash, evaluation.board.ram)
        ),
        difference="" if first is None else differences.difference(first.values),
    )


def real_outputs(evaluation: Evaluation, column: Column) -> FloatArray | None:
    """A column's outputs in real units, float32 [n, ...]; None where it is absent."""
    if column.outputs is None:
        return None
    quantization = evaluation.quantized.graph.output_codes.quantization
    if column.outputs.dtype.kind == "f" or quantization is None:
        return column.outputs.astype(np.float32)
    steps = column.outputs.astype(np.float32) - quantization.zero_point
    return np.asarray(steps * quantization.scale, dtype=np.float32)


def output_steps(evaluation: Evaluation, column: Column) -> npt.NDArray[np.int64] | None:
    """A column's outputs in steps of the output tensor, int64 [n, ...]; None where it is absent."""
    output = evaluation.quantized.graph.output_codes
    if column.outputs is None or output.quantization is None:
        return None
    if column.outputs.dtype.kind != "f":
        return column.outputs.astype(np.int64)
    limits = np.iinfo(output.numpy_dtype)
    scaled = np.nan_to_num(column.outputs / output.quantization.scale)
    steps = np.round(scaled) + output.quantization.zero_point
    return np.clip(steps, limits.min, limits.max).astype(np.int64)


def _intervals(evaluation: Evaluation, *, shares: bool) -> Markup | None:
    values = evaluation.verdict.accuracy if shares else evaluation.verdict.errors
    rows = [
        (COLUMN_LABELS[name], interval)
        for name in COLUMNS
        if (interval := values.get(name)) is not None and np.isfinite(interval.value)
    ]
    if not rows:
        return None
    label = "accuracy (%), 95 % interval" if shares else "mean absolute error (output units)"
    return Markup(plots.intervals(rows, label, shares=shares))


def _present(evaluation: Evaluation, *names: ColumnName) -> Column | None:
    """The first of the named columns that ran."""
    for name in names:
        column = evaluation.columns.get(name)
        if column is not None and column.outputs is not None:
            return column
    return None


def _confusion(evaluation: Evaluation) -> Confusion | None:
    device = _present(evaluation, "device")
    if device is None or device.outputs is None or not len(device.outputs):
        return None
    scores = device.outputs.reshape(len(device.outputs), -1)
    predicted = scores.argmax(axis=1)
    labels = evaluation.dataset.y
    if labels is not None:
        rows, truth = "Label", labels.reshape(-1).astype(np.int64)
    else:
        other = _present(evaluation, "keras", "tflm_host", "litert")
        if other is None or other.outputs is None:
            return None
        rows = COLUMN_LABELS[other.name]
        truth = other.outputs.reshape(len(other.outputs), -1).argmax(axis=1)
    classes = max(scores.shape[1], int(truth.max()) + 1)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:FREQUENT_CONFUSIONS]
    pairs = [divmod(int(place), classes) for place in order]
    return Confusion(
        rows=rows,
        columns="Device",
        figure=Markup(plots.confusion(counts, rows, "Device"))
        if classes <= MATRIX_CLASSES
        else None,
        frequent=tuple((r, c, int(wrong[r, c])) for r, c in pairs if wrong[r, c]),
        right=int(np.trace(counts)),
        total=len(predicted),
    )


def _scatter(evaluation: Evaluation) -> Markup | None:
    device, other = _present(evaluation, "device"), _present(evaluation, "keras", "tflm_host")
    if device is None or other is None:
        return None
    left, right = real_outputs(evaluation, other), real_outputs(evaluation, device)
    if left is None or right is None or left.size != right.size or not left.size:
        return None
    return Markup(plots.scatter(left, right, COLUMN_LABELS[other.name]))


def _histograms(evaluation: Evaluation) -> tuple[Markup, ...]:
    """Step differences of the device against the float model and against the oracle."""
    device = _present(evaluation, "device")
    right = None if device is None else output_steps(evaluation, device)
    names: tuple[ColumnName, ...] = ("keras", "tflm_host")
    found = []
    for name in names:
        column = _present(evaluation, name)
        left = None if column is None else output_steps(evaluation, column)
        if left is not None and right is not None and left.size == right.size and left.size:
            label = f"Device − {COLUMN_LABELS[name]}"
            difference = right.reshape(-1) - left.reshape(-1)
            found.append(Markup(plots.step_histogram(difference, f"steps-{name}", label)))
    return tuple(found)


def _disagreements(evaluation: Evaluation) -> tuple[Disagreements, ...]:
    """The lists of the gaps that have one, the one that matters most first."""
    order: tuple[GapName, ...] = ("deployment", "quantization", "desktop", "desktop_reference")
    draw = pictures.drawer(evaluation.dataset.x)
    return tuple(
        _disagreement_list(gap, draw)
        for name in order
        if (gap := evaluation.verdict.gaps.get(name)) is not None and gap.disagreements
    )


def _disagreement_list(gap: Gap, draw: Callable[[int], str] | None) -> Disagreements:
    found = gap.disagreements
    classes = gap.flips is not None
    carded = found[:CARDS] if classes or draw else ()
    rows = found[CARDS : CARDS + ROWS] if classes else ()
    worst = () if carded else found[:WORST]
    return Disagreements(
        words=GAP_WORDS[gap.name],
        left=COLUMN_LABELS[gap.left],
        right=COLUMN_LABELS[gap.right],
        cards=tuple(Card(d, draw(d.sample) if draw else None) for d in carded),
        rows=rows,
        worst=worst,
        hidden=len(found) - len(carded) - len(rows) - len(worst),
    )


def _operators(evaluation: Evaluation) -> Markup | None:
    return operator_bars(evaluation.latency)


def _arena(evaluation: Evaluation) -> Markup | None:
    return arena_over_time(evaluation.rendered, evaluation.device.info)
