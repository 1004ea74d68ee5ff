"""Draws of operators on int16 with int8 weights; see ``aot_models``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tests.aot import flatbuffer_int16 as fi
from tests.aot import flatbuffer_models as fb
from tests.aot.flatbuffer_models import Q
from tests.aot.models import Array, Chain, Draw

Shape = tuple[int, ...]
Bias = type[np.int32] | type[np.int64]


def begin(c: Chain, least: float = -18, most: float = 3, rank: int = 4) -> None:
    """Begin with an int16 input; images are sometimes so long that sums leave an int32."""
    sizes = {1: 60, 2: 30, 3: 14, 4: 9, 5: 5}
    shape = [c.pick([1, 1, 2]), *(c.whole(1, sizes[rank]) for _ in range(rank - 1))]
    if rank == 4 and c.chance(0.15):
        shape = [1, *c.pick([(1, 700), (600, 1)]), c.whole(1, 4)]
    c.start(shape, Q.tensor(2.0 ** c.real(least, most)), np.int16)


def _weighted(
    c: Chain, shape: Shape, depth: int, channels: int, axis: int, bias_type: Bias
) -> tuple[Array, Q, Array | None, Q]:
    """As ``Chain.weighted``, for int16: the multiplier stays below 2^7."""
    extreme = c.chance(0.3)
    edges = np.array([-128, -127, 127], np.int8)
    weights = c.rng.choice(edges, shape) if extreme else c.rng.integers(-128, 128, shape, np.int8)
    spread = (127 if extreme else 74) * 19_000 * depth**0.5
    base = c.real(-12, -2)
    count = c.pick([1, channels])
    wq = Q.symmetric([2.0 ** (base + c.real(-2, 2)) for _ in range(count)], axis)
    usual = c.real(10, 15) - float(np.log2(spread))
    exponent = usual if c.chance(0.75) else c.pick([c.real(-36, -20), c.real(-3, 5)])
    q = Q.tensor(c.builder.q(c.last).scales[0] * 2.0 ** (base - exponent))
    return weights, wq, _bias(c, channels, bias_type, int(spread)), q


def _bias(c: Chain, channels: int, kind: Bias, spread: int) -> Array | None:
    if c.chance(0.2):
        wide = [2**31, -(2**40), 2**46, 2**47 - 2**40, -(2**47) + 2**40]
        edges = [-(2**31), 2**31 - 1, 2**30, -1, 0] + (wide if kind is np.int64 else [])
        return c.rng.choice(np.array(edges, kind), channels)
    if c.chance(0.8):
        bound = min(spread, 2**31 - 1)
        return c.rng.integers(-bound, bound, channels, dtype=kind)
    return None


def _conv_2d(bias_type: Bias) -> Draw:
    def draw(c: Chain) -> int:
        begin(c)
        window = c.window(dilated=True)
        channels = c.shape[3]
        groups = c.pick([1, *(g for g in range(1, channels + 1) if channels % g == 0)])
        out = groups * c.whole(1, max(1, 9 // groups))
        shape = (out, *window.filter, channels // groups)
        depth = int(np.prod(shape[1:]))
        weights, wq, bias, q = _weighted(c, shape, depth, out, 0, bias_type)
        y = fb.conv_2d(c.builder, c.last, window, weights, wq, bias, q)
        fi.note_bias_type(c.builder, bias_type)
        return y

    return draw


def _depthwise_conv_2d(c: Chain) -> int:
    begin(c)
    window = c.window(dilated=True)
    if max(c.shape[1:3]) > 550 and c.chance(0.7):
        window = fb.Windowed((min(c.shape[1], 520), min(c.shape[2], 530)), padding=fb.VALID)
    out = c.shape[3] * c.pick([1, 1, 2, 3, 4, 5, 6])
    shape = (1, *window.filter, out)
    depth = int(np.prod(window.filter))
    weights, wq, bias, q = _weighted(c, shape, depth, out, 3, np.int64)
    return fb.depthwise_conv_2d(c.builder, c.last, window, weights, wq, bias, q)


def _fully_connected(bias_type: Bias) -> Draw:
    def draw(c: Chain) -> int:
        begin(c, rank=c.pick([2, 3, 4]))
        keep = c.chance(0.5)
        depth = c.shape[-1] if keep else int(np.prod(c.shape[1:]))
        units = c.size()
        weights, wq, bias, q = _weighted(c, (units, depth), depth, units, 0, bias_type)
        act = c.activation()
        y = fb.fully_connected(c.builder, c.last, weights, wq, bias, q, act, keep)
        fi.note_bias_type(c.builder, bias_type)
        return y

    return draw


def _pool(name: str) -> Draw:
    def draw(c: Chain) -> int:
        begin(c)
        return fb.pool_2d(c.builder, name, c.last, c.window(dilated=False))

    return draw


def _softmax(c: Chain) -> int:
    begin(c, -18, 2, c.whole(1, 5))
    return fi.softmax(c.builder, c.last, c.pick([1.0, 0.25, 1.7, 10.0]))


def _sigmoid(name: str) -> Draw:
    def draw(c: Chain) -> int:
        exponent = c.real(-34, 1.4)
        if c.chance(0.5):  # powers of two, and what nearly is one, which TFLite treats apart
            exponent = c.pick([-13, -12, -11, -10]) + c.pick([0, 0, 0.0008, -0.0008, 0.0013])
        begin(c, exponent, exponent, c.whole(1, 5))
        return fi.sigmoid(c.builder, name, c.last)

    return draw


# --- to and from -------------------------------------------------------------------------------


def _q(c: Chain, kind: npt.DTypeLike, scale: float) -> Q | None:
    zero_points = {
        "int8": [c.zero_point()],
        "uint8": [0, 128, 255, c.whole(0, 255)],
        "int16": [0],
        "int32": [0, 0, c.whole(-300, 300)],
    }
    name = np.dtype(kind).name
    return Q.tensor(scale, c.pick(zero_points[name])) if name in zero_points else None


def _start(c: Chain, kind: type[np.generic], scale: float) -> None:
    shape = [c.whole(1, 6) for _ in range(c.whole(1, 5))]
    c.start(shape, _q(c, kind, scale), kind)


def _quantize(source: type[np.generic], result: type[np.generic]) -> Draw:
    def draw(c: Chain) -> int:
        scale = 2.0 ** c.real(-12, 3)
        _start(c, source, scale)
        bits = {np.int8: 0, np.uint8: 0, np.int16: 8, np.int32: 24}
        if source is np.float32:
            ratio = 2.0 ** (c.real(-9, 4) - bits[result])
            scale = c.pick([ratio, 2.0 ** round(c.real(-9, 2))])
        else:
            usual = c.real(-3, 3) + bits[source] - bits[result]
            octaves = c.pick([0.0, usual, usual, usual, c.real(-12, 12)])
            # Multipliers up to 2^30 can be expressed.
            scale *= 2.0 ** max(octaves, -28.0)
        q = _q(c, result, scale)
        assert q is not None
        return fb.quantize(c.builder, c.last, q, result)

    return draw


def _dequantize(source: type[np.generic]) -> Draw:
    def draw(c: Chain) -> int:
        _start(c, source, 2.0 ** c.pick([c.real(-12, 3), c.real(-140, 100)]))
        return fi.dequantize(c.builder, c.last)

    return draw


_PAIRS: list[tuple[type[np.generic], type[np.generic]]] = [
    (np.float32, np.int8),
    (np.float32, np.int16),
    (np.int8, np.uint8),
    (np.int8, np.int16),
    (np.int8, np.int32),
    (np.uint8, np.int8),
    (np.int16, np.int8),
    (np.int16, np.int16),
    (np.int16, np.int32),
    (np.int32, np.int8),
    (np.int32, np.int16),
]

DRAWS: dict[str, Callable[[Chain], int]] = {
    "CONV_2D int16": _conv_2d(np.int64),
    "CONV_2D int16, int32 bias": _conv_2d(np.int32),
    "DEPTHWISE_CONV_2D int16": _depthwise_conv_2d,
    "FULLY_CONNECTED int16": _fully_connected(np.int64),
    "FULLY_CONNECTED int16, int32 bias": _fully_connected(np.int32),
    "AVERAGE_POOL_2D int16": _pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D int16": _pool("MAX_POOL_2D"),
    "SOFTMAX int16": _softmax,
    "LOGISTIC int16": _sigmoid("LOGISTIC"),
    "TANH int16": _sigmoid("TANH"),
    **{
        f"QUANTIZE {source.__name__} to {result.__name__}": _quantize(source, result)
        for source, result in _PAIRS
    },
    **{f"DEQUANTIZE {kind.__name__}": _dequantize(kind) for kind in (np.int8, np.uint8, np.int16)},
}
