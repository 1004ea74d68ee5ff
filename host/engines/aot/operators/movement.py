"""Lowering of the operators that take elements out of one tensor, turn, repeat or reshape it.

What leaves every element at its place costs nothing: the output is its input, seen in another
shape. Types are those that TFLite-Micro's kernels take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.engines.aot.core.ir import Lowered, Overlap
from host.engines.aot.core.operator_context import Site
from host.engines.aot.core.strides import (
    MOVED,
    Dim,
    Walk,
    copied_whole,
    copy_call,
    copy_lead,
    strides_of,
)
from host.models.tflite import Tensor

_FIXED_SHAPE = (
    "What a file leaves open counts as 1. Convert the model with a batch size of 1, and no other "
    "open dimension."
)
EVERY = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")


def slice_(site: Site) -> Lowered:
    """SLICE with a constant beginning and size, −1 meaning as far as there is."""
    site.count_inputs(3, 3)
    x, y = _in_and_out(site, MOVED)
    types = ("int32", "int64")
    begins, sizes = site.integers(1, "begin", types), site.integers(2, "size", types)
    if not len(begins) == len(sizes) == len(x.shape):
        raise site.refuse(f"has begin {begins} and size {sizes} for input shape {x.shape}")
    sizes = [n - b if s == -1 else s for n, b, s in zip(x.shape, begins, sizes, strict=True)]
    for n, begin, size in zip(x.shape, begins, sizes, strict=True):
        if begin < 0 or size < 1 or begin + size > n:
            raise site.refuse(f"has begin {begins} and size {sizes} for input shape {x.shape}")
    site.check_output_shape(tuple(sizes))
    strides = strides_of(x.shape)
    dims = [Dim(n, s, t) for n, s, t in zip(sizes, strides, strides_of(sizes), strict=True)]
    start = sum(b * s for b, s in zip(begins, strides, strict=True))
    return _moved(site, x, y, Walk(tuple(dims), source=start))


def strided_slice(site: Site) -> Lowered:
    """STRIDED_SLICE with constant bounds and strides, of any sign, and begin, end and shrink masks.

    An ellipsis or a new axis TFLite-Micro passes over in silence; here they are refused.
    """
    site.count_inputs(4, 4)
    x, y = _in_and_out(site, MOVED)
    if site.option("ellipsisMask") or site.option("newAxisMask") or site.option("offset"):
        raise site.refuse("has an ellipsis, a new axis or an end relative to its beginning")
    bounds = [site.integers(i, r) for i, r in ((1, "begin"), (2, "end"), (3, "strides"))]
    if any(len(b) != len(x.shape) for b in bounds) or 0 in bounds[2]:
        raise site.refuse(f"has begin, end and strides {bounds} for input shape {x.shape}")
    masks = [int(site.option(f"{name}Mask")) for name in ("begin", "end", "shrinkAxis")]
    dims: list[Dim] = []
    start, shape = 0, []
    for axis, (size, pitch) in enumerate(zip(x.shape, strides_of(x.shape), strict=True)):
        open_begin, open_end, shrunk = (bool(mask >> axis & 1) for mask in masks)
        begin, end, step = (int(b[axis]) for b in bounds)
        if shrunk:
            # With a negative stride TFLite-Micro moves nothing here.
            first = 0 if open_begin else begin + (size if begin < 0 else 0)
            positions = range(first, first + (step > 0))
        else:
            bound = slice(None if open_begin else begin, None if open_end else end, step)
            positions = range(size)[bound]
        if not positions or not 0 <= positions[0] < size:
            raise site.refuse(f"has begin, end and strides {bounds} for input shape {x.shape}")
        start += positions[0] * pitch
        dims.append(Dim(len(positions), positions.step * pitch, 0))
        shape += [] if shrunk else [len(positions)]
    site.check_output_shape(tuple(shape))
    targets = strides_of([d.size for d in dims])
    walked = tuple(Dim(d.size, d.source, t) for d, t in zip(dims, targets, strict=True))
    return _moved(site, x, y, Walk(walked, source=start))


def reverse_v2(site: Site) -> Lowered:
    """REVERSE_V2 along neighbouring axes; TFLite-Micro takes no others."""
    site.count_inputs(2, 2)
    x, y = _in_and_out(site, MOVED)
    given = site.integers(1, "axes")
    axes = sorted(site.axis(axis, len(x.shape)) for axis in given)
    if not axes or axes != list(range(axes[0], axes[0] + len(axes))):
        raise site.refuse(f"has axes {given}, which are not neighbours")
    site.check_output_shape(x.shape)
    start, dims = 0, []
    for axis, (size, pitch) in enumerate(zip(x.shape, strides_of(x.shape), strict=True)):
        turned = axis in axes
        start += (size - 1) * pitch if turned else 0
        dims.append(Dim(size, -pitch if turned else pitch, pitch))
    return _moved(site, x, y, Walk(tuple(dims), source=start))


def transpose(site: Site) -> Lowered:
    """TRANSPOSE."""
    site.count_inputs(2, 2)
    x, y = _in_and_out(site, ("int8", "int16", "float32"))
    order = site.integers(1, "permutation")
    if sorted(order) != list(range(len(x.shape))):
        raise site.refuse(f"has permutation {order} for input shape {x.shape}")
    shape = tuple(x.shape[axis] for axis in order)
    site.check_output_shape(shape)
    strides = strides_of(x.shape)
    targets = strides_of(shape)
    dims = [Dim(n, strides[a], t) for n, a, t in zip(shape, order, targets, strict=True)]
    return _moved(site, x, y, Walk(tuple(dims)))


def broadcast_to(site: Site) -> Lowered:
    """BROADCAST_TO a constant shape."""
    site.count_inputs(2, 2)
    x, y = _in_and_out(site, MOVED)
    shape = tuple(site.integers(1, "shape", ("int32", "int64")))
    sizes = (1,) * (len(shape) - len(x.shape)) + x.shape
    if len(sizes) != len(shape) or any(n not in (1, m) for n, m in zip(sizes, shape, strict=True)):
        raise site.refuse(f"has input shape {x.shape} and shape {shape}")
    site.check_output_shape(shape)
    return _repeated(site, x, y, sizes, [m // n for n, m in zip(sizes, shape, strict=True)])


def tile(site: Site) -> Lowered:
    """TILE, constant times along each dimension. TFLite-Micro has no such operator."""
    site.count_inputs(2, 2)
    x, y = _in_and_out(site, MOVED)
    times = site.integers(1, "multiples", ("int32", "int64"))
    if len(times) != len(x.shape) or min(times, default=1) < 1:
        raise site.refuse(f"has input shape {x.shape} and multiples {times}")
    site.check_output_shape(tuple(n * t for n, t in zip(x.shape, times, strict=True)))
    return _repeated(site, x, y, x.shape, times)


def _repeated(
    site: Site, x: Tensor, y: Tensor, sizes: Sequence[int], times: Sequence[int]
) -> Lowered:
    """All of a dimension's elements, and that so many times."""
    dims: list[Dim] = []
    pitches = zip(strides_of(sizes), strides_of(y.shape), strict=True)
    for size, count, (source, target) in zip(sizes, times, pitches, strict=True):
        dims += [Dim(count, 0, size * target), Dim(size, source, target)]
    return _moved(site, x, y, Walk(tuple(dims)))


