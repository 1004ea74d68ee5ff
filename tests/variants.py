"""Two int8 models of one drawn network, with other parameters: for tests of ``explain``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from host.models.tflite import Graph, parse
from tests.flatbuffer_models import (
    SAME,
    ModelBuilder,
    Q,
    Windowed,
    add,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    pool_2d,
    quantize,
    reduce,
    softmax,
)


@dataclass(frozen=True)
class Shape:
    """What two variants have in common."""

    channels: int = 4
    per_channel: bool = True
    residual: bool = True
    pool: bool = True
    classes: int = 5


def network(shape: Shape, seed: int, *, ranges: int | None = None, extra: bool = False) -> Graph:
    """A convolution, a depthwise one, an ADD, pooling, a dense layer, softmax.

    Args:
        shape: the network.
        seed: of weights and biases.
        ranges: of activation ranges; None takes ``seed``.
        extra: begin with a QUANTIZE that changes nothing.
    """
    rng = np.random.default_rng(seed)
    drawn = np.random.default_rng(seed if ranges is None else ranges)

    def activation(zero: int | None = None) -> Q:
        point = int(drawn.integers(-128, 60)) if zero is None else zero
        return Q.tensor(float(drawn.uniform(0.02, 0.09)), point)

    def weights(*size: int, axis: int) -> tuple[np.ndarray, Q]:
        count = size[axis] if shape.per_channel else 1
        scales = rng.uniform(0.004, 0.02, count).tolist()
        q = Q.symmetric(scales, axis) if shape.per_channel else Q.tensor(scales[0])
        return rng.integers(-127, 128, size, dtype=np.int8), q

    def bias(count: int) -> np.ndarray:
        return rng.integers(-2000, 2000, count, dtype=np.int32)

    b = ModelBuilder()
    source = x = b.tensor((1, 6, 6, 2), activation())
    if extra:
        x = quantize(b, x, b.q(x))
    window = Windowed((3, 3), (1, 1), (1, 1), SAME, activation=1)
    w, wq = weights(shape.channels, 3, 3, 2, axis=0)
    x = conv_2d(b, x, window, w, wq, bias(shape.channels), activation(-128))
    skip = x
    w, wq = weights(1, 3, 3, shape.channels, axis=3)
    x = depthwise_conv_2d(b, x, window, w, wq, bias(shape.channels), activation(-128))
    if shape.residual:
        x = add(b, x, skip, activation())
    if shape.pool:
        x = pool_2d(b, "MAX_POOL_2D", x, Windowed((2, 2), (2, 2)))
    x = reduce(b, "MEAN", x, (1, 2), False, activation())
    w, wq = weights(shape.classes, shape.channels, axis=0)
    x = fully_connected(b, x, w, wq, bias(shape.classes), activation())
    return parse(b.build([source], [softmax(b, x)]))


def samples(count: int = 12, seed: int = 0) -> np.ndarray:
    """int8 codes for ``network``."""
    drawn = np.random.default_rng(seed).integers(-128, 128, (count, 6, 6, 2))
    return drawn.astype(np.int8)
