"""Operators of two operands: built, and drawn at random."""

import numpy as np

from tests.aot.builder import ModelBuilder, Q, options
from tests.aot.chain import Chain, Draw, begun

_OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
}


def elementwise(
    b: ModelBuilder, name: str, x: int, other: int, q: Q, activation: int | None = None
) -> int:
    """An activation only where the operator has one."""
    shape = np.broadcast_shapes(b.shape(x), b.shape(other))
    y = b.tensor(shape, q, dtype=b.dtype(x).type)
    values = {} if activation is None else {"fusedActivationFunction": activation}
    settings = options(_OPTIONS[name], **values) if name in _OPTIONS else None
    return b.operator(name, [x, other], [y], settings, 2)


def add(b: ModelBuilder, x: int, other: int, q: Q, activation: int = 0) -> int:
    return elementwise(b, "ADD", x, other, q, activation)


def _add(c: Chain) -> int:
    kind = c.pick(["self", "earlier", "input", "constant", "broadcast", "broadcast"])
    if kind == "self":
        other = c.last
    elif kind == "earlier":
        other = c.pick([t for t in c.tensors if c.like_last(t)])
    elif kind == "input":
        other = c.builder.tensor(c.shape, c.near(c.last))
        c.inputs.append(other)
    else:
        shape = c.shape
        if kind == "broadcast":
            shape = tuple(c.pick([1, n]) for n in shape)[c.whole(0, len(shape) - 1) :]
        other = c.builder.constant(c.rng.integers(-128, 128, shape, np.int8), c.near(c.last))
    left, right = (c.last, other) if c.chance(0.5) else (other, c.last)
    larger = max(c.builder.q(left).scales[0], c.builder.q(right).scales[0])
    q = Q.tensor(larger * 2.0 ** c.pick([c.real(-1, 2), c.real(-8, 6)]), c.zero_point())
    return add(c.builder, left, right, q, c.activation())


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
    return elementwise(c.builder, name, left, right, q, c.activation())


def _mul(c: Chain) -> int:
    left, right = _pair(c, _near(c, c.last))
    steps = c.builder.q(left).scales[0] * c.builder.q(right).scales[0]
    # log2 of the multiplier.
    most = 1 if c.builder.dtype(c.last) == np.int8 else -7
    exponent = c.pick([c.real(-9, most), c.real(-9, most), c.real(-34, 9), c.real(-0.01, 0.01)])
    scale = min(max(steps * 2.0**-exponent, 2.0**-60), 2.0**60)
    return elementwise(
        c.builder, "MUL", left, right, Q.tensor(scale, _zero_point(c)), c.activation()
    )


def _extreme(c: Chain, name: str) -> int:
    q = c.builder.q(c.last)
    left, right = _pair(c, q)
    return elementwise(c.builder, name, left, right, q)


def _prelu(c: Chain) -> int:
    alpha = _other(c, Q.tensor(2.0 ** c.real(-10, 0), c.zero_point()))
    return elementwise(c.builder, "PRELU", c.last, alpha, c.near(c.last))


FOLLOWERS: dict[str, Draw] = {"ADD": _add}
_BOTH_TYPES: dict[str, Draw] = {
    "ADD any rank": lambda c: _sum(c, "ADD"),
    "SUB": lambda c: _sum(c, "SUB"),
    "MUL": _mul,
    "MAXIMUM": lambda c: _extreme(c, "MAXIMUM"),
    "MINIMUM": lambda c: _extreme(c, "MINIMUM"),
}
DRAWS: dict[str, Draw] = {
    **{name: begun(draw, np.int8) for name, draw in _BOTH_TYPES.items()},
    **{f"{name} int16": begun(draw, np.int16) for name, draw in _BOTH_TYPES.items()},
    "PRELU": begun(_prelu, np.int8),
}
