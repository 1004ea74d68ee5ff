"""The operators that only move elements: out of a tensor, into one, turned, repeated, reshaped.

What leaves every element at its place costs nothing: the output is its input, seen in another
shape. Types are those that TFLite-Micro's kernels take.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.lowering import MOVED, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, check_type, from_front, require
from host.engines.aot.core.strides import (
    DIMS,
    Loop,
    StridedCopy,
    copied_whole,
    copy_call,
    copy_lead,
    filled,
    loops_over,
    strides_of,
)

Indices = npt.NDArray[np.int64]

_FIXED_SHAPE = (
    "What a file leaves open counts as 1. Convert the model with a batch size of 1, and no other "
    "open dimension."
)
_EVERY = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")
_EITHER_INDEX = ("int32", "int64")
_REFLECT = 0  # MirrorPadMode of the schema


def slice_(op: OperatorContext) -> Lowered:
    """SLICE with a constant beginning and size, −1 meaning as far as there is."""
    shape = op.x.shape
    begins = op.integers(1, "begin", *_EITHER_INDEX)
    sizes = op.integers(2, "size", *_EITHER_INDEX)
    reason = f"has begin {begins} and size {sizes} for input shape {shape}"
    require(len(begins) == len(sizes) == len(shape), reason)
    sizes = [n - b if s == -1 else s for n, b, s in zip(shape, begins, sizes, strict=True)]
    inside = (b >= 0 and s > 0 and b + s <= n for n, b, s in zip(shape, begins, sizes, strict=True))
    require(all(inside), reason)
    op.check_output_shape(tuple(sizes))
    strides = strides_of(shape)
    start = sum(b * s for b, s in zip(begins, strides, strict=True))
    return _moved(op, StridedCopy(loops_over(sizes, strides), source=start))


def strided_slice(op: OperatorContext) -> Lowered:
    """STRIDED_SLICE with constant bounds and strides, of any sign, and begin, end and shrink masks.

    TFLite-Micro ignores an ellipsis or a new axis without a word; here they are refused.
    """
    shape = op.x.shape
    bounds = [op.integers(i, role) for i, role in ((1, "begin"), (2, "end"), (3, "strides"))]
    reason = f"has begin, end and strides {bounds} for input shape {shape}"
    require(all(len(b) == len(shape) for b in bounds) and 0 not in bounds[2], reason)
    masks = [int(op.option(f"{name}Mask")) for name in ("begin", "end", "shrinkAxis")]
    sizes, strides, kept, start = [], [], [], 0
    for axis, (size, pitch) in enumerate(zip(shape, strides_of(shape), strict=True)):
        open_begin, open_end, shrunk = (bool(mask >> axis & 1) for mask in masks)
        begin, end, step = (b[axis] for b in bounds)
        if shrunk:
            # With a negative stride TFLite-Micro moves nothing here.
            first = 0 if open_begin else begin + (size if begin < 0 else 0)
            positions = range(first, first + (step > 0))
        else:
            bound = slice(None if open_begin else begin, None if open_end else end, step)
            positions = range(size)[bound]
        require(positions and 0 <= positions[0] < size, reason)
        start += positions[0] * pitch
        sizes.append(len(positions))
        strides.append(positions.step * pitch)
        kept += [] if shrunk else [len(positions)]
    op.check_output_shape(tuple(kept))
    return _moved(op, StridedCopy(loops_over(sizes, strides), source=start))


def reverse_v2(op: OperatorContext) -> Lowered:
    """REVERSE_V2 along neighbouring axes; TFLite-Micro takes no others."""
    shape, given = op.x.shape, op.integers(1, "axes")
    axes = sorted(from_front(axis, len(shape)) for axis in given)
    neighbours = axes and axes == list(range(axes[0], axes[0] + len(axes)))
    require(neighbours, f"has axes {given}, which are not neighbours")
    strides = list(strides_of(shape))
    start = sum((shape[axis] - 1) * strides[axis] for axis in axes)
    for axis in axes:
        strides[axis] = -strides[axis]
    return _moved(op, StridedCopy(loops_over(shape, strides), source=start))


def transpose(op: OperatorContext) -> Lowered:
    """TRANSPOSE."""
    shape, order = op.x.shape, op.integers(1, "permutation")
    complete = sorted(order) == list(range(len(shape)))
    require(complete, f"has permutation {order} for input shape {shape}")
    turned = tuple(shape[axis] for axis in order)
    op.check_output_shape(turned)
    strides = strides_of(shape)
    return _moved(op, StridedCopy(loops_over(turned, [strides[axis] for axis in order])))


def broadcast_to(op: OperatorContext) -> Lowered:
    """BROADCAST_TO a constant shape."""
    x, shape = op.x, tuple(op.integers(1, "shape", *_EITHER_INDEX))
    sizes = filled(x.shape, 1, len(shape))
    fits = len(sizes) == len(shape) and all(n in (1, m) for n, m in zip(sizes, shape, strict=True))
    require(fits, f"has input shape {x.shape} and shape {shape}")
    op.check_output_shape(shape)
    return _repeated(op, sizes, [m // n for n, m in zip(sizes, shape, strict=True)])


def tile(op: OperatorContext) -> Lowered:
    """TILE, constant times along each dimension. TFLite-Micro has no such operator."""
    x, times = op.x, op.integers(1, "multiples", *_EITHER_INDEX)
    fits = len(times) == len(x.shape) and min(times, default=1) > 0
    require(fits, f"has input shape {x.shape} and multiples {times}")
    op.check_output_shape(tuple(n * t for n, t in zip(x.shape, times, strict=True)))
    return _repeated(op, x.shape, times)


def _repeated(op: OperatorContext, sizes: Sequence[int], times: Sequence[int]) -> Lowered:
    """All of a dimension's elements, and that so many times."""
    loops: list[Loop] = []
    strides = zip(strides_of(sizes), strides_of(op.y.shape), strict=True)
    for size, count, (source, target) in zip(sizes, times, strides, strict=True):
        loops += [Loop(count, 0, size * target), Loop(size, source, target)]
    return _moved(op, StridedCopy(loops))


