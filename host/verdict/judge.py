"""Does the device match, and if not, where do they first diverge; how accurate is each column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from host.models.dataset import Dataset
from host.models.tflite import Graph
from host.oracles.columns import COLUMN_LABELS, Column, ColumnName
from host.report.formats import percent
from host.verdict.differences import FirstDifference
from host.verdict.gaps import GAPS, Gap, GapName, Task, accuracy, compare, detect_task, mean_error
from host.verdict.statistics import Interval

# What the device does. "version skew": it differs as two versions of TFLM do. "unrepeated": it
# differed once, and no more when it was asked for every operator. "unknown": nothing to compare.
Outcome = Literal["match", "differs", "version skew", "unrepeated", "unknown"]
# The largest share of output values that two versions of TFLM were seen to differ on.
_SKEW_SHARE = 0.001


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        outcome: what was decided; ``headline`` says it in a sentence.
        accuracy: by column; None where that is absent or there are no labels.
        errors: mean absolute errors against float targets in real units, likewise.
        gaps: all, None where one of a gap's columns is absent.
        notes: what a reader must know, the data set's notes first.
    """

    outcome: Outcome
    task: Task
    samples: int
    headline: str
    accuracy: Mapping[ColumnName, Interval | None]
    errors: Mapping[ColumnName, Interval | None]
    gaps: Mapping[GapName, Gap | None]
    first_difference: FirstDifference | None
    notes: tuple[str, ...]

    @property
    def match(self) -> bool:
        """Whether the device computes what TFLM on the host computes, byte for byte."""
        return self.outcome == "match"


def judge(
    columns: Mapping[ColumnName, Column],
    graph: Graph,
    dataset: Dataset,
    *,
    first: FirstDifference | None = None,
    traced: int = 0,
    library: str | None = None,
) -> Verdict:
    """Give the verdict.

    Args:
        columns: all five; absent ones say why.
        graph: the int8 model.
        dataset: the samples, as ``check_fit`` returned them.
        first: the first operator that differs, where one was looked for and seen.
        traced: for how many samples the device reported every operator.
        library: the version of TFLM that the device runs, where it runs TFLM.
    """
    task, codes = detect_task(graph, dataset), graph.output_codes
    labels = dataset.y if dataset.y is not None and dataset.y.dtype.kind == "i" else None
    targets = dataset.y if task == "regression" else None
    gaps = {
        name: compare(name, columns[left], columns[right], codes, task, labels)
        for name, (left, right) in GAPS.items()
    }
    outcome = _outcome(gaps["deployment"], first, traced, library)
    shares = {name: accuracy(column.outputs, labels) for name, column in columns.items()}
    return Verdict(
        outcome=outcome,
        task=task,
        samples=len(dataset.x),
        headline=_headline(outcome, columns, gaps["deployment"], first),
        accuracy=shares,
        errors={name: mean_error(c.outputs, targets, codes) for name, c in columns.items()},
        gaps=gaps,
        first_difference=first,
        notes=(
            *dataset.notes,
            *_absences(columns),
            *_explanation(outcome, columns, gaps["deployment"], traced, library),
            *_chance(columns, shares, task, graph.output.size),
        ),
    )


def _outcome(
    gap: Gap | None, first: FirstDifference | None, traced: int, library: str | None
) -> Outcome:
    if gap is None:
        return "unknown"
    if gap.zero:
        return "match"
    # FULLY_CONNECTED's multiplier is made of the input's and the filter's scale; older TFLM
    # multiplies the two as float, newer as double. So now and then an output differs by one step.
    small = gap.max_steps <= 1 and 1 - gap.bit_equal_values <= _SKEW_SHARE
    dense = first is None or first.operator.name == "FULLY_CONNECTED"
    if library is not None and small and dense:
        return "version skew"
    return "unrepeated" if traced and first is None else "differs"


def _headline(
    outcome: Outcome,
    columns: Mapping[ColumnName, Column],
    gap: Gap | None,
    first: FirstDifference | None,
) -> str:
    if gap is None:
        missing = next(columns[c] for c in GAPS["deployment"] if columns[c].outputs is None)
        # No other oracle steps in: desktop kernels round differently, so equality with them would
        # prove nothing, and neither would a difference.
        return f"no verdict: {COLUMN_LABELS[missing.name]} is missing ({missing.absent})"
    n = gap.samples
    if outcome == "match":
        return f"device matches: {n}/{n} bit-exact"
    name = outcome if outcome == "version skew" else "deployment gap"
    where = f", first at operator {first.operator.index} {first.operator.name}" if first else ""
    return f"{name}: {n - gap.equal_samples}/{n} samples differ on the device{where}"


def _explanation(
    outcome: Outcome,
    columns: Mapping[ColumnName, Column],
    gap: Gap | None,
    traced: int,
    library: str | None,
) -> list[str]:
    if outcome == "unrepeated":
        return [
            f"Every operator of the {traced} traced samples equals TFLM on the host: the "
            "difference did not repeat, so look at the link and at memory that is overwritten."
        ]
    if outcome == "version skew":
        assert gap is not None
        return [
            f"Version skew: the device runs {library}, the oracle is "
            f"{columns['tflm_host'].version}; outputs differ by at most one step on "
            f"{percent(1 - gap.bit_equal_values, 3)} of values. Older TFLM multiplies the scales "
            "of FULLY_CONNECTED as float, newer as double. A newer library removes the difference."
        ]
    return []


def _absences(columns: Mapping[ColumnName, Column]) -> list[str]:
    return [
        f"The column {name} is absent: {column.absent}."
        for name, column in columns.items()
        if column.outputs is None
    ]


def _chance(
    columns: Mapping[ColumnName, Column],
    shares: Mapping[ColumnName, Interval | None],
    task: Task,
    classes: int,
) -> list[str]:
    """Un-normalised samples give no error anywhere; accuracy near chance gives them away."""
    name: ColumnName = "keras" if columns["keras"].outputs is not None else "tflm_host"
    share = shares[name]
    if task != "classification" or share is None or share.low > 1 / classes:
        return []
    return [
        f"{name} is right on {percent(share.value)} of the samples, no better than chance with "
        f"{classes} classes: are the samples scaled, and the labels numbered, as in training?"
    ]
