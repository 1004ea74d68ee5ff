"""Does the device match, and if not, where does it part; how accurate, how fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from host.base.arrays import Array
from host.device.identity import DeviceInfo
from host.models.dataset import Dataset
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName
from host.verdict import statistics
from host.verdict.differences import FirstDifference
from host.verdict.gaps import (
    GAPS,
    Gap,
    GapName,
    Task,
    accuracy,
    compare,
    detect_task,
    real_outputs,
)
from host.verdict.statistics import Interval


@dataclass(frozen=True)
class Verdict:
    """The answer.

    ``accuracy`` holds None for a column that is absent or where there are no labels; ``errors``
    holds the mean absolute error against float targets in real units, likewise.
    """

    match: bool
    task: Task
    samples: int
    headline: str
    accuracy: Mapping[ColumnName, Interval | None]
    errors: Mapping[ColumnName, Interval | None]
    gaps: Mapping[GapName, Gap | None]
    first_difference: FirstDifference | None
    notes: tuple[str, ...]


# The largest share of output values that two versions of TFLM were seen to differ on.
_SKEW_SHARE = 0.001


def judge(
    columns: Mapping[ColumnName, Column],
    graph: Graph,
    dataset: Dataset,
    *,
    first: FirstDifference | None = None,
    traced: int = 0,
    info: DeviceInfo | None = None,
) -> Verdict:
    """Give the verdict.

    Args:
        columns: all five; absent ones say why.
        graph: the int8 model.
        dataset: the samples, as ``check_fit`` returned them.
        first: what ``first_difference`` found.
        traced: for how many samples the device reported every operator.
        info: what the device said of itself.
    """
    task = detect_task(graph, dataset)
    labels = dataset.y if dataset.y is not None and dataset.y.dtype.kind == "i" else None
    gaps = {
        name: compare(name, columns[left], columns[right], graph.output_codes, task, labels)
        for name, (left, right) in GAPS.items()
    }
    shares = {name: accuracy(column.outputs, labels) for name, column in columns.items()}
    targets = dataset.y if task == "regression" else None
    errors = {name: _error(column, targets, graph) for name, column in columns.items()}
    match, headline = _headline(columns, gaps["deployment"], first)
    notes = [*dataset.notes, *_absences(columns)]
    skew = _version_skew(gaps["deployment"], first, info, columns["tflm_host"].version)
    if skew is not None:
        headline = headline.replace("deployment gap", "version skew", 1)
        notes.append(skew)
    if not match and skew is None and traced and first is None and gaps["deployment"] is not None:
        notes.append(
            f"Every operator of the {traced} traced samples equals TFLM on the host: the "
            "difference did not repeat, so look at the link and at memory that is overwritten."
        )
    notes += _chance(columns, shares, task, graph.output.size)
    return Verdict(
        match=match,
        task=task,
        samples=len(dataset.x),
        headline=headline,
        accuracy=shares,
        errors=errors,
        gaps=gaps,
        first_difference=first,
        notes=tuple(notes),
    )


def _headline(
    columns: Mapping[ColumnName, Column], gap: Gap | None, first: FirstDifference | None
) -> tuple[bool, str]:
    if gap is None:
        missing = next(columns[c] for c in GAPS["deployment"] if columns[c].outputs is None)
        who = "TFLM on the host" if missing.name == "tflm_host" else "the device"
        # No other oracle steps in: desktop kernels round differently, so equality with them would
        # prove nothing, and neither would a difference.
        return False, f"no verdict: {who} is missing ({missing.absent or 'no reason given'})"
    n = gap.samples
    differ = n - round(gap.bit_equal * n)
    if differ == 0:
        return True, f"device matches: {n}/{n} bit-exact"
    where = f", first at operator {first.operator.index} {first.operator.name}" if first else ""
    return False, f"deployment gap: {differ}/{n} samples differ on the device{where}"


def _version_skew(
    gap: Gap | None, first: FirstDifference | None, info: DeviceInfo | None, host: str
) -> str | None:
    """What to say where the gap is one that two versions of TFLM have between them.

    FULLY_CONNECTED's multiplier is made of the input's and the filter's scale; older versions
    multiply the two as float, newer ones as double. So now and then an output differs by one step.
    """
    if gap is None or gap.bit_equal == 1.0 or info is None or info.engine != "tflm":
        return None
    small = gap.max_steps <= 1 and 1 - gap.bit_equal_values <= _SKEW_SHARE
    if not small or (first is not None and first.operator.name != "FULLY_CONNECTED"):
        return None
    share = 100 * (1 - gap.bit_equal_values)
    return (
        f"Version skew: the device runs {info.engine_version}, the oracle is {host}; outputs "
        f"differ by at most one step on {share:.3f} % of values. Older TFLM multiplies the "
        "scales of FULLY_CONNECTED as float, newer as double. Use a newer library to be rid of it."
    )


def _error(column: Column, targets: Array | None, graph: Graph) -> Interval | None:
    """Mean absolute error per sample, against float targets."""
    if column.outputs is None or targets is None:
        return None
    wanted = targets.reshape(len(targets), -1).astype(np.float64)
    return statistics.mean(
        np.abs(real_outputs(column.outputs, graph.output_codes) - wanted).mean(axis=1)
    )


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
    found = shares[name]
    if task != "classification" or found is None or found.low > 1 / classes:
        return []
    return [
        f"{name} is right on {100 * found.value:.1f} % of the samples, no better than chance with "
        f"{classes} classes: are the samples scaled, and the labels numbered, as in training?"
    ]
