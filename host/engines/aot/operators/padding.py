"""Lowering of PAD, PADV2, MIRROR_PAD and RESIZE_NEAREST_NEIGHBOR: outputs larger than inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.strides import DIMS, MOVED, Dim, Walk, copy_call, filled, strides_of
from host.models.tflite import Tensor

Indices = npt.NDArray[np.int64]

_REFLECT = 0  # MirrorPadMode of the schema


def pad(site: Site) -> Lowered:
    """PAD with the real number 0, or PADV2 with a constant: the output filled, the input copied."""
    site.count_inputs(2, 3)
    x = site.activation(0, MOVED)
    y = site.output(0, (x.dtype,))
    paddings = _paddings(site, x, ("int32",))
    if not any(before or after for before, after in paddings):
        return Lowered(site.operator, (x.index,), (y.index,), ())
    width = y.numpy_dtype.itemsize
    fill = Struct((("bytes", y.nbytes), ("width", width), ("value", _value(site, y))))
    strides, targets = strides_of(x.shape), strides_of(y.shape)
    dims = tuple(Dim(n, s, t) for n, s, t in zip(x.shape, strides, targets, strict=True))
    start = sum(before * t for (before, _), t in zip(paddings, targets, strict=True))
    calls = (
        Call("fill", "Fill", fill, (), y.index),
        copy_call(site, x.index, Walk(dims, target=start), y),
    )
    return Lowered(site.operator, (x.index,), (y.index,), calls)


def _value(site: Site, y: Tensor) -> int:
    """What the padding consists of, as the bits of an int32."""
    if not site.has_input(2):
        return zero_point_of(y) if y.dtype == "int8" else 0
    tensor, values = site.constant(2, y.dtype, "padding value")
    if values.size != 1:
        raise site.refuse(f"has padding value {tensor.name!r} of shape {tensor.shape}")
    if y.dtype == "int8":
        site.check_type(tensor, "padding value", ("int8",))
        if (scale_of(tensor), zero_point_of(tensor)) != (scale_of(y), zero_point_of(y)):
            raise site.refuse("has a padding value with another scale or zero point")
    value = values.reshape(1)
    return int(value.view(np.int32)[0] if y.dtype == "float32" else value[0])


def mirror_pad(site: Site) -> Lowered:
    """MIRROR_PAD, REFLECT or SYMMETRIC."""
    site.count_inputs(2, 2)
    x = site.activation(0, ("int8", "float32"))
    y = site.output(0, (x.dtype,))
    paddings = _paddings(site, x, ("int32", "int64"))
    skipped = 1 if site.option("mode") == _REFLECT else 0
    maps = []
    for size, (before, after) in zip(x.shape, paddings, strict=True):
        if max(before, after) > size - skipped:
            raise site.refuse(f"has paddings {paddings}, too large for input shape {x.shape}")
        left = np.arange(before)[::-1] + skipped
        right = size - 1 - skipped - np.arange(after)
        maps.append(np.concatenate([left, np.arange(size), right]))
    return _gathered(site, x, y, maps)


def resize_nearest_neighbor(site: Site) -> Lowered:
    """RESIZE_NEAREST_NEIGHBOR of [batch, height, width, channels]."""
    site.count_inputs(2, 2)
    x = site.activation(0, ("int8", "int16", "float32"))
    y = site.output(0, (x.dtype,))
    tensor, sizes = site.constant(1, "int32", "size")
    if len(x.shape) != 4 or tensor.shape != (2,) or sizes.min() < 1:
        raise site.refuse(f"has input shape {x.shape} and size {sizes.tolist()}")
    batch, height, width, channels = x.shape
    site.check_output_shape((batch, int(sizes[0]), int(sizes[1]), channels))
    maps = [
        np.arange(batch),
        _nearest(site, height, int(sizes[0])),
        _nearest(site, width, int(sizes[1])),
        np.arange(channels),
    ]
    return _gathered(site, x, y, maps)


def _nearest(site: Site, size: int, wanted: int) -> Indices:
    """The input position of each output position, in float32 as TFLite-Micro computes it."""
    corners, centers = bool(site.option("alignCorners")), bool(site.option("halfPixelCenters"))
    less = 1 if corners and wanted > 1 else 0
    scale = np.float32(size - less) / np.float32(wanted - less)
    places = (np.arange(wanted).astype(np.float32) + np.float32(0.5 if centers else 0)) * scale
    # Halves away from zero; none is negative. The half is added in double, which rounds nothing.
    rounded = np.floor(places.astype(np.float64) + 0.5) if corners else np.floor(places)
    return np.clip(rounded.astype(np.int64), 0, size - 1)


def _paddings(site: Site, x: Tensor, types: Sequence[str]) -> list[tuple[int, int]]:
    """Elements before and after, along each dimension, which fit the output's shape."""
    dtype = site.tensor(1).dtype
    tensor, values = site.constant(1, dtype if dtype in types else types[0], "paddings")
    rank = len(x.shape)
    if rank > DIMS or tensor.shape != (rank, 2) or (values < 0).any():
        raise site.refuse(f"has input shape {x.shape} and paddings {values.tolist()}")
    paddings = [(int(before), int(after)) for before, after in values]
    site.check_output_shape(tuple(n + sum(p) for n, p in zip(x.shape, paddings, strict=True)))
    return paddings


def _gathered(site: Site, x: Tensor, y: Tensor, maps: Sequence[Indices]) -> Lowered:
    """An output whose element (i, j, …) is the input's element (maps[0][i], maps[1][j], …)."""
    pitches: list[Any] = list(strides_of(x.shape))
    left, run = list(maps), 1
    # What stays as it is, innermost, moves as one run.
    while left and np.array_equal(left[-1], np.arange(x.shape[len(left) - 1])):
        run *= left.pop().size
    if not left:
        return Lowered(site.operator, (x.index,), (y.index,), ())
    width = y.numpy_dtype.itemsize
    tables = [m * p * width for m, p in zip(left, pitches[: len(left)], strict=True)]
    tables = [np.zeros(1, np.int64)] * (DIMS - len(tables)) + tables
    params = Struct(
        (
            ("sizes", filled([m.size for m in left], 1)),
            ("offsets", Constant("offsets", np.concatenate(tables).astype(np.int32))),
            ("run", run * width),
        )
    )
    call = Call("gather", "Gather", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "MIRROR_PAD": mirror_pad,
    "PAD": pad,
    "PADV2": pad,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor,
}
