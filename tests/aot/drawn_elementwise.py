"""Draws of element-wise operators; see ``aot_models``."""

from __future__ import annotations

import numpy as np

from tests.aot import flatbuffer_elementwise as fe
from tests.aot.drawn_movement import Kind, begin
from tests.aot.flatbuffer_models import Q
from tests.aot.models import Chain, Draw


def _near(c: Chain, tensor: int) -> Q:
    q = c.near(tensor)
    return q if c.builder.dtype(tensor) == np.int8 else Q.tensor(q.scales[0])


def _other(c: Chain, q: Q) -> int:
    """The other operand: of the same shape or one to broadcast; an input, a constant, the same."""
    kind = c.pick(["self", "input", "constant", "broadcast", "broadcast", "wider"])
    if kind == "self" and q == c.builder.q(c.last):
        return c.last
    shape: tuple[int, ...] = c.shape
    if kind == "broadcast":
        shape = tuple(c.pick([1, n]) for n in shape)[c.whole(0, len(shape)) :]
    if kind == "wider" and len(shape) < 5:
        shape = (c.whole(1, 3), *(c.whole(1, 4) if n == 1 else c.pick([1, n]) for n in shape))
    dtype = c.builder.dtype(c.last)
    if not shape or (kind != "input" and c.chance(0.7)):
        limits = np.iinfo(dtype)
        values = c.rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        if c.chance(0.2):
            values = c.rng.choice(np.array([limits.min, limits.max], dtype), shape)
        return c.builder.constant(np.asarray(values, dtype), q)
    c.inputs.append(c.builder.tensor(shape, q, dtype=dtype.type))
    return c.inputs[-1]


def _pair(c: Chain, q: Q) -> tuple[int, int]:
    other = _other(c, q)
    return (c.last, other) if c.chance(0.5) else (other, c.last)


def _zero_point(c: Chain) -> int:
    return c.zero_point() if c.builder.dtype(c.last) == np.int8 else 0


def _sum(c: Chain, name: str) -> int:
    left, right = _pair(c, _near(c, c.last))
    larger = max(c.builder.q(t).scales[0] for t in (left, right))
    # Below a 2^19th of it, TFLite-Micro aborts; int16 has 5 bits less.
    q = Q.tensor(larger * 2.0 ** c.pick([c.real(-1, 2), c.real(-8, 6)]), _zero_point(c))
    return fe.binary(c.builder, name, left, right, q, c.activation())


def _mul(c: Chain) -> int:
    left, right = _pair(c, _near(c, c.last))
    steps = c.builder.q(left).scales[0] * c.builder.q(right).scales[0]
    # log2 of the multiplier.
    most = 1 if c.builder.dtype(c.last) == np.int8 else -7
    exponent = c.pick([c.real(-9, most), c.real(-9, most), c.real(-34, 9), c.real(-0.01, 0.01)])
    scale = min(max(steps * 2.0**-exponent, 2.0**-60), 2.0**60)
    return fe.binary(c.builder, "MUL", left, right, Q.tensor(scale, _zero_point(c)), c.activation())


def _extreme(c: Chain, name: str) -> int:
    q = c.builder.q(c.last)
    left, right = _pair(c, q)
    return fe.binary(c.builder, name, left, right, q)


def _prelu(c: Chain) -> int:
    alpha = _other(c, Q.tensor(2.0 ** c.real(-10, 0), c.zero_point()))
    return fe.binary(c.builder, "PRELU", c.last, alpha, c.near(c.last))


def _beginning(draw: Draw, kind: Kind) -> Draw:
    def first(c: Chain) -> int:
        begin(c, kind)
        return draw(c)

    return first


def _input_scale(c: Chain, low: float, high: float) -> None:
    """Begin with an input whose scale is 2^low … 2^high, mostly what activations have."""
    begin(c, np.int8)
    exponent = c.pick([c.real(-7, -2), c.real(-7, -2), c.real(low, high)])
    c.start(c.shape, Q.tensor(2.0**exponent, c.zero_point()))


def _saturating(c: Chain, name: str, q: Q) -> int:
    _input_scale(c, -20, 6)
    return fe.unary(c.builder, name, c.last, q)


def _relu(c: Chain) -> int:
    _input_scale(c, -12, 3)
    return fe.unary(c.builder, "RELU", c.last, c.near(c.last))


def _relu6(c: Chain) -> int:
    _input_scale(c, -8, 3)
    return fe.unary(c.builder, "RELU6", c.last, c.builder.q(c.last))


def _leaky_relu(c: Chain) -> int:
    _input_scale(c, -12, 3)
    alpha = c.pick([0.01, 0.1, 0.2, 0.3, c.real(0, 1), 0.0, c.real(1, 4), c.real(-2, 0)])
    return fe.leaky_relu(c.builder, c.last, alpha, c.near(c.last))


def _hard_swish(c: Chain) -> int:
    _input_scale(c, -20, 6)
    # Above 2^0, TFLite-Micro refuses the ratio of input scale / 128 to the output's.
    octaves = c.pick([c.real(-1, 2), c.real(-1, 2), c.real(-6.9, 8)])
    scale = c.builder.q(c.last).scales[0] * 2.0**octaves
    return fe.unary(c.builder, "HARD_SWISH", c.last, Q.tensor(scale, c.zero_point()))


_BINARY: dict[str, Draw] = {
    "ADD any rank": lambda c: _sum(c, "ADD"),
    "SUB": lambda c: _sum(c, "SUB"),
    "MUL": _mul,
    "MAXIMUM": lambda c: _extreme(c, "MAXIMUM"),
    "MINIMUM": lambda c: _extreme(c, "MINIMUM"),
}
DRAWS: dict[str, Draw] = {
    **{name: _beginning(draw, np.int8) for name, draw in _BINARY.items()},
    **{f"{name} int16": _beginning(draw, np.int16) for name, draw in _BINARY.items()},
    "PRELU": _beginning(_prelu, np.int8),
    "LOGISTIC": lambda c: _saturating(c, "LOGISTIC", Q.tensor(1 / 256, -128)),
    "TANH": lambda c: _saturating(c, "TANH", Q.tensor(1 / 128, 0)),
    "RELU": _relu,
    "RELU6": _relu6,
    "LEAKY_RELU": _leaky_relu,
    "HARD_SWISH": _hard_swish,
}