def reshape(site: Site) -> Lowered:
    """RESHAPE. The output's shape counts, not the input that may tell it: as in TFLite-Micro."""
    site.count_inputs(1, 2)
    return _view(site, *_in_and_out(site, EVERY))


def squeeze(site: Site) -> Lowered:
    """SQUEEZE."""
    site.count_inputs(1, 1)
    x, y = _in_and_out(site, EVERY)
    if [n for n in x.shape if n != 1] != [n for n in y.shape if n != 1]:
        raise site.refuse(f"has input shape {x.shape} and output shape {y.shape}")
    return _view(site, x, y)


def expand_dims(site: Site) -> Lowered:
    """EXPAND_DIMS."""
    site.count_inputs(2, 2)
    x, y = _in_and_out(site, ("int8", "int16", "float32"))
    axis = site.axis(site.integer(1, "axis"), len(x.shape) + 1)
    site.check_output_shape((*x.shape[:axis], 1, *x.shape[axis:]))
    return _view(site, x, y)


def _view(site: Site, x: Tensor, y: Tensor) -> Lowered:
    """The output is the input in another shape."""
    if x.size != y.size:
        reason = f"has input shape {x.shape} and output shape {y.shape}"
        raise site.refuse(reason, _FIXED_SHAPE)
    return Lowered(site.operator, (x.index,), (y.index,), ())


def _moved(site: Site, x: Tensor, y: Tensor, walk: Walk) -> Lowered:
    """An output that one walk over one input fills, in the order of its elements."""
    if x.size == y.size and copied_whole(walk, x.size):
        return _view(site, x, y)
    overlaps = (Overlap(x.index, copy_lead(walk, y.numpy_dtype.itemsize)),)
    call = copy_call(site, x.index, walk, y)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def _in_and_out(site: Site, types: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The first input, and the output, which has its type."""
    x = site.activation(0, types)
    return x, site.output(0, (x.dtype,))


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "BROADCAST_TO": broadcast_to,
    "EXPAND_DIMS": expand_dims,
    "RESHAPE": reshape,
    "REVERSE_V2": reverse_v2,
    "SLICE": slice_,
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "TILE": tile,
    "TRANSPOSE": transpose,
}
