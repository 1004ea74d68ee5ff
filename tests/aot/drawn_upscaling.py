"""Draws RESIZE_BILINEAR and TRANSPOSE_CONV."""

from __future__ import annotations

import numpy as np

from tests.aot import flatbuffer_models as fb
from tests.aot.flatbuffer_upscaling import resize_bilinear, transpose_conv
from tests.aot.models import Chain, Draw


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
    padding = c.pick([fb.SAME, fb.VALID])
    return transpose_conv(
        c.builder, c.last, stride, padding, extra, weights, wq, bias, q, c.activation()
    )


DRAWS: dict[str, Draw] = {
    "RESIZE_BILINEAR": _resize_bilinear,
    "TRANSPOSE_CONV": _transpose_conv,
}
