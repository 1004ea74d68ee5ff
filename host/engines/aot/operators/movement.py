"""The operators that only move elements: out of a tensor, into one, turned, repeated, reshaped.

What leaves every element at its place costs nothing: the output is its input, seen in another
shape. Types are those that TFLite-Micro's kernels take.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.lowering import MOVED, Lowering, Lowerings
from host.engines.aot.core.operator_context import (
    OperatorContext,
    RefusalError,
    check_type,
    from_front,
    require,
)
from host.engines.aot.core.strides import DIMS, StridedCopy, filled, layout
from host.models.tflite import Tensor

Indices = npt.NDArray[np.int64]

_FIXED_SHAPE = (
    "What a file leaves open counts as 1. Convert the model with a batch size of 1, and no other "
    "open dimension."
)
_EVERY = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")
_EITHER_INDEX = ("int32", "int64")
_REFLECT = 0  # MirrorPadMode of the schema


def _slice(op: OperatorContext) -> Lowered:
    """A constant beginning and size, −1 meaning as far as there is."""
    shape = op.x.shape
    begins = op.integers(1, "begin", *_EITHER_INDEX)
    sizes = op.integers(2, "size", *_EITHER_INDEX)
    reason = f"has begin {begins} and size {sizes} for input shape {shape}"
    require(len(begins) == len(sizes) == len(shape), reason)
    ends = [n if s == -1 else b + s for n, b, s in zip(shape, begins, sizes, strict=True)]
    require(all(0 <= b < e <= n for n, b, e in zip(shape, begins, ends, strict=True)), reason)
    return _viewed(op, _layout(op.x)[tuple(map(slice, begins, ends))])


def strided_index(options: Mapping[str, Any], bounds: Sequence[Sequence[int]]) -> tuple[Any, ...]:
    """NumPy's index for the begin, end and strides of a STRIDED_SLICE with these options."""
    index: list[Any] = []
    for i, (begin, end, step) in enumerate(zip(*bounds, strict=True)):
        first = None if options["beginMask"] >> i & 1 else begin
        last = None if options["endMask"] >> i & 1 else end
        if options["ellipsisMask"] >> i & 1:
            index.append(...)
        elif options["newAxisMask"] >> i & 1:
            index.append(None)
        else:
            shrunk = options["shrinkAxisMask"] >> i & 1
            index.append((first or 0) if shrunk else slice(first, last, step))
    return tuple(index)


def _strided_slice(op: OperatorContext) -> Lowered:
    """Constant bounds and strides, of any sign, and begin, end and shrink masks.

    TFLite-Micro ignores an ellipsis or a new axis without a word; here they are refused.
    """
    shape = op.x.shape
    bounds = [op.integers(i, role) for i, role in ((1, "begin"), (2, "end"), (3, "strides"))]
    reason = f"has begin, end and strides {bounds} for input shape {shape}"
    require(all(len(b) == len(shape) for b in bounds) and 0 not in bounds[2], reason)
    index = strided_index(op.operator.options, bounds)
    # Along an axis that it removes, TFLite-Micro moves nothing with a negative stride.
    forwards = all(
        isinstance(i, slice) or step > 0 for i, step in zip(index, bounds[2], strict=True)
    )
    try:
        view = _layout(op.x)[index]
    except IndexError:
        raise RefusalError(reason) from None
    require(forwards and view.size, reason)
    return _viewed(op, view)


def _reverse_v2(op: OperatorContext) -> Lowered:
    """Along neighbouring axes; TFLite-Micro takes no others."""
    given = op.integers(1, "axes")
    axes = sorted(from_front(axis, len(op.x.shape)) for axis in given)
    neighbours = axes and axes == list(range(axes[0], axes[0] + len(axes)))
    require(neighbours, f"has axes {given}, which are not neighbours")
    return _viewed(op, np.flip(_layout(op.x), tuple(axes)))


def _transpose(op: OperatorContext) -> Lowered:
    shape, order = op.x.shape, op.integers(1, "permutation")
    complete = sorted(order) == list(range(len(shape)))
    require(complete, f"has permutation {order} for input shape {shape}")
    return _viewed(op, _layout(op.x).transpose(order))


def _broadcast_to(op: OperatorContext) -> Lowered:
    """To a constant shape."""
    shape = tuple(op.integers(1, "shape", *_EITHER_INDEX))
    try:
        view = np.broadcast_to(_layout(op.x), shape)
    except ValueError:
        raise RefusalError(f"has input shape {op.x.shape} and shape {shape}") from None
    return _viewed(op, view)


def _tile(op: OperatorContext) -> Lowered:
    """Constant times along each dimension. TFLite-Micro has no such operator."""
    shape, times = op.x.shape, op.integers(1, "multiples", *_EITHER_INDEX)
    fits = len(times) == len(shape) and min(times, default=1) > 0
    require(fits, f"has input shape {shape} and multiples {times}")
    tiled = tuple(n * t for n, t in zip(shape, times, strict=True))
    op.check_output_shape(tiled)  # before there is a view of any size
    # Each dimension becomes two: how often, and its own.
    pairs = [size for pair in zip(times, shape, strict=True) for size in pair]
    apart = _layout(op.x).reshape([size for n in shape for size in (1, n)])
    return _viewed(op, np.broadcast_to(apart, pairs), tiled)


