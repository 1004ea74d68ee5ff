"""Small .tflite models for tests of the whole program."""

from __future__ import annotations

import numpy as np

from tests.flatbuffer_models import (
    SAME,
    Array,
    ModelBuilder,
    Q,
    Windowed,
    add,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    mean,
    pad,
    pool_2d,
    quantize,
    reshape,
    softmax,
)


def _weights(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-127, 128, shape, dtype=np.int8)


def dense(inputs: int, outputs: int, layers: int = 1, seed: int = 0) -> bytes:
    """Fully connected layers, the last one with ``outputs`` values."""
    rng = np.random.default_rng(seed)
    b = ModelBuilder()
    source = x = b.tensor((1, inputs), Q.tensor(0.05, 3))
    for layer in range(layers):
        units = outputs if layer == layers - 1 else inputs
        wq, bias = Q.tensor(0.01), rng.integers(-999, 999, units, dtype=np.int32)
        x = fully_connected(b, x, _weights(rng, units, b.shape(x)[1]), wq, bias, Q.tensor(0.1, -5))
    return b.build([source], [x])


def every_operator() -> bytes:
    """A model with each operator of the engine aot at least once."""
    rng = np.random.default_rng(0)
    b = ModelBuilder()
    source = b.tensor((1, 9, 8, 3), Q.tensor(0.04, -2))
    x = quantize(b, source, Q.tensor(0.05, 1))
    window = Windowed((3, 3), (1, 1), (1, 1), SAME, activation=1)
    wq = Q.symmetric(rng.uniform(0.001, 0.02, 8).tolist(), 0)
    bias = rng.integers(-999, 999, 8, dtype=np.int32)
    x = conv_2d(b, x, window, _weights(rng, 8, 3, 3, 3), wq, bias, Q.tensor(0.06, -128))
    wq = Q.symmetric(rng.uniform(0.001, 0.02, 16).tolist(), 3)
    bias = rng.integers(-999, 999, 16, dtype=np.int32)
    x = depthwise_conv_2d(b, x, window, _weights(rng, 1, 3, 3, 16), wq, bias, Q.tensor(0.07, -9))
    x = pad(b, x, ((0, 0), (1, 0), (0, 1), (0, 0)), b.q(x))
    pooled = Windowed((2, 2), (2, 2))
    x = add(
        b,
        pool_2d(b, "AVERAGE_POOL_2D", x, pooled),
        pool_2d(b, "MAX_POOL_2D", x, pooled),
        Q.tensor(0.09, 4),
    )
    x = mean(b, x, (1, 2), False, Q.tensor(0.08, 0))
    x = reshape(b, x, (1, 16))
    wq = Q.tensor(0.01)
    x = fully_connected(b, x, _weights(rng, 5, 16), wq, None, Q.tensor(0.1, 7))
    return b.build([source], [softmax(b, x)])
