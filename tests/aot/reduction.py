"""Pooling and reductions: built, and drawn at random."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from tests.aot.builder import ModelBuilder, Q, Windowed, options
from tests.aot.chain import Chain, Draw


def pool_2d(b: ModelBuilder, name: str, x: int, w: Windowed) -> int:
    """name: AVERAGE_POOL_2D or MAX_POOL_2D."""
    batch, height, width, channels = b.shape(x)
    y = b.tensor((batch, *w.output((height, width)), channels), b.q(x), dtype=b.dtype(x).type)
    settings = w.options("Pool2DOptions", filterHeight=w.filter[0], filterWidth=w.filter[1])
    return b.operator(name, [x], [y], settings, 2)


def reduce(b: ModelBuilder, name: str, x: int, axes: Sequence[int], keep: bool, q: Q) -> int:
    """name: MEAN, SUM, REDUCE_MAX or REDUCE_MIN."""
    reduced = tuple({a % len(b.shape(x)) for a in axes})
    y = b.tensor(np.zeros(b.shape(x)).sum(reduced, keepdims=keep).shape, q, dtype=b.dtype(x).type)
    inputs = [x, b.constant(np.array(axes, np.int32))]
    return b.operator(name, inputs, [y], options("ReducerOptions", keepDims=keep), 2)


def arg(b: ModelBuilder, name: str, x: int, axis: int) -> int:
    """name: ARG_MAX or ARG_MIN. The output is int32."""
    shape = np.zeros(b.shape(x)).argmax(axis).shape
    y = b.tensor(shape, None, dtype=np.int32)
    kind = {"ARG_MAX": "ArgMaxOptions", "ARG_MIN": "ArgMinOptions"}[name]
    inputs = [x, b.constant(np.array(axis, np.int32))]
    return b.operator(name, inputs, [y], options(kind, outputType=b.graph.tensors[y].type))


def _pool(name: str, c: Chain, int16: bool = False) -> int:
    if int16:
        c.begin_int16()
    return pool_2d(c.builder, name, c.last, c.window(dilated=False))


def _mean(c: Chain) -> int:
    rank = len(c.shape)
    axes = c.rng.integers(-rank, rank, c.whole(1, rank)).tolist()
    # Without, a mean over all axes would be a scalar, for which no other operator has a use.
    keep = c.chance(0.5) or len({a % rank for a in axes}) == rank
    return reduce(c.builder, "MEAN", c.last, axes, keep, c.near(c.last))


def _start(c: Chain, dtype: type[np.generic] = np.int8) -> None:
    shape = [c.pick([1, c.whole(1, 5), c.size()]) for _ in range(c.whole(1, 5))]
    zero_point = c.zero_point() if dtype == np.int8 else 0
    c.start(shape, Q.tensor(2.0 ** c.real(-12, 3), zero_point), dtype)


def _reduce(name: str, dtype: type[np.generic], c: Chain) -> int:
    _start(c, dtype)
    rank = len(c.shape)
    axes = c.rng.integers(-rank, rank, c.whole(1, rank)).tolist()
    q = c.builder.q(c.last)
    if name in ("MEAN", "SUM"):
        count = 1 if name == "MEAN" else int(np.prod([c.shape[a] for a in axes]))
        # A sum may need as many octaves more as there are addends.
        octaves = c.pick([0.0, c.real(-2, 3), c.real(-12, 12)]) + c.real(0, np.log2(count))
        q = Q.tensor(q.scales[0] * 2.0**octaves, c.zero_point() if dtype == np.int8 else 0)
    return reduce(c.builder, name, c.last, axes, c.chance(0.5), q)


def _arg(name: str, c: Chain) -> int:
    _start(c)
    return arg(c.builder, name, c.last, c.whole(-len(c.shape), len(c.shape) - 1))


FOLLOWERS: dict[str, Draw] = {
    "AVERAGE_POOL_2D": partial(_pool, "AVERAGE_POOL_2D"),
    "MAX_POOL_2D": partial(_pool, "MAX_POOL_2D"),
    "MEAN": _mean,
}
DRAWS: dict[str, Draw] = {
    "AVERAGE_POOL_2D int16": partial(_pool, "AVERAGE_POOL_2D", int16=True),
    "MAX_POOL_2D int16": partial(_pool, "MAX_POOL_2D", int16=True),
    "MEAN int16": partial(_reduce, "MEAN", np.int16),
    "SUM": partial(_reduce, "SUM", np.int8),
    "SUM int16": partial(_reduce, "SUM", np.int16),
    "REDUCE_MAX": partial(_reduce, "REDUCE_MAX", np.int8),
    "REDUCE_MIN": partial(_reduce, "REDUCE_MIN", np.int8),
    "ARG_MAX": partial(_arg, "ARG_MAX"),
    "ARG_MIN": partial(_arg, "ARG_MIN"),
}