def _viewed(op: OperatorContext, view: Array, shape: tuple[int, ...] | None = None) -> Lowered:
    """An output of a view's shape, or of another, which a view of the input fills in its order."""
    op.check_output_shape(view.shape if shape is None else shape)
    x, y = op.x, op.y
    copy = StridedCopy.between(view, _layout(y).reshape(view.shape))
    if x.size == y.size and copy == StridedCopy((), y.nbytes):
        return op.view()
    return op.calling(copy.call(x.index, y), lead=copy.lead())


def _layout(tensor: Tensor) -> Array:
    return layout(tensor.shape, tensor.numpy_dtype.itemsize)


def _reshape(op: OperatorContext) -> Lowered:
    """The output's shape counts, not the input that may tell it: as in TFLite-Micro."""
    x, y = op.x, op.y
    reason = f"has input shape {x.shape} and output shape {y.shape}"
    require(x.size == y.size, reason, _FIXED_SHAPE)
    return op.view()


def _squeeze(op: OperatorContext) -> Lowered:
    left, right = ([n for n in tensor.shape if n != 1] for tensor in (op.x, op.y))
    require(left == right, f"has input shape {op.x.shape} and output shape {op.y.shape}")
    return op.view()


def _expand_dims(op: OperatorContext) -> Lowered:
    axis = from_front(op.integer(1, "axis"), len(op.x.shape) + 1)
    return _viewed(op, np.expand_dims(_layout(op.x), axis))


def _concatenation(op: OperatorContext) -> Lowered:
    """Along any axis, constants among the inputs."""
    y, inputs = op.y, op.operands
    if y.dtype == "int8":
        scales = {(t.scale, t.zero_point) for t in (*inputs, y)}
        require(len(scales) == 1, "has inputs with other scales or zero points than its output")
    axis = from_front(int(op.option("axis")), len(y.shape))
    shapes = [x.shape for x in inputs]
    same_rank = all(len(shape) == len(y.shape) for shape in shapes)
    require(same_rank, f"has input shapes {shapes} for an output of shape {y.shape}")
    return _joined(op, axis, [_layout(x) for x in inputs])


def _pack(op: OperatorContext) -> Lowered:
    """Equal tensors along a new axis, constants among them."""
    inputs, count = op.operands, int(op.option("valuesCount"))
    require(count == len(inputs), f"has {len(inputs)} inputs and valuesCount {count}")
    axis = from_front(int(op.option("axis")), len(inputs[0].shape) + 1)
    for x in inputs:  # before an axis is made where one may have no place for it
        op.check_output_shape((*x.shape[:axis], count, *x.shape[axis:]))
    return _joined(op, axis, [np.expand_dims(_layout(x), axis) for x in inputs])


def _joined(op: OperatorContext, axis: int, sources: Sequence[Array]) -> Lowered:
    """The inputs, as views of their shapes in the output, one after the other along an axis."""
    y, inputs = op.y, op.operands
    sizes = [source.shape[axis] for source in sources]
    for source in sources:
        op.check_output_shape((*source.shape[:axis], sum(sizes), *source.shape[axis + 1 :]))
    targets = np.split(_layout(y), np.cumsum(sizes)[:-1], axis)
    calls = [
        StridedCopy.between(source, target).call(
            x.index if x.data is None else Constant("values", x.data), y
        )
        for x, source, target in zip(inputs, sources, targets, strict=True)
    ]
    return op.view() if len(inputs) == 1 and inputs[0].data is None else op.calling(*calls)


def _split(op: OperatorContext) -> Lowered:
    """Into equal parts; the axis comes first."""
    shape, count = op.x.shape, len(op.outputs)
    axis = from_front(op.integer(0, "axis"), len(shape))
    require(not shape[axis] % count, f"has input shape {shape} and {count} outputs")
    return _parts(op, np.split(_layout(op.x), count, axis))


def _split_v(op: OperatorContext) -> Lowered:
    """Into the parts that the outputs' shapes say, as TFLite-Micro does."""
    shape, shapes = op.x.shape, [y.shape for y in op.outputs]
    axis = from_front(op.integer(2, "axis"), len(shape))
    others = shape[:axis], shape[axis + 1 :]
    fits = all((s[:axis], s[axis + 1 :]) == others and len(s) == len(shape) for s in shapes)
    require(
        fits and sum(s[axis] for s in shapes) == shape[axis],
        f"has input shape {shape} and output shapes {shapes}",
    )
    return _parts(op, np.split(_layout(op.x), np.cumsum([s[axis] for s in shapes])[:-1], axis))


