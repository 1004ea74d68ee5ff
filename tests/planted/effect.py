"""Is every planted fault a real one? How many outputs it changes, seen without ``explain``."""

from dataclasses import dataclass

import numpy as np

from host.base.arrays import Array
from host.models import tflite
from tests.planted import converting
from tests.planted.workshop import Pair


@dataclass(frozen=True)
class Effect:
    """Percent of B's output values, and of its samples' classes, that are not A's."""

    outputs: float
    classes: float


def effect(pair: Pair) -> Effect:
    """Run A and B with TFLM on the host; a run folder's outputs are those of its device."""
    a = tflite.load(pair.a)
    x = _samples(pair, a.input.shape[1:])
    expected = _codes(converting.output_codes(a, x), a)
    if pair.b.is_dir():
        b, found = a, np.load(pair.b / "predictions.npz")["device"]
    else:
        b = tflite.load(pair.b)
        fed = x if pair.deployed is None else np.load(pair.deployed)["x"]
        found = converting.output_codes(b, fed)
    if b.output.quantization is not None and a.output.quantization is not None:
        real = (found.astype(np.float64) - b.output.quantization.zero_point) * (
            b.output.quantization.scale
        )
        found = converting.codes(real, a.output.quantization)
    else:
        found = _codes(found, a)
    classes = expected.argmax(axis=1) != found.argmax(axis=1)
    return Effect(100 * float(np.mean(expected != found)), 100 * float(np.mean(classes)))


def _samples(pair: Pair, shape: tuple[int, ...]) -> Array:
    if pair.data != "random":
        return np.asarray(np.load(pair.data)["x"])
    rng = np.random.default_rng(0)
    return rng.integers(-128, 128, (pair.samples, *shape), dtype=np.int8)


def _codes(outputs: Array, graph: tflite.Graph) -> Array:
    """Float outputs as codes of the graph's output."""
    if outputs.dtype == np.int8:
        return outputs
    return converting.codes(outputs, graph.output.quantization)
