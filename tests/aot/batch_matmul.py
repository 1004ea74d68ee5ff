"""BATCH_MATMUL: built, and drawn at random."""

import functools

import numpy as np

from tests.aot.builder import Array, ModelBuilder, Q, options
from tests.aot.chain import Chain, Draw


def batch_matmul(
    b: ModelBuilder, left: int, right: int, q: Q, adj_x: bool = False, adj_y: bool = False
) -> int:
    def seen(index: int, transposed: bool) -> Array:
        zeros = np.zeros(b.shape(index))
        return zeros.swapaxes(-1, -2) if transposed else zeros

    shape = (seen(left, adj_x) @ seen(right, adj_y)).shape
    y = b.tensor(shape, q, dtype=b.dtype(left).type)
    settings = options("BatchMatMulOptions", adjX=adj_x, adjY=adj_y)
    return b.operator("BATCH_MATMUL", [left, right], [y], settings, 4)


def _batch_matmul(dtype: type[np.int8] | type[np.int16], c: Chain) -> int:
    batches = [c.pick([1, c.whole(1, 4)]) for _ in range(c.whole(0, 3))]
    rows, depth, columns = c.size(), c.pick([1, c.size(), c.whole(1, 40)]), c.size()
    adj_x, adj_y = c.chance(0.5), c.chance(0.5)
    left = (*_broadcast(c, batches), *((depth, rows) if adj_x else (rows, depth)))
    right = (*_broadcast(c, batches), *((columns, depth) if adj_y else (depth, columns)))

    def q(octaves: float) -> Q:
        return Q.tensor(2.0**octaves, c.zero_point() if dtype == np.int8 else 0)

    bits = 7 if dtype == np.int8 else 15
    x_octaves, y_octaves = c.real(-12, 3), c.real(-12, 3)
    # Sums spread over the output's range, mostly; else everything clips, or nothing is left.
    usual = x_octaves + y_octaves + bits + np.log2(depth) / 2 + c.real(-4, 2)
    octaves = usual + c.pick([0, 0, 0, c.real(-4, 9)])
    if dtype == np.int16:  # TFLite-Micro states a multiplier below 2^7 for 64-bit sums
        octaves = max(octaves, x_octaves + y_octaves - 6)
    c.start(left, q(x_octaves), dtype)
    kind = c.pick(["input", "input", "right", "left", "self"])
    if kind == "self" and left == right:
        other = c.last
    elif kind == "input":
        other = c.builder.tensor(right, q(y_octaves), dtype=dtype)
        c.inputs.append(other)
    else:
        info = np.iinfo(dtype)
        shape = right
        if kind == "left":
            c.start(right, q(x_octaves), dtype)
            shape = left
        values = c.rng.integers(info.min, info.max, shape, dtype, endpoint=True)
        other = c.builder.constant(values, q(y_octaves))
    pair = (other, c.last) if kind == "left" else (c.last, other)
    return batch_matmul(c.builder, *pair, q(octaves), adj_x, adj_y)


def _broadcast(c: Chain, batches: list[int]) -> list[int]:
    """Dimensions that broadcast to these: some of size 1, or the first ones absent."""
    first = c.pick([0, 0, c.whole(0, len(batches))])
    return [c.pick([n, n, 1]) for n in batches[first:]]


DRAWS: dict[str, Draw] = {
    "BATCH_MATMUL": functools.partial(_batch_matmul, np.int8),
    "BATCH_MATMUL int16": functools.partial(_batch_matmul, np.int16),
}