def _unpack(op: OperatorContext) -> Lowered:
    """Along any axis."""
    shape, count = op.x.shape, len(op.outputs)
    axis = from_front(int(op.option("axis")), len(shape))
    fits = shape[axis] == int(op.option("num")) == count
    require(fits, f"has input shape {shape} and {count} outputs")
    parts = np.split(_layout(op.x), count, axis)
    return _parts(op, [part.squeeze(axis) for part in parts])


def _parts(op: OperatorContext, parts: Sequence[Array]) -> Lowered:
    """Each output filled with a view of the input."""
    for position, part in enumerate(parts):
        op.check_output_shape(part.shape, position)
    calls = [
        StridedCopy.between(part, _layout(y)).call(op.x.index, y)
        for part, y in zip(parts, op.outputs, strict=True)
    ]
    return op.view() if len(calls) == 1 else op.calling(*calls)


def _pad(op: OperatorContext) -> Lowered:
    """With the real number 0, or a constant in PADV2: the output filled, the input copied."""
    x, y = op.x, op.y
    paddings = _paddings(op, "int32")
    if not any(before or after for before, after in paddings):
        return op.view()
    fill = Struct(bytes=y.nbytes, width=y.numpy_dtype.itemsize, value=_padding_value(op))
    inside = [slice(before, before + n) for n, (before, _) in zip(x.shape, paddings, strict=True)]
    copy = StridedCopy.between(_layout(x), _layout(y)[tuple(inside)])
    return op.calling(Call("fill", "Fill", fill, (), y.index), copy.call(x.index, y))


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


def _mirror_pad(op: OperatorContext) -> Lowered:
    """REFLECT or SYMMETRIC."""
    shape, paddings = op.x.shape, _paddings(op, *_EITHER_INDEX)
    skipped = 1 if op.option("mode") == _REFLECT else 0
    fits = all(max(p) <= size - skipped for size, p in zip(shape, paddings, strict=True))
    require(fits, f"has paddings {paddings}, too large for input shape {shape}")
    mode: Literal["reflect", "symmetric"] = "reflect" if skipped else "symmetric"
    maps = [np.pad(np.arange(n), p, mode) for n, p in zip(shape, paddings, strict=True)]
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


def _resize_nearest_neighbor(op: OperatorContext) -> Lowered:
    """Of [batch, height, width, channels]."""
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
    x, left, run = _layout(op.x), list(maps), op.x.numpy_dtype.itemsize
    # What stays as it is, innermost, moves as one run.
    while left and np.array_equal(left[-1], np.arange(x.shape[len(left) - 1])):
        run *= left.pop().size
    if not left:
        return op.view()
    tables: list[Any] = [np.zeros(1, np.int64)] * (DIMS - len(left))
    tables += [m * stride for m, stride in zip(left, x.strides, strict=False)]
    params = Struct(
        sizes=filled([m.size for m in left], 1),
        offsets=Constant("offsets", np.concatenate(tables).astype(np.int32)),
        run=run,
    )
    return op.lowered("Gather", params, kernel="gather")


_with_constant = partial(Lowering, inputs=(2, 2), types=MOVED)
_some_types = ("int8", "int16", "float32")

LOWERINGS: Lowerings = {
    "BROADCAST_TO": _with_constant(_broadcast_to),
    "CONCATENATION": Lowering(
        _concatenation,
        inputs=(1, None),
        operands=None,
        types=MOVED,
        options={"fusedActivationFunction": 0},
    ),
    "EXPAND_DIMS": _with_constant(_expand_dims, types=_some_types),
    "MIRROR_PAD": _with_constant(_mirror_pad, types=("int8", "float32")),
    "PACK": Lowering(_pack, inputs=(1, None), operands=None, types=MOVED),
    "PAD": _with_constant(_pad, inputs=(2, 3)),
    "PADV2": _with_constant(_pad, inputs=(2, 3)),
    "RESHAPE": Lowering(_reshape, inputs=(1, 2), types=_EVERY),
    "RESIZE_NEAREST_NEIGHBOR": _with_constant(_resize_nearest_neighbor, types=_some_types, rank=4),
    "REVERSE_V2": _with_constant(_reverse_v2, same_shape=True),
    "SLICE": Lowering(_slice, inputs=(3, 3), types=MOVED),
    "SPLIT": _with_constant(_split, operands=(1,), outputs=None),
    "SPLIT_V": Lowering(_split_v, inputs=(3, 3), types=MOVED, outputs=None),
    "SQUEEZE": Lowering(_squeeze, types=_EVERY),
    "STRIDED_SLICE": Lowering(
        _strided_slice,
        inputs=(4, 4),
        types=MOVED,
        options={"ellipsisMask": 0, "newAxisMask": 0, "offset": False},
    ),
    "TILE": _with_constant(_tile),
    "TRANSPOSE": _with_constant(_transpose, types=_some_types),
    "UNPACK": Lowering(_unpack, types=MOVED, outputs=None),
}