def _moved(op: OperatorContext, copy: StridedCopy) -> Lowered:
    """An output that one copy from one input fills, in the order of its elements."""
    x, y = op.x, op.y
    if x.size == y.size and copied_whole(copy, x.size):
        return op.view()
    lead = copy_lead(copy, y.numpy_dtype.itemsize)
    return op.calling(copy_call(x.index, copy, y), lead=lead)


def reshape(op: OperatorContext) -> Lowered:
    """RESHAPE. The output's shape counts, not the input that may tell it: as in TFLite-Micro."""
    x, y = op.x, op.y
    reason = f"has input shape {x.shape} and output shape {y.shape}"
    require(x.size == y.size, reason, _FIXED_SHAPE)
    return op.view()


def squeeze(op: OperatorContext) -> Lowered:
    """SQUEEZE."""
    left, right = ([n for n in tensor.shape if n != 1] for tensor in (op.x, op.y))
    require(left == right, f"has input shape {op.x.shape} and output shape {op.y.shape}")
    return op.view()


def expand_dims(op: OperatorContext) -> Lowered:
    """EXPAND_DIMS."""
    shape = op.x.shape
    axis = from_front(op.integer(1, "axis"), len(shape) + 1)
    op.check_output_shape((*shape[:axis], 1, *shape[axis:]))
    return op.view()


def concatenation(op: OperatorContext) -> Lowered:
    """CONCATENATION along any axis, constants among the inputs."""
    y, inputs = op.y, op.operands
    if y.dtype == "int8":
        scales = {(t.scale, t.zero_point) for t in (*inputs, y)}
        require(len(scales) == 1, "has inputs with other scales or zero points than its output")
    axis = from_front(int(op.option("axis")), len(y.shape))
    shapes = [x.shape for x in inputs]
    same_rank = all(len(shape) == len(y.shape) for shape in shapes)
    require(same_rank, f"has input shapes {shapes} for an output of shape {y.shape}")
    joined = sum(shape[axis] for shape in shapes)
    for shape in shapes:
        op.check_output_shape((*shape[:axis], joined, *shape[axis + 1 :]))
    return _join(op, axis)


def pack(op: OperatorContext) -> Lowered:
    """PACK: equal tensors along a new axis, constants among them."""
    inputs, count = op.operands, int(op.option("valuesCount"))
    require(count == len(inputs), f"has {len(inputs)} inputs and valuesCount {count}")
    axis = from_front(int(op.option("axis")), len(inputs[0].shape) + 1)
    for x in inputs:
        op.check_output_shape((*x.shape[:axis], count, *x.shape[axis:]))
    return _join(op, axis)


