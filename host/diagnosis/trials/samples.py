"""Are the samples and their labels what the model was trained on? Tried on the model itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from host.base.arrays import Array
from host.diagnosis.trials.trial import Trial
from host.models.dataset import Dataset
from host.report.formats import number
from host.verdict import statistics
from host.verdict.tasks import Classes

Predict = Callable[[Array], Classes]
# Samples that each change is tried on.
SAMPLES = 200
# A model that is right more often than this is not asked; what restores less restores nothing.
_GOOD, _LEAST_EFFECT = 0.95, 0.05
# Of changes that restore about as much, the simplest is meant.
_AS_GOOD = 0.02
# Chance finds a change among all that are tried at most this often.
_SIGNIFICANT = 0.01
# All orders of so many channels are tried; of more, the reversed one.
_ALL_ORDERS = 3
_LAST_CHANNELS = 16


@dataclass(frozen=True)
class _Change:
    cause: str
    change: str
    x: Array


def sample_trial(
    predict: Predict, dataset: Dataset, predicted: Classes, labels: Classes, counted: str
) -> Trial | None:
    """The change of samples or labels that restores most, None where none restores anything.

    Scale, offset, order of channels, and the classes' numbers are tried. An effect counts where
    McNemar's test sees it, corrected for the number of changes (Bonferroni).

    Args:
        predict: from samples in real units, float32 [n, …], to predicted classes.
        dataset: the samples.
        predicted: classes, int64 [n], for the samples as they are.
        labels: what they should be, int64 [n].
        counted: what is counted in words: "Keras is right".
    """
    right = predicted == labels
    if dataset.raw or right.mean() > _GOOD:
        return None
    trials = [
        *_inputs(predict, dataset, labels, right, counted),
        *_labels(predicted, labels, counted),
    ]
    best = max((trial.after for trial in trials), default=0.0)
    return next((trial for trial in trials if trial.after >= best - _AS_GOOD), None)


def _inputs(
    predict: Predict, dataset: Dataset, labels: Classes, right: Array, counted: str
) -> list[Trial]:
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:SAMPLES])
    labels, right = labels[rows], right[rows]
    changes = list(_changes(dataset, dataset.x[rows].astype(np.float32)))
    if not changes:
        return []
    classes = predict(np.concatenate([change.x for change in changes]).astype(np.float32))
    trials = []
    for change, made in zip(changes, np.split(classes, len(changes)), strict=True):
        now = made == labels
        if _restores(right, now, len(changes)):
            before, after = float(right.mean()), float(now.mean())
            trials.append(Trial(change.cause, change.change, counted, before, after))
    return trials


def _restores(right: Array, now: Array, tried: int) -> bool:
    return bool(
        now.mean() - right.mean() >= _LEAST_EFFECT
        and statistics.mcnemar(right, now) < _SIGNIFICANT / tried
    )


def _changes(dataset: Dataset, x: Array) -> Iterator[_Change]:
    """The simplest first: what is fitted to the data explains more than what is not."""
    low, high = float(x.min()), float(x.max())
    if high > 2:
        yield _Change("input-scale", "the samples divided by 255", x / 255)
        yield _Change("input-scale", "0 to 255 mapped to −1 to 1", x / 127.5 - 1)
    if high <= 2 and low >= 0:
        yield _Change("input-scale", "the samples times 255", x * 255)
        yield _Change("input-scale", "0 to 1 mapped to −1 to 1", 2 * x - 1)
    if high <= 2 and low < 0:
        yield _Change("input-scale", "−1 to 1 mapped to 0 to 1", (x + 1) / 2)
        yield _Change("input-scale", "−1 to 1 mapped to 0 to 255", (x + 1) * 127.5)
    for order in _orders(x):
        text = f"the channels in the order {', '.join(map(str, order))}"
        yield _Change("input-channel-order", text, x[..., list(order)])
    if (deviation := _deviation(x)) is not None:
        text = "each channel normalized to mean 0 and standard deviation 1"
        yield _Change("input-scale", text, (x - _mean(x)) / deviation)
        calibration = dataset.x_calibration
        if calibration is not None and (wanted := _deviation(calibration)) is not None:
            fitted = (x - _mean(x)) / deviation * wanted + _mean(calibration)
            text = "each channel scaled to the representative data's mean and standard deviation"
            yield _Change("input-scale", text, fitted)


def _orders(x: Array) -> list[tuple[int, ...]]:
    channels = x.shape[-1] if x.ndim > 2 else 1
    given = tuple(range(channels))
    if channels <= _ALL_ORDERS:
        return [order for order in reversed(list(permutations(given))) if order != given]
    return [given[::-1]] if channels <= _LAST_CHANNELS else []


def _mean(x: Array) -> Array:
    """Of each channel."""
    return np.asarray(x.mean(axis=tuple(range(x.ndim - 1)), dtype=np.float64))


def _deviation(x: Array) -> Array | None:
    """Of each channel; None where one is constant."""
    deviation = np.asarray(x.std(axis=tuple(range(x.ndim - 1)), dtype=np.float64))
    return deviation if (deviation > 0).all() else None


# --- labels -----------------------------------------------------------------------------------


def _labels(predicted: Classes, labels: Classes, counted: str) -> list[Trial]:
    """Other class numbers for the labels: fitted to every other sample, tried on the rest."""
    from scipy.optimize import linear_sum_assignment

    classes = int(max(predicted.max(), labels.max())) + 1
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels[::2], predicted[::2]), 1)
    # Classes that the samples lack stay as they are, as far as nothing says otherwise.
    _, numbers = linear_sum_assignment(counts + 1e-3 * np.eye(classes), maximize=True)
    right, now = predicted[1::2] == labels[1::2], predicted[1::2] == numbers[labels[1::2]]
    moved = [(int(a), int(b)) for a, b in enumerate(numbers) if a != b and (labels == a).any()]
    if not moved or not _restores(right, now, 1):
        return []
    pairs = ", ".join(f"label {a} read as class {b}" for a, b in moved[:3])
    rest = f" and {number(len(moved) - 3)} more" if len(moved) > 3 else ""
    before, after = float(right.mean()), float(now.mean())
    return [Trial("labels-differ", f"{pairs}{rest}", counted, before, after)]
