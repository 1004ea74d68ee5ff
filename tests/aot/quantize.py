"""QUANTIZE and DEQUANTIZE: built, and drawn at random."""

from functools import partial

import numpy as np
import numpy.typing as npt

from tests.aot.builder import ModelBuilder, Q, options
from tests.aot.chain import Chain, Draw, Dtype


def quantize(b: ModelBuilder, x: int, q: Q, dtype: type[np.generic] = np.int8) -> int:
    y = b.tensor(b.shape(x), q, dtype=dtype)
    return b.operator("QUANTIZE", [x], [y], options("QuantizeOptions"), 2)


def dequantize(b: ModelBuilder, x: int) -> int:
    y = b.tensor(b.shape(x), None, dtype=np.float32)
    return b.operator("DEQUANTIZE", [x], [y], options("DequantizeOptions"), 2)


def _q(c: Chain, kind: npt.DTypeLike, scale: float) -> Q | None:
    zero_points = {
        "int8": [c.zero_point()],
        "uint8": [0, 128, 255, c.whole(0, 255)],
        "int16": [0],
        "int32": [0, 0, c.whole(-300, 300)],
    }
    name = np.dtype(kind).name
    return Q.tensor(scale, c.pick(zero_points[name])) if name in zero_points else None


def _start(c: Chain, kind: Dtype, scale: float) -> None:
    shape = [c.whole(1, 6) for _ in range(c.whole(1, 5))]
    c.start(shape, _q(c, kind, scale), kind)


def _quantize(source: Dtype, result: Dtype, c: Chain) -> int:
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
    return quantize(c.builder, c.last, q, result)


def _dequantize(source: Dtype, c: Chain) -> int:
    _start(c, source, 2.0 ** c.pick([c.real(-12, 3), c.real(-140, 100)]))
    return dequantize(c.builder, c.last)


_RESULTS: dict[Dtype, tuple[Dtype, ...]] = {
    np.float32: (np.int8, np.int16),
    np.int8: (np.uint8, np.int16, np.int32),
    np.uint8: (np.int8,),
    np.int16: (np.int8, np.int16, np.int32),
    np.int32: (np.int8, np.int16),
}
FOLLOWERS: dict[str, Draw] = {"QUANTIZE": lambda c: quantize(c.builder, c.last, c.near(c.last))}
DRAWS: dict[str, Draw] = {
    **{
        f"QUANTIZE {source.__name__} to {result.__name__}": partial(_quantize, source, result)
        for source, results in _RESULTS.items()
        for result in results
    },
    **{
        f"DEQUANTIZE {dtype.__name__}": partial(_dequantize, dtype)
        for dtype in (np.int8, np.uint8, np.int16)
    },
}
