"""RESIZE_BILINEAR and TRANSPOSE_CONV: built, and drawn at random."""

import numpy as np

from tests.aot.builder import SAME, VALID, Array, ModelBuilder, Q, options, weighted_inputs
from tests.aot.chain import Chain, Draw


def resize_bilinear(
    b: ModelBuilder, x: int, size: tuple[int, int], align: bool, half_pixel: bool
) -> int:
    """size: height and width of the output."""
    batch, _, _, channels = b.shape(x)
    y = b.tensor((batch, *size, channels), b.q(x))
    settings = options("ResizeBilinearOptions", alignCorners=align, halfPixelCenters=half_pixel)
    return b.operator(
        "RESIZE_BILINEAR", [x, b.constant(np.array(size, np.int32))], [y], settings, 3
    )


def transpose_conv(
    b: ModelBuilder,
    x: int,
    stride: tuple[int, int],
    padding: int,
    extra: tuple[int, int],
    weights: Array,
    wq: Q,
    bias: Array | None,
    q: Q,
    activation: int = 0,
) -> int:
    """weights: [out, height, width, in]; ``extra`` rows and columns of output, below the stride."""
    batch, *sizes, _ = b.shape(x)
    channels, *filter_size, _ = weights.shape
    large = []
    for n, k, s, more in zip(sizes, filter_size, stride, extra, strict=True):
        # SAME: the sizes of which every s-th is n; VALID: those in which n filters fit.
        large.append((n - 1) * s + (1 if padding == SAME else k) + more)
    y = b.tensor((batch, *large, channels), q)
    weighted = weighted_inputs(b, x, weights, wq, bias)
    inputs = [b.constant(np.array(b.shape(y), np.int32)), weighted[1], x, *weighted[2:]]
    settings = options(
        "TransposeConvOptions",
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        fusedActivationFunction=activation,
    )
    return b.operator("TRANSPOSE_CONV", inputs, [y], settings, 4 if activation else 3)


def _resize_bilinear(c: Chain) -> int:
    # Up to five times as large: far beyond, TFLite-Micro reads behind the image.
    size = (_new_size(c, c.shape[1]), _new_size(c, c.shape[2]))
    align, half_pixel = c.pick([(False, False), (True, False), (False, True), (False, True)])
    return resize_bilinear(c.builder, c.last, size, align, half_pixel)


def _new_size(c: Chain, size: int) -> int:
    return c.pick([1, size, 2 * size, 3 * size, c.whole(1, 5 * size), c.size()])


def _transpose_conv(c: Chain) -> int:
    height, width = c.whole(1, 5), c.whole(1, 5)
    stride = (c.whole(1, 4), c.whole(1, 4))
    extra = (c.whole(0, stride[0] - 1), c.whole(0, stride[1] - 1))
    channels = c.size()
    shape = (channels, height, width, c.shape[3])
    depth = max(1, int(np.prod(shape[1:])) // (stride[0] * stride[1]))
    weights, wq, bias, q = c.weighted(shape, depth, channels, 0)
    padding = c.pick([SAME, VALID])
    return transpose_conv(
        c.builder, c.last, stride, padding, extra, weights, wq, bias, q, c.activation()
    )


DRAWS: dict[str, Draw] = {"RESIZE_BILINEAR": _resize_bilinear, "TRANSPOSE_CONV": _transpose_conv}
