"""Builds RESIZE_BILINEAR and TRANSPOSE_CONV; see flatbuffer_models."""

from __future__ import annotations

import numpy as np

from tests.aot import flatbuffer_models as fb
from tests.aot.flatbuffer_models import Array, ModelBuilder, Q, options


def resize_bilinear(
    b: ModelBuilder, x: int, size: tuple[int, int], align: bool, half_pixel: bool
) -> int:
    """size: height and width of the output."""
    batch, _, _, channels = b.shape(x)
    y = b.tensor((batch, *size, channels), b.q(x))
    settings = options("ResizeBilinearOptions", alignCorners=align, halfPixelCenters=half_pixel)
    b.operator("RESIZE_BILINEAR", [x, b.constant(np.array(size, np.int32))], [y], settings, 3)
    return y


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
        large.append((n - 1) * s + (1 if padding == fb.SAME else k) + more)
    y = b.tensor((batch, *large, channels), q)
    weighted = fb.weighted_inputs(b, x, weights, wq, bias)
    inputs = [b.constant(np.array(b.shape(y), np.int32)), weighted[1], x, *weighted[2:]]
    settings = options(
        "TransposeConvOptions",
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        fusedActivationFunction=activation,
    )
    b.operator("TRANSPOSE_CONV", inputs, [y], settings, 4 if activation else 3)
    return y
