"""Activations: built, and drawn at random."""

from functools import partial

import numpy as np

from tests.aot.builder import ModelBuilder, Q, options
from tests.aot.chain import Chain, Draw
from tests.aot.movement import draw_reshape

Q15 = Q.tensor(2.0**-15)


def unary(b: ModelBuilder, name: str, x: int, q: Q) -> int:
    y = b.tensor(b.shape(x), q, dtype=b.dtype(x).type)
    return b.operator(name, [x], [y], None, 2)


def leaky_relu(b: ModelBuilder, x: int, alpha: float, q: Q) -> int:
    y = b.tensor(b.shape(x), q)
    return b.operator("LEAKY_RELU", [x], [y], options("LeakyReluOptions", alpha=alpha), 2)


def softmax(b: ModelBuilder, x: int, beta: float = 1.0) -> int:
    dtype = b.dtype(x).type
    y = b.tensor(b.shape(x), Q15 if dtype == np.int16 else Q.tensor(1 / 256, -128), dtype=dtype)
    return b.operator("SOFTMAX", [x], [y], options("SoftmaxOptions", beta=beta), 2)


def _softmax(c: Chain) -> int:
    # TFLite-Micro aborts, and the test with it, below beta · scale = 2^-26, and where the
    # exponentials of a row add up to 512.
    if c.builder.q(c.last).scales[0] < 2.0**-23 or c.shape[-1] >= 512:
        return draw_reshape(c)
    return softmax(c.builder, c.last, c.pick([1.0, 0.25, 1.7, 10.0]))


def _input_scale(c: Chain, low: float, high: float) -> None:
    """Begin with an input whose scale is 2^low … 2^high, mostly what activations have."""
    c.begin(np.int8)
    exponent = c.pick([c.real(-7, -2), c.real(-7, -2), c.real(low, high)])
    c.start(c.shape, Q.tensor(2.0**exponent, c.zero_point()))


def _saturating(c: Chain, name: str, q: Q) -> int:
    _input_scale(c, -20, 6)
    return unary(c.builder, name, c.last, q)


def _relu(c: Chain) -> int:
    _input_scale(c, -12, 3)
    return unary(c.builder, "RELU", c.last, c.near(c.last))


def _relu6(c: Chain) -> int:
    _input_scale(c, -8, 3)
    return unary(c.builder, "RELU6", c.last, c.builder.q(c.last))


def _leaky_relu(c: Chain) -> int:
    _input_scale(c, -12, 3)
    alpha = c.pick([0.01, 0.1, 0.2, 0.3, c.real(0, 1), 0.0, c.real(1, 4), c.real(-2, 0)])
    return leaky_relu(c.builder, c.last, alpha, c.near(c.last))


def _hard_swish(c: Chain) -> int:
    _input_scale(c, -20, 6)
    # Above 2^0, TFLite-Micro refuses the ratio of input scale / 128 to the output's.
    octaves = c.pick([c.real(-1, 2), c.real(-1, 2), c.real(-6.9, 8)])
    scale = c.builder.q(c.last).scales[0] * 2.0**octaves
    return unary(c.builder, "HARD_SWISH", c.last, Q.tensor(scale, c.zero_point()))


def _softmax_int16(c: Chain) -> int:
    c.begin_int16(-18, 2, c.whole(1, 5))
    return softmax(c.builder, c.last, c.pick([1.0, 0.25, 1.7, 10.0]))


def _sigmoid_int16(name: str, c: Chain) -> int:
    exponent = c.real(-34, 1.4)
    if c.chance(0.5):  # powers of two, and what nearly is one, which TFLite treats apart
        exponent = c.pick([-13, -12, -11, -10]) + c.pick([0, 0, 0.0008, -0.0008, 0.0013])
    c.begin_int16(exponent, exponent, c.whole(1, 5))
    return unary(c.builder, name, c.last, Q15)


FOLLOWERS: dict[str, Draw] = {"SOFTMAX": _softmax}
DRAWS: dict[str, Draw] = {
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": lambda c: _saturating(c, "LOGISTIC", Q.tensor(1 / 256, -128)),
    "LOGISTIC int16": partial(_sigmoid_int16, "LOGISTIC"),
    "RELU": _relu,
    "RELU6": _relu6,
    "SOFTMAX int16": _softmax_int16,
    "TANH": lambda c: _saturating(c, "TANH", Q.tensor(1 / 128, 0)),
    "TANH int16": partial(_sigmoid_int16, "TANH"),
}
