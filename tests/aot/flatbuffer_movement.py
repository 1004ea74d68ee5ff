"""Adds operators that only move elements to a model under construction.

As in ``flatbuffer_models``; the outputs' shapes are what NumPy makes of arrays of these shapes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.aot.flatbuffer_models import ModelBuilder, Q, options


def like(b: ModelBuilder, x: int, shape: Sequence[int]) -> int:
    """A tensor of this shape, otherwise like ``x``."""
    return b.tensor(shape, b.q(x), dtype=b.dtype(x).type)


def _numbers(b: ModelBuilder, values: object, dtype: type[np.generic] = np.int32) -> int:
    return b.constant(np.array(values, dtype))


def _empty(b: ModelBuilder, x: int) -> np.ndarray:
    return np.empty(b.shape(x), np.int8)


def concatenation(b: ModelBuilder, inputs: Sequence[int], axis: int, activation: int = 0) -> int:
    y = like(b, inputs[0], np.concatenate([_empty(b, x) for x in inputs], axis).shape)
    settings = options("ConcatenationOptions", axis=axis, fusedActivationFunction=activation)
    b.operator("CONCATENATION", inputs, [y], settings, 2)
    return y


def pack(b: ModelBuilder, inputs: Sequence[int], axis: int) -> int:
    y = like(b, inputs[0], np.stack([_empty(b, x) for x in inputs], axis).shape)
    settings = options("PackOptions", axis=axis, valuesCount=len(inputs))
    b.operator("PACK", inputs, [y], settings, 2)
    return y


def unpack(b: ModelBuilder, x: int, axis: int) -> list[int]:
    count = b.shape(x)[axis]
    outputs = [like(b, x, np.take(_empty(b, x), 0, axis).shape) for _ in range(count)]
    b.operator("UNPACK", [x], outputs, options("UnpackOptions", axis=axis, num=count), 2)
    return outputs


def split(b: ModelBuilder, x: int, count: int, axis: int) -> list[int]:
    outputs = [like(b, x, part.shape) for part in np.split(_empty(b, x), count, axis)]
    settings = options("SplitOptions", numSplits=count)
    b.operator("SPLIT", [_numbers(b, [axis]), x], outputs, settings, 2)
    return outputs


def split_v(b: ModelBuilder, x: int, sizes: Sequence[int], axis: int) -> list[int]:
    parts = np.split(_empty(b, x), np.cumsum(sizes)[:-1].tolist(), axis)
    outputs = [like(b, x, part.shape) for part in parts]
    settings = options("SplitVOptions", numSplits=len(sizes))
    b.operator("SPLIT_V", [x, _numbers(b, sizes), _numbers(b, [axis])], outputs, settings, 2)
    return outputs


def slice_(
    b: ModelBuilder,
    x: int,
    begins: Sequence[int],
    sizes: Sequence[int],
    dtype: type[np.generic] = np.int32,
) -> int:
    """A size of −1 goes to the end."""
    bounds = [slice(s, None if n < 0 else s + n) for s, n in zip(begins, sizes, strict=True)]
    y = like(b, x, _empty(b, x)[tuple(bounds)].shape)
    inputs = [x, _numbers(b, begins, dtype), _numbers(b, sizes, dtype)]
    b.operator("SLICE", inputs, [y], options("SliceOptions"), 2)
    return y


def strided_slice(
    b: ModelBuilder,
    x: int,
    begins: Sequence[int],
    ends: Sequence[int],
    strides: Sequence[int],
    masks: tuple[int, int, int] = (0, 0, 0),
) -> int:
    """masks: begin, end, shrink axis."""
    index: list[slice | int] = []
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        first = None if masks[0] >> axis & 1 else begin
        last = None if masks[1] >> axis & 1 else end
        index.append((first or 0) if masks[2] >> axis & 1 else slice(first, last, stride))
    y = like(b, x, _empty(b, x)[tuple(index)].shape)
    settings = options(
        "StridedSliceOptions", beginMask=masks[0], endMask=masks[1], shrinkAxisMask=masks[2]
    )
    inputs = [x, _numbers(b, begins), _numbers(b, ends), _numbers(b, strides)]
    b.operator("STRIDED_SLICE", inputs, [y], settings, 2)
    return y


def transpose(b: ModelBuilder, x: int, order: Sequence[int]) -> int:
    y = like(b, x, _empty(b, x).transpose(order).shape)
    b.operator("TRANSPOSE", [x, _numbers(b, order)], [y], options("TransposeOptions"), 2)
    return y


def reverse_v2(b: ModelBuilder, x: int, axes: Sequence[int]) -> int:
    y = like(b, x, b.shape(x))
    b.operator("REVERSE_V2", [x, _numbers(b, axes)], [y], options("ReverseV2Options"), 3)
    return y


def broadcast_to(b: ModelBuilder, x: int, shape: Sequence[int]) -> int:
    y = like(b, x, np.broadcast_to(_empty(b, x), shape).shape)
    b.operator("BROADCAST_TO", [x, _numbers(b, shape)], [y], options("BroadcastToOptions"), 2)
    return y


def tile(b: ModelBuilder, x: int, times: Sequence[int]) -> int:
    y = like(b, x, np.tile(_empty(b, x), times).shape)
    b.operator("TILE", [x, _numbers(b, times)], [y], options("TileOptions"), 2)
    return y


def squeeze(b: ModelBuilder, x: int, axes: Sequence[int]) -> int:
    """No axes: all of size 1."""
    y = like(b, x, _empty(b, x).squeeze(tuple(axes) or None).shape)
    b.operator("SQUEEZE", [x], [y], options("SqueezeOptions", squeezeDims=list(axes)))
    return y


def expand_dims(b: ModelBuilder, x: int, axis: int) -> int:
    y = like(b, x, np.expand_dims(_empty(b, x), axis).shape)
    b.operator("EXPAND_DIMS", [x, _numbers(b, [axis])], [y], options("ExpandDimsOptions"))
    return y


def pad(
    b: ModelBuilder, x: int, paddings: Sequence[tuple[int, int]], value: float | None = None
) -> int:
    """PAD, or PADV2 where there is a value to pad with."""
    y = like(b, x, np.pad(_empty(b, x), paddings).shape)
    inputs = [x, _numbers(b, paddings)]
    if value is None:
        b.operator("PAD", inputs, [y], options("PadOptions"), 2)
        return y
    filling = b.constant(np.array([value], b.dtype(x)), b.q(x))
    b.operator("PADV2", [*inputs, filling], [y], options("PadV2Options"), 2)
    return y


def mirror_pad(
    b: ModelBuilder,
    x: int,
    paddings: Sequence[tuple[int, int]],
    mode: int,
    dtype: type[np.generic] = np.int32,
) -> int:
    """mode: 0 is REFLECT, 1 is SYMMETRIC."""
    y = like(b, x, np.pad(_empty(b, x), paddings).shape)
    inputs = [x, _numbers(b, paddings, dtype)]
    b.operator("MIRROR_PAD", inputs, [y], options("MirrorPadOptions", mode=mode), 2)
    return y


def resize_nearest_neighbor(
    b: ModelBuilder, x: int, size: Sequence[int], corners: bool, centers: bool
) -> int:
    batch, _, _, channels = b.shape(x)
    y = like(b, x, (batch, *size, channels))
    settings = options(
        "ResizeNearestNeighborOptions", alignCorners=corners, halfPixelCenters=centers
    )
    b.operator("RESIZE_NEAREST_NEIGHBOR", [x, _numbers(b, size)], [y], settings, 3)
    return y


def scalar_q(dtype: type[np.generic], scale: float, zero_point: int) -> Q:
    """Parameters that a tensor of this type may have: only int8 has a zero point."""
    return Q.tensor(scale, zero_point if dtype == np.int8 else 0)
