"""The verdict: both halves of the answer, accuracy by column, every gap, and what to know."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from host.models.dataset import Dataset
from host.models.tflite import Graph
from host.oracles.columns import COLUMN_LABELS, Column, ColumnName
from host.report.document import Part, derived
from host.report.formats import percent
from host.verdict.differences import FirstDifference
from host.verdict.gaps import GAPS, Gap, GapName, compare
from host.verdict.halves import Half, Outcome, deployment_half, quantization_half
from host.verdict.metrics import ClassScore, Metrics, class_scores, metrics
from host.verdict.options import Limits, Task
from host.verdict.statistics import Interval
from host.verdict.tasks import accuracy, mean_error, read_as

HalfName = Literal["quantization", "deployment"]
# The largest share of output values that two versions of TFLM were seen to differ on.
_SKEW_SHARE = 0.001


class Verdict(Part):
    """The answer: does int8 predict what Keras predicts, and does the device compute int8?"""

    outcome: Outcome = Field(exclude=True)
    """What the device does."""
    halves: Mapping[HalfName, Half]
    """quantization: does int8 predict what Keras predicts? deployment: does the device compute
    the int8 model?"""
    task: Task
    """What the outputs are for."""
    threshold: float | None
    """In output units: an output at or above it means yes; null where no output does."""
    samples: int
    """Number of samples that were scored."""
    accuracy: Mapping[ColumnName, Interval | None]
    """Share of right predictions by column, 0 to 1; null where the column is absent or there are no
    labels."""
    errors: Mapping[ColumnName, Interval | None]
    """Mean absolute error against the targets by column, in output units; an auto-encoder's target
    is its input. Null where the column is absent or there are no targets."""
    metrics: Mapping[ColumnName, Metrics]
    """How good each column's predictions are, by the name of the metric; empty where the column is
    absent, or what is right is not known."""
    class_scores: tuple[ClassScore, ...]
    """How well each class is found; empty without labels."""
    gaps: Mapping[GapName, Gap | None]
    """The differences between columns; null where a column is absent."""
    first_difference: FirstDifference | None
    """The first operator whose output on the device differs; null where none does, or none was
    found."""
    notes: tuple[str, ...]
    """What a reader must know, the data set's notes first."""

    @derived
    def verdict(self) -> Literal["match", "differs"]:
        """match: the device computes what TFLM on the host computes, and int8 predicts what Keras
        predicts, as far as that is known. differs: one of the two does not hold, or the first is
        not known."""
        return "match" if self.match else "differs"

    @property
    def match(self) -> bool:
        """Whether nothing is wrong: the device computes the int8 model, and where it is known
        what the float model predicts, int8 predicts the same."""
        return self.halves["deployment"].state == "good" and (
            self.halves["quantization"].state != "bad"
        )

    @property
    def int8_is_worse(self) -> bool:
        """Whether int8 is worse than Keras, so that another conversion may help."""
        keras, int8 = self.accuracy["keras"], self.accuracy["tflm_host"]
        return (
            self.halves["quantization"].state == "bad"
            and self.gaps["quantization"] is not None
            and (keras is None or int8 is None or int8.value < keras.value)
        )

    @property
    def good(self) -> bool:
        """Whether both halves are known to be good."""
        return all(half.state == "good" for half in self.halves.values())

    @property
    def ordered(self) -> tuple[Half, Half]:
        """Both halves, the worse one first; of two alike, the device's."""
        device, int8 = self.halves["deployment"], self.halves["quantization"]
        int8_first = device.state == "good" and int8.state == "bad"
        return (int8, device) if int8_first else (device, int8)

    @derived
    def headline(self) -> str:
        """The worse half in one sentence."""
        return self.ordered[0].text


def judge(
    columns: Mapping[ColumnName, Column],
    graph: Graph,
    dataset: Dataset,
    unlike_training: bool = False,
    *,
    first: FirstDifference | None = None,
    traced: int = 0,
    library: str | None = None,
    limits: Limits | None = None,
    task: Task | None = None,
) -> Verdict:
    """Give the verdict.

    Args:
        columns: all five; absent ones say why.
        dataset: the samples, as ``check_fit`` returned them.
        unlike_training: samples or labels were seen not to be what the model was trained on.
        first: the first operator that differs, where one was looked for and seen.
        traced: for how many samples the device reported every operator.
        library: the version of TFLM that the device runs, where it runs TFLM.
        task: what the outputs are for; None where labels and model tell.
    """
    reading = read_as(graph, dataset, task)
    labels, targets = reading.labels(dataset), reading.targets(dataset)
    gaps = {
        name: compare(name, columns[left], columns[right], reading, labels)
        for name, (left, right) in GAPS.items()
    }
    outcome = _outcome(gaps["deployment"], first, traced, library)
    shares = {
        name: None
        if column.outputs is None or labels is None
        else accuracy(reading.predictions(column.outputs), labels)
        for name, column in columns.items()
    }
    errors = {
        name: mean_error(column.outputs, targets, reading.codes) for name, column in columns.items()
    }
    return Verdict(
        outcome=outcome,
        halves={
            "quantization": quantization_half(
                *(columns, shares, errors, gaps["quantization"], dataset, reading),
                *(limits or Limits(), unlike_training),
            ),
            "deployment": deployment_half(columns, gaps["deployment"], outcome, first),
        },
        task=reading.task,
        threshold=reading.threshold,
        samples=len(dataset.x),
        accuracy=shares,
        errors=errors,
        metrics={
            name: metrics(reading, dataset, column.outputs) for name, column in columns.items()
        },
        class_scores=class_scores(reading, dataset, columns),
        gaps=gaps,
        first_difference=first,
        notes=(
            *dataset.notes,
            *_explanation(outcome, columns, gaps["deployment"], traced, library),
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


def _explanation(
    outcome: Outcome,
    columns: Mapping[ColumnName, Column],
    gap: Gap | None,
    traced: int,
    library: str | None,
) -> Iterator[str]:
    for name, column in columns.items():
        if column.outputs is None:
            yield f"The column {COLUMN_LABELS[name]} is absent: {column.absent}."
    if outcome == "unrepeated":
        yield (
            f"Every operator of the {traced} traced samples equals TFLM on the host: the "
            "difference did not repeat, so look at the link and at memory that is overwritten."
        )
    if outcome == "version skew" and gap is not None:
        yield (
            f"Version skew: the device runs {library}, the oracle is "
            f"{columns['tflm_host'].version}; outputs differ by at most one step on "
            f"{percent(1 - gap.bit_equal_values, 3)} of values. Older TFLM multiplies the scales "
            "of FULLY_CONNECTED as float, newer as double. A newer library removes the difference."
        )
