"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: built, and drawn at random."""

from functools import partial

import numpy as np

from tests.aot.builder import VALID, Array, ModelBuilder, Q, Windowed, options, weighted_inputs
from tests.aot.chain import Chain, Draw


def conv_2d(
    b: ModelBuilder, x: int, w: Windowed, weights: Array, wq: Q, bias: Array | None, q: Q
) -> int:
    """weights: [out, height, width, depth]."""
    batch, height, width, _ = b.shape(x)
    y = b.tensor((batch, *w.output((height, width)), weights.shape[0]), q, dtype=b.dtype(x).type)
    settings = w.options(
        "Conv2DOptions", dilationHFactor=w.dilation[0], dilationWFactor=w.dilation[1]
    )
    return b.operator("CONV_2D", weighted_inputs(b, x, weights, wq, bias), [y], settings, 3)


def depthwise_conv_2d(
    b: ModelBuilder, x: int, w: Windowed, weights: Array, wq: Q, bias: Array | None, q: Q
) -> int:
    """weights: [1, height, width, input channels · multiplier]."""
    batch, height, width, channels = b.shape(x)
    y = b.tensor((batch, *w.output((height, width)), weights.shape[3]), q, dtype=b.dtype(x).type)
    settings = w.options(
        "DepthwiseConv2DOptions",
        dilationHFactor=w.dilation[0],
        dilationWFactor=w.dilation[1],
        depthMultiplier=weights.shape[3] // channels,
    )
    return b.operator(
        "DEPTHWISE_CONV_2D", weighted_inputs(b, x, weights, wq, bias), [y], settings, 3
    )


def fully_connected(
    b: ModelBuilder,
    x: int,
    weights: Array,
    wq: Q,
    bias: Array | None,
    q: Q,
    activation: int = 0,
    keep: bool = False,
) -> int:
    """weights: [out, in]; ``keep`` keeps the input's other dimensions."""
    shape = b.shape(x)
    units, depth = weights.shape
    leading = shape[:-1] if keep else (int(np.prod(shape)) // depth,)
    y = b.tensor((*leading, units), q, dtype=b.dtype(x).type)
    settings = options(
        "FullyConnectedOptions",
        fusedActivationFunction=activation,
        weightsFormat=0,
        keepNumDims=keep,
        asymmetricQuantizeInputs=False,
    )
    return b.operator("FULLY_CONNECTED", weighted_inputs(b, x, weights, wq, bias), [y], settings, 5)


def note_bias_type(b: ModelBuilder, dtype: type[np.generic]) -> None:
    """What the converter notes in the last operator where it made no bias."""
    code = {np.int32: 2, np.int64: 4}[dtype]
    b.graph.operators[-1].builtinOptions.quantizedBiasType = code


Shape = tuple[int, ...]
Bias = type[np.int32] | type[np.int64]  # of int16


def _weighted(
    c: Chain, shape: Shape, depth: int, channels: int, axis: int, bias_type: Bias | None
) -> tuple[Array, Q, Array | None, Q]:
    """As ``Chain.weighted``; for int16, the multiplier stays below 2^7."""
    if bias_type is None:
        return c.weighted(shape, depth, channels, axis)
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


def _conv_2d(c: Chain, bias_type: Bias | None = None) -> int:
    if bias_type is not None:
        c.begin_int16()
    window, channels = c.window(dilated=True), c.shape[3]
    groups = c.pick([1, *(g for g in range(1, channels + 1) if channels % g == 0)])
    out = groups * c.whole(1, max(1, 9 // groups))
    shape = (out, *window.filter, channels // groups)
    weights, wq, bias, q = _weighted(c, shape, int(np.prod(shape[1:])), out, 0, bias_type)
    y = conv_2d(c.builder, c.last, window, weights, wq, bias, q)
    _note(c, bias_type)
    return y


def _depthwise_conv_2d(c: Chain, bias_type: Bias | None = None) -> int:
    if bias_type is not None:
        c.begin_int16()
    window = c.window(dilated=True)
    if max(c.shape[1:3]) > 550 and c.chance(0.7):
        window = Windowed((min(c.shape[1], 520), min(c.shape[2], 530)), padding=VALID)
    out = c.shape[3] * c.pick([1, 1, 2, 3, 4, 5, 6])
    shape, depth = (1, *window.filter, out), int(np.prod(window.filter))
    weights, wq, bias, q = _weighted(c, shape, depth, out, 3, bias_type)
    return depthwise_conv_2d(c.builder, c.last, window, weights, wq, bias, q)


def _fully_connected(c: Chain, bias_type: Bias | None = None) -> int:
    if bias_type is not None:
        c.begin_int16(rank=c.pick([2, 3, 4]))
    keep = c.chance(0.5)
    depth = c.shape[-1] if keep else int(np.prod(c.shape[1:]))
    units = c.size()
    weights, wq, bias, q = _weighted(c, (units, depth), depth, units, 0, bias_type)
    y = fully_connected(c.builder, c.last, weights, wq, bias, q, c.activation(), keep)
    _note(c, bias_type)
    return y


def _note(c: Chain, bias_type: Bias | None) -> None:
    if bias_type is not None:
        note_bias_type(c.builder, bias_type)


FOLLOWERS: dict[str, Draw] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
}
DRAWS: dict[str, Draw] = {
    "CONV_2D int16": partial(_conv_2d, bias_type=np.int64),
    "CONV_2D int16, int32 bias": partial(_conv_2d, bias_type=np.int32),
    "DEPTHWISE_CONV_2D int16": partial(_depthwise_conv_2d, bias_type=np.int64),
    "FULLY_CONNECTED int16": partial(_fully_connected, bias_type=np.int64),
    "FULLY_CONNECTED int16, int32 bias": partial(_fully_connected, bias_type=np.int32),
}