def _join(op: OperatorContext, axis: int) -> Lowered:
    """For each index of the axes before ``axis``: a part of each input, one after the other."""
    y, inputs = op.y, op.operands
    rows = math.prod(y.shape[:axis])
    calls, start = [], 0
    for x in inputs:
        part = x.size // rows
        copy = StridedCopy(loops_over((rows, part), (part, 1), (y.size // rows, 1)), target=start)
        operand = x.index if x.data is None else Constant("values", x.data)
        calls.append(copy_call(operand, copy, y))
        start += part
    return op.view() if len(inputs) == 1 and inputs[0].data is None else op.calling(*calls)


def split(op: OperatorContext) -> Lowered:
    """SPLIT into equal parts; the axis comes first."""
    shape, count = op.x.shape, len(op.outputs)
    axis = from_front(op.integer(0, "axis"), len(shape))
    size, rest = divmod(shape[axis], count)
    require(not rest, f"has input shape {shape} and {count} outputs")
    for position in range(count):
        op.check_output_shape((*shape[:axis], size, *shape[axis + 1 :]), position)
    return _parts(op, axis)


def split_v(op: OperatorContext) -> Lowered:
    """SPLIT_V into the parts that the outputs' shapes say, as TFLite-Micro does."""
    shape, shapes = op.x.shape, [y.shape for y in op.outputs]
    axis = from_front(op.integer(2, "axis"), len(shape))
    others = shape[:axis], shape[axis + 1 :]
    fits = all((s[:axis], s[axis + 1 :]) == others and len(s) == len(shape) for s in shapes)
    require(
        fits and sum(s[axis] for s in shapes) == shape[axis],
        f"has input shape {shape} and output shapes {shapes}",
    )
    return _parts(op, axis)


def unpack(op: OperatorContext) -> Lowered:
    """UNPACK along any axis."""
    shape, count = op.x.shape, len(op.outputs)
    axis = from_front(int(op.option("axis")), len(shape))
    fits = shape[axis] == int(op.option("num")) == count
    require(fits, f"has input shape {shape} and {count} outputs")
    for position in range(count):
        op.check_output_shape((*shape[:axis], *shape[axis + 1 :]), position)
    return _parts(op, axis)


def _parts(op: OperatorContext, axis: int) -> Lowered:
    """Cut the input along an axis; the outputs' sizes have been checked."""
    x = op.x
    rows = math.prod(x.shape[:axis])
    calls, start = [], 0
    for y in op.outputs:
        part = y.size // rows
        copy = StridedCopy(loops_over((rows, part), (x.size // rows, 1), (part, 1)), source=start)
        calls.append(copy_call(x.index, copy, y))
        start += part
    return op.view() if len(calls) == 1 else op.calling(*calls)


def pad(op: OperatorContext) -> Lowered:
    """PAD with the real number 0, or PADV2 with a constant: the output filled, the input copied."""
    x, y = op.x, op.y
    paddings = _paddings(op, "int32")
    if not any(before or after for before, after in paddings):
        return op.view()
    fill = Struct(bytes=y.nbytes, width=y.numpy_dtype.itemsize, value=_padding_value(op))
    targets = strides_of(y.shape)
    start = sum(before * t for (before, _), t in zip(paddings, targets, strict=True))
    copy = StridedCopy(loops_over(x.shape, strides_of(x.shape), targets), target=start)
    return op.calling(Call("fill", "Fill", fill, (), y.index), copy_call(x.index, copy, y))


def _padding_value(op: OperatorContext) -> int:
    """What the padding consists of, as the bits of an int32."""
    y = op.y
    if not op.has_input(2):
        return y.zero_point if y.dtype == "int8" else 0
    values, tensor = op.constant(2, "padding value", y.dtype), op.tensor(2)
    require(values.size == 1, f"has padding value {tensor.name!r} of shape {tensor.shape}")
    if y.dtype == "int8":
        check_type(tensor, "padding value", ("int8",))
        same = (tensor.scale, tensor.zero_point) == (y.scale, y.zero_point)
        require(same, "has a padding value with another scale or zero point")
    value = values.reshape(1)
    return int(value.view(np.int32)[0] if y.dtype == "float32" else value[0])


def mirror_pad(op: OperatorContext) -> Lowered:
    """MIRROR_PAD, REFLECT or SYMMETRIC."""
    shape, paddings = op.x.shape, _paddings(op, *_EITHER_INDEX)
    skipped = 1 if op.option("mode") == _REFLECT else 0
    fits = all(max(p) <= size - skipped for size, p in zip(shape, paddings, strict=True))
    require(fits, f"has paddings {paddings}, too large for input shape {shape}")
    maps = []
    for size, (before, after) in zip(shape, paddings, strict=True):
        left = np.arange(before)[::-1] + skipped
        right = size - 1 - skipped - np.arange(after)
        maps.append(np.concatenate([left, np.arange(size), right]))
    return _gathered(op, maps)


def _paddings(op: OperatorContext, *types: str) -> list[tuple[int, int]]:
    """Elements before and after, along each dimension, which fit the output's shape."""
    shape, values = op.x.shape, op.constant(1, "paddings", *types)
    rank = len(shape)
    fits = rank <= DIMS and values.shape == (rank, 2) and (values >= 0).all()
    require(fits, f"has input shape {shape} and paddings {values.tolist()}")
    paddings = [(int(before), int(after)) for before, after in values]
    op.check_output_shape(tuple(n + sum(p) for n, p in zip(shape, paddings, strict=True)))
    return paddings


def resize_nearest_neighbor(op: OperatorContext) -> Lowered:
    """RESIZE_NEAREST_NEIGHBOR of [batch, height, width, channels]."""
    shape, sizes = op.x.shape, op.integers(1, "size")
    fits = len(sizes) == 2 and min(sizes) > 0
    require(fits, f"has input shape {shape} and size {sizes}")
    op.check_output_shape((shape[0], *sizes, shape[3]))
    images = [_nearest(op, n, size) for n, size in zip(shape[1:3], sizes, strict=True)]
    return _gathered(op, [np.arange(shape[0]), *images, np.arange(shape[3])])


def _nearest(op: OperatorContext, size: int, wanted: int) -> Indices:
    """The input position of each output position, in float32 as TFLite-Micro computes it."""
    corners, centers = bool(op.option("alignCorners")), bool(op.option("halfPixelCenters"))
    less = 1 if corners and wanted > 1 else 0
    scale = np.float32(size - less) / np.float32(wanted - less)
    places = (np.arange(wanted).astype(np.float32) + np.float32(0.5 if centers else 0)) * scale
    # Halves away from zero; none is negative. The half is added in double, which rounds nothing.
    rounded = np.floor(places.astype(np.float64) + 0.5) if corners else np.floor(places)
    return np.clip(rounded.astype(np.int64), 0, size - 1)


def _gathered(op: OperatorContext, maps: Sequence[Indices]) -> Lowered:
    """An output whose element (i, j, …) is the input's element (maps[0][i], maps[1][j], …)."""
    shape, width = op.x.shape, op.y.numpy_dtype.itemsize
    left, run = list(maps), 1
    # What stays as it is, innermost, moves as one run.
    while left and np.array_equal(left[-1], np.arange(shape[len(left) - 1])):
        run *= left.pop().size
    if not left:
        return op.view()
    tables: list[Any] = [np.zeros(1, np.int64)] * (DIMS - len(left))
    tables += [m * stride * width for m, stride in zip(left, strides_of(shape), strict=False)]
    params = Struct(
        sizes=filled([m.size for m in left], 1),
        offsets=Constant("offsets", np.concatenate(tables).astype(np.int32)),
        run=run * width,
    )
    return op.lowered("gather", "Gather", params)


_with_constant = partial(Lowering, inputs=(2, 2), types=MOVED)
_some_types = ("int8", "int16", "float32")

LOWERINGS: Lowerings = {
    "BROADCAST_TO": _with_constant(broadcast_to),
    "CONCATENATION": Lowering(
        concatenation,
        inputs=(1, None),
        operands=None,
        types=MOVED,
        options={"fusedActivationFunction": 0},
    ),
    "EXPAND_DIMS": _with_constant(expand_dims, types=_some_types),
    "MIRROR_PAD": _with_constant(mirror_pad, types=("int8", "float32")),
    "PACK": Lowering(pack, inputs=(1, None), operands=None, types=MOVED),
    "PAD": _with_constant(pad, inputs=(2, 3)),
    "PADV2": _with_constant(pad, inputs=(2, 3)),
    "RESHAPE": Lowering(reshape, inputs=(1, 2), types=_EVERY),
    "RESIZE_NEAREST_NEIGHBOR": _with_constant(resize_nearest_neighbor, types=_some_types, rank=4),
    "REVERSE_V2": _with_constant(reverse_v2, same_shape=True),
    "SLICE": Lowering(slice_, inputs=(3, 3), types=MOVED),
    "SPLIT": _with_constant(split, operands=(1,), outputs=None),
    "SPLIT_V": Lowering(split_v, inputs=(3, 3), types=MOVED, outputs=None),
    "SQUEEZE": Lowering(squeeze, types=_EVERY),
    "STRIDED_SLICE": Lowering(
        strided_slice,
        inputs=(4, 4),
        types=MOVED,
        options={"ellipsisMask": 0, "newAxisMask": 0, "offset": False},
    ),
    "TILE": _with_constant(tile),
    "TRANSPOSE": _with_constant(transpose, types=_some_types),
    "UNPACK": Lowering(unpack, types=MOVED, outputs=None),
}
