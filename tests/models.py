"""Small .tflite models for tests of the whole program."""

from __future__ import annotations

import numpy as np

from tests import flatbuffer_elementwise as fe
from tests import flatbuffer_movement as fm
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
    pad,
    pool_2d,
    quantize,
    reduce,
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


def _moved(b: ModelBuilder, x: int) -> int:
    """An image, of as many channels, after everything that moves elements."""
    x = fm.mirror_pad(b, x, ((0, 0), (1, 2), (0, 1), (0, 0)), 0)
    x = fm.pad(b, x, ((0, 0), (0, 1), (1, 0), (0, 0)), 9)
    x = fm.resize_nearest_neighbor(b, x, (12, 9), False, True)
    x = fm.strided_slice(b, x, (0, 11, 0, 0), (1, 0, 9, 16), (1, -2, 1, 1), (0, 2, 0))
    left, right = fm.split(b, x, 2, 3)
    x = fm.concatenation(b, [right, left, fm.slice_(b, x, (0, 0, 0, 3), (-1, -1, -1, 4))], 3)
    left, right = fm.split_v(b, fm.transpose(b, x, (0, 2, 1, 3)), (4, 16), 3)
    return fm.pack(b, fm.unpack(b, fm.squeeze(b, fm.expand_dims(b, right, 1), (1,)), 2), 2)


def _combined(b: ModelBuilder, x: int, constant: Array) -> int:
    """An image of the same shape, after everything that takes elements by themselves."""
    for name in ("MUL", "SUB"):
        x = fe.binary(b, name, x, b.constant(constant, Q.tensor(0.01, 3)), Q.tensor(0.03, -7), 1)
    for name in ("MAXIMUM", "MINIMUM"):
        x = fe.binary(b, name, b.constant(constant, b.q(x)), x, b.q(x))
    x = fe.binary(b, "PRELU", x, b.constant(constant, Q.tensor(0.01)), Q.tensor(0.04, 1))
    x = fe.leaky_relu(b, x, 0.2, Q.tensor(0.04, -1))
    for name in ("RELU", "RELU6", "HARD_SWISH"):
        x = fe.unary(b, name, x, b.q(x))
    x = fe.unary(b, "TANH", x, Q.tensor(1 / 128))
    return fe.unary(b, "LOGISTIC", x, Q.tensor(1 / 256, -128))


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
    x = _combined(b, _moved(b, x), _weights(rng, 16))
    pooled = Windowed((2, 2), (2, 2))
    x = add(
        b,
        pool_2d(b, "AVERAGE_POOL_2D", x, pooled),
        pool_2d(b, "MAX_POOL_2D", x, pooled),
        Q.tensor(0.09, 4),
    )
    x = reduce(b, "MEAN", x, (1, 2), False, Q.tensor(0.08, 0))
    x = reshape(b, x, (1, 16))
    wq = Q.tensor(0.01)
    x = fully_connected(b, x, _weights(rng, 5, 16), wq, None, Q.tensor(0.1, 7))
    return b.build([source], [softmax(b, x)])
