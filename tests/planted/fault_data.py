"""Faults of the representative data: its scale, what it covers, outliers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from host.base.arrays import Array
from tests.planted import converting
from tests.planted.workshop import Case, Pair, Workshop, converted

SCALE = "representative-data-scale"
COVERAGE = "representative-data-coverage"
OUTLIERS = "representative-data-outliers"


def _calibrated(
    workshop: Workshop, case: str, network: str, change: Callable[[Workshop, Array], Array]
) -> Pair:
    """The healthy model converted with samples that ``change`` makes of the healthy ones."""
    samples = change(workshop, workshop.samples(network)).astype(np.float32)
    return converted(workshop, case, network, samples=samples)


def _times(factor: float) -> Callable[[Workshop, Array], Array]:
    return lambda _, samples: samples * factor


def _around_zero(_: Workshop, samples: Array) -> Array:
    """-1 to 1 where the model takes 0 to 1."""
    return 2 * samples - 1


def _raw_digits(_: Workshop, samples: Array) -> Array:
    """0 to 16, before they were standardized (``networks.standardized``)."""
    return (samples * 0.376 + 0.305) * 16


def _one_class(network: str) -> Callable[[Workshop, Array], Array]:
    """Samples of one class only: of the one that covers the others least."""

    def choose(workshop: Workshop, _: Array) -> Array:
        data = workshop.data(network)
        x, y = data["x_train"], data["y_train"]
        classes: list[Array] = [x[y == label][:100] for label in range(10)]
        model = converting.load(workshop.keras(network))
        return classes[int(np.argmax(_clipped(model, data["x"], classes)))]

    return choose


def _clipped(model: Any, x: Array, sets: Sequence[Array]) -> list[float]:
    """For each set of samples, the share of x on which some layer's output exceeds all that it is
    on the set; of the layer where that is most."""
    import tf_keras

    model.layers[-1].activation = tf_keras.activations.linear  # a softmax always ends at 1
    probe = tf_keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])

    def largest(samples: Array) -> list[Array]:
        return [np.asarray(out).reshape(len(samples), -1).max(axis=1) for out in probe(samples)]

    seen = largest(x)
    return [
        max(
            float(np.mean(values > bound.max()))
            for values, bound in zip(seen, largest(samples), strict=True)
        )
        for samples in sets
    ]


def _faint(_: Workshop, samples: Array) -> Array:
    """Badly lit: a dark scene, though some pixels are as bright as ever."""
    faint = samples * 0.25
    faint[:, 0, 0] = samples.max()
    return faint


def _few_times(factor: float) -> Callable[[Workshop, Array], Array]:
    """Three samples of all are too large by a factor."""

    def change(_: Workshop, samples: Array) -> Array:
        changed = samples.copy()
        changed[:3] *= factor
        return changed

    return change


def _hot_pixels(value: float) -> Callable[[Workshop, Array], Array]:
    """One pixel of five samples is stuck at a value far outside."""

    def change(_: Workshop, samples: Array) -> Array:
        changed = samples.copy()
        for index in range(5):
            changed[index, index, 3] = value
        return changed

    return change


CASES = (
    Case.of("separable-calibrated-times-255", SCALE, _calibrated, "separable", _times(255)),
    Case.of("residual-calibrated-times-255", SCALE, _calibrated, "residual", _times(255)),
    Case.of("perceptron-calibrated-times-tenth", SCALE, _calibrated, "perceptron", _times(0.1)),
    Case.of("separable-calibrated-over-255", SCALE, _calibrated, "separable", _times(1 / 255)),
    Case.of("residual-calibrated-times-16", SCALE, _calibrated, "residual", _times(16)),
    Case.of("separable-calibrated-around-zero", SCALE, _calibrated, "separable", _around_zero),
    Case.of("logits-calibrated-unstandardized", SCALE, _calibrated, "logits", _raw_digits),
    Case.of("perceptron-one-class", COVERAGE, _calibrated, "perceptron", _one_class("perceptron")),
    Case.of("residual-one-class", COVERAGE, _calibrated, "residual", _one_class("residual")),
    Case.of("logits-one-class", COVERAGE, _calibrated, "logits", _one_class("logits")),
    Case.of("separable-one-class", COVERAGE, _calibrated, "separable", _one_class("separable")),
    Case.of("residual-faint", COVERAGE, _calibrated, "residual", _faint),
    Case.of("separable-outliers", OUTLIERS, _calibrated, "separable", _few_times(20)),
    Case.of("residual-outliers", OUTLIERS, _calibrated, "residual", _few_times(20)),
    Case.of("perceptron-hot-pixels", OUTLIERS, _calibrated, "perceptron", _hot_pixels(40)),
)
