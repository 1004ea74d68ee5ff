"""The two halves of the answer: does int8 predict what the float model predicts, and does the
device compute the int8 model?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from host.models.dataset import Dataset
from host.oracles.columns import COLUMN_LABELS, Column, ColumnName, first_present
from host.report.formats import number, percent
from host.verdict import statistics
from host.verdict.differences import FirstDifference
from host.verdict.gaps import Gap
from host.verdict.options import Limits, Task
from host.verdict.statistics import Interval, Values
from host.verdict.tasks import Reading, real_values

State = Literal["good", "bad", "not known"]
# What the device does. "version skew": it differs as two versions of TFLM do. "unrepeated": it
# differed once, and no more when it was asked for every operator. "unknown": nothing to compare.
Outcome = Literal["match", "differs", "version skew", "unrepeated", "unknown"]
# A drop of accuracy counts where chance gives it less often than this.
_SIGNIFICANT = 0.01
# How far int8 may be from Keras where there are no classes, in standard deviations of Keras's
# outputs. Anomalies, which an auto-encoder is scored on, are beyond what it was calibrated with.
_MAX_ERROR: Mapping[Task, float] = {"regression": 0.1, "autoencoder": 0.25}


@dataclass(frozen=True)
class Half:
    """One half of the answer."""

    state: State
    """good; bad; or not known, where there is nothing to compare."""
    text: str
    """The answer in one sentence."""


# --- int8 against the float model -------------------------------------------------------------


def quantization_half(
    columns: Mapping[ColumnName, Column],
    accuracy: Mapping[ColumnName, Interval | None],
    errors: Mapping[ColumnName, Interval | None],
    gap: Gap | None,
    dataset: Dataset,
    reading: Reading,
    limits: Limits,
    unlike_training: bool,
) -> Half:
    """Does int8 predict what Keras predicts, and is either right more often than chance?

    Args:
        accuracy, errors: by column; None without labels, without targets.
        gap: between Keras and TFLM on the host; None where one is absent.
        unlike_training: samples or labels were seen not to be what the model was trained on.
    """
    if dataset.raw:
        return _unknown("random samples do not tell")
    int8, least = accuracy["tflm_host"] or accuracy["device"], limits.min_accuracy
    if int8 is not None and least is not None and 100 * int8.value < least:
        return Half(
            "bad",
            f"Int8 is right on {percent(int8.value)} of the samples; --min-accuracy asks for "
            f"{percent(least / 100)}",
        )
    asked = first_present(columns, "keras", "tflm_host")
    share = None if asked is None else accuracy[asked.name]
    if asked is not None and share is not None:
        chance = _at_chance(asked, share, dataset, reading)
        if unlike_training or chance:
            extent = "" if unlike_training else ", no better than chance"
            return Half(
                "bad",
                f"{COLUMN_LABELS[asked.name]} is right on {percent(share.value)} of the "
                f"samples{extent}: samples or labels are not what the model was trained on",
            )
    keras = columns["keras"]
    if gap is None:
        absent = keras if keras.outputs is None else columns["tflm_host"]
        return _unknown(str(absent.absent))
    if gap.flips is None:
        assert keras.outputs is not None  # a gap has both its columns
        values = real_values(keras.outputs, reading.codes)
        return _by_values(gap, values, errors, largest_error(values, limits, reading))
    return _by_classes(gap, accuracy, limits)


def _unknown(why: str) -> Half:
    return Half("not known", f"Whether int8 predicts what Keras predicts is not known: {why}")


def _by_classes(gap: Gap, accuracy: Mapping[ColumnName, Interval | None], limits: Limits) -> Half:
    assert gap.flips is not None
    flips = f"{number(gap.flips)} of {number(gap.samples)} changed"
    bad = 100 * statistics.lower_bound(gap.flips, gap.samples) > limits.max_flips
    keras, int8 = accuracy["keras"], accuracy["tflm_host"]
    if keras is not None and int8 is not None:
        flips = f"{percent(keras.value)} → {percent(int8.value)} right, {flips}"
        drop = 100 * (keras.value - int8.value)
        seen = gap.mcnemar_p is not None and gap.mcnemar_p < _SIGNIFICANT
        bad = bad or (drop > limits.max_drop and seen)
    return _against_keras(bad, flips)


def largest_error(keras: Values, limits: Limits, reading: Reading) -> float:
    """How far int8 may be from Keras's outputs on average, in their units: what the user gives, or
    a part of their standard deviation."""
    if limits.max_error is not None:
        return limits.max_error
    return _MAX_ERROR[reading.task] * float(keras.std())


def _by_values(
    gap: Gap, keras: Values, errors: Mapping[ColumnName, Interval | None], allowed: float
) -> Half:
    spread = float(keras.std())
    moved = f"outputs move by {number(gap.mean_error)} on average"
    if spread > 0:
        moved = f"outputs move by {number(gap.mean_error / spread, 2)} standard deviations"
    elif allowed == 0:
        return _unknown(f"Keras's outputs are all alike, and int8's {moved}")
    before, after = errors["keras"], errors["tflm_host"]
    if before is not None and after is not None:
        moved = f"mean error {number(before.value)} → {number(after.value)}, {moved}"
    return _against_keras(gap.mean_error > allowed, moved)


def _against_keras(bad: bool, numbers: str) -> Half:
    if bad:
        return Half("bad", f"Int8 does not predict what Keras predicts: {numbers}")
    return Half("good", f"Int8 predicts what Keras predicts: {numbers}")


def _at_chance(column: Column, share: Interval, dataset: Dataset, reading: Reading) -> bool:
    """Samples or labels unlike those of the training give no error anywhere; accuracy at chance
    gives them away.

    Chance is the accuracy to be expected of these very predictions if they had nothing to do with
    these labels (as in Cohen's kappa, 1960); one over the number of classes where the samples are
    all of one class. It is at chance where the interval holds chance or is below it, and ends
    before the middle between chance and 1.
    """
    labels, outputs = reading.labels(dataset), column.outputs
    if outputs is None or labels is None or labels.ndim > 1:  # of several labels, each has its own
        return False
    counts = [
        np.bincount(x, minlength=reading.classes) / len(labels)
        for x in (reading.predictions(outputs), labels)
    ]
    chance = float(np.dot(*counts)) if counts[1].max() < 1 else 1 / reading.classes
    return share.low <= chance and share.high <= (1 + chance) / 2


# --- the device against int8 ------------------------------------------------------------------


def deployment_half(
    columns: Mapping[ColumnName, Column],
    gap: Gap | None,
    outcome: Outcome,
    first: FirstDifference | None,
) -> Half:
    """Does the device compute what TFLM on the host computes?

    ``gap`` is that between the two, None where TFLM on the host is absent; ``first`` is the first
    operator that differs, where one was looked for and seen.
    """
    if gap is None:
        missing = columns["tflm_host"]
        # No other oracle steps in: desktop kernels round differently, so equality with them would
        # prove nothing, and neither would a difference.
        return Half(
            "not known",
            "Whether the device computes the int8 model is not known: "
            f"{COLUMN_LABELS[missing.name]} is missing ({missing.absent})",
        )
    n = gap.samples
    if outcome == "match":
        return Half("good", f"The device computes the int8 model: {n}/{n} bit-exact")
    where = f", first at operator {first.operator.index} {first.operator.name}" if first else ""
    skew = " (version skew)" if outcome == "version skew" else ""
    return Half(
        "bad",
        f"The device does not compute the int8 model: {n - gap.equal_samples}/{n} outputs differ"
        f"{where}{skew}",
    )
