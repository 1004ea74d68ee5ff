"""Lowering of pooling, of reductions and of SOFTMAX."""

from __future__ import annotations

import math
from collections.abc import Callable

from host.engines.aot.core.ir import Call, Lowered, Overlap, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import (
    Multiplier,
    mean_multiplier,
    quantize_multiplier,
    softmax_scale,
)
from host.engines.aot.core.window import overlap_lead, window
from host.models.tflite import Tensor

WALK_DIMS = 4  # kMaxWalkDims of kernels.h


def average_pool_2d(site: Site) -> Lowered:
    """AVERAGE_POOL_2D; padding does not count."""
    return _pool(site, "average_pool_2d")


def max_pool_2d(site: Site) -> Lowered:
    """MAX_POOL_2D."""
    return _pool(site, "max_pool_2d")


def _pool(site: Site, kernel: str) -> Lowered:
    site.count_inputs(1, 1)
    x = site.activation(types=("int8", "int16"))
    y = site.output(types=(x.dtype,))
    # TFLite-Micro's bound: it compares inputs with a clamp in the output's scale, unrescaled.
    if abs(scale_of(x) - scale_of(y)) > 1e-6 or zero_point_of(x) != zero_point_of(y):
        raise site.refuse("has different scales or zero points at its input and output")
    size = (int(site.option("filterHeight")), int(site.option("filterWidth")))
    shape = window(site, size, x.shape[-1] if x.shape else 0, dilated=False)
    clamp = site.clamp()
    params = Struct((("window", shape), ("minimum", clamp.minimum), ("maximum", clamp.maximum)))
    lead = overlap_lead(shape) * x.numpy_dtype.itemsize
    call = Call(kernel, "Pool2D", params, (x.index,), y.index)
    overlaps = (Overlap(x.index, lead),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def mean(site: Site) -> Lowered:
    """MEAN over any constant axes, with or without keepDims."""
    return _sum(site, mean_multiplier)


def total(site: Site) -> Lowered:
    """SUM over any constant axes, with or without keepDims."""
    return _sum(site, lambda x, y, count: quantize_multiplier(x / y))


def _sum(site: Site, multiplier_of: Callable[[float, float, int], Multiplier]) -> Lowered:
    site.count_inputs(2, 2)
    x = site.activation(types=("int8", "int16"))
    y = site.output(types=(x.dtype,))
    axes = _axes(site, x)
    kept, reduced = _walks(site, x, axes)
    count = math.prod(x.shape[axis] for axis in axes)
    multiplier = multiplier_of(scale_of(x), scale_of(y), count)
    params = Struct(
        (
            ("kept", kept),
            ("reduced", reduced),
            ("zero_points_sum", zero_point_of(x) * count),
            ("multiplier", multiplier.mantissa),
            ("shift", multiplier.shift),
            ("output_zero_point", zero_point_of(y)),
        )
    )
    call = Call("sum", "Sum", params, (x.index,), y.index)
    overlaps = (Overlap(x.index, 0),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def reduce_max(site: Site) -> Lowered:
    """REDUCE_MAX over any constant axes, with or without keepDims."""
    return _extreme(site, "reduce_max")


def reduce_min(site: Site) -> Lowered:
    """REDUCE_MIN over any constant axes, with or without keepDims."""
    return _extreme(site, "reduce_min")


def _extreme(site: Site, kernel: str) -> Lowered:
    site.count_inputs(2, 2)
    x, y = site.activation(), site.output()
    if scale_of(x) != scale_of(y) or zero_point_of(x) != zero_point_of(y):
        raise site.refuse("has different scales or zero points at its input and output")
    kept, reduced = _walks(site, x, _axes(site, x))
    params = Struct((("kept", kept), ("reduced", reduced)))
    call = Call(kernel, "Extreme", params, (x.index,), y.index)
    overlaps = (Overlap(x.index, 0),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def _axes(site: Site, x: Tensor) -> set[int]:
    """The axes that are reduced, counted from the front; also checks the output's shape."""
    _, values = site.constant(1, "int32", "axes")
    rank = len(x.shape)
    axes = {int(a) for a in values.reshape(-1)}
    if any(not -rank <= a < rank for a in axes):
        raise site.refuse(f"has axes {sorted(axes)} for an input of rank {rank}")
    reduced = {a % rank for a in axes}
    keep = bool(site.option("keepDims"))
    site.check_output_shape(
        tuple(
            1 if axis in reduced else size
            for axis, size in enumerate(x.shape)
            if keep or axis not in reduced
        )
    )
    return reduced


def _walks(site: Site, x: Tensor, reduced: set[int]) -> tuple[Struct, Struct]:
    """Walks over the dimensions that stay, and over those that are reduced."""
    kept = set(range(len(x.shape))) - reduced
    return _walk(site, x.shape, kept), _walk(site, x.shape, reduced)


def _walk(site: Site, shape: tuple[int, ...], axes: set[int]) -> Struct:
    """The struct ``Walk`` over some axes, neighbours fused."""
    dims: list[tuple[int, int]] = []  # outermost first: size, stride
    stride = 1
    for axis in reversed(range(len(shape))):
        size = shape[axis]
        if axis in axes and size > 1:
            if dims and dims[0][0] * dims[0][1] == stride:
                dims[0] = (dims[0][0] * size, dims[0][1])
            else:
                dims.insert(0, (size, stride))
        stride *= size
    if len(dims) > WALK_DIMS:
        raise site.refuse(f"has shape {shape} with too many separate axes")
    dims = [(1, 0)] * (WALK_DIMS - len(dims)) + dims
    return Struct(
        (
            ("sizes", tuple(size for size, _ in dims)),
            ("strides", tuple(stride for _, stride in dims)),
        )
    )


def arg_max(site: Site) -> Lowered:
    """ARG_MAX along a constant axis, to int32."""
    return _position(site, "arg_max")


def arg_min(site: Site) -> Lowered:
    """ARG_MIN along a constant axis, to int32."""
    return _position(site, "arg_min")


def _position(site: Site, kernel: str) -> Lowered:
    site.count_inputs(2, 2)
    x = site.activation()
    y = site.graph.tensors[site.operator.outputs[0]]
    if y.dtype != "int32":  # what Keras gives is int64, which TFLite-Micro does not have here
        raise site.refuse(
            f"has output {y.name!r} of type {y.dtype}, not int32",
            "Give tf.argmax output_type=tf.int32, or leave it to whoever reads the output.",
        )
    _, values = site.constant(1, "int32", "an axis")
    rank = len(x.shape)
    if values.size != 1 or not -rank <= int(values.reshape(-1)[0]) < rank:
        raise site.refuse(f"has axis {values.tolist()} for an input of rank {rank}")
    axis = int(values.reshape(-1)[0]) % rank
    site.check_output_shape(x.shape[:axis] + x.shape[axis + 1 :])
    outer, size, inner = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    params = Struct((("outer", outer), ("size", size), ("inner", inner)))
    call = Call(kernel, "ExtremePosition", params, (x.index,), y.index)
    # The first k outputs are written before anything from the first element of output k on is last
    # read; the widest gap is at the end of a row, or of the last but one.
    lead = max(
        (4 * k - (k // inner * size * inner + k % inner) for k in range(1, outer * inner)),
        default=0,
    )
    overlaps = (Overlap(x.index, max(lead, 0)),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def softmax(site: Site) -> Lowered:
    """SOFTMAX over the last axis."""
    site.count_inputs(1, 1)
    x, y = site.activation(), site.output()
    if not x.shape:
        raise site.refuse("has a scalar input")
    site.check_output_shape(x.shape)
    if scale_of(y) != 1 / 256 or zero_point_of(y) != -128:
        raise site.refuse(
            f"has output scale {scale_of(y)} and zero point {zero_point_of(y)}, not 1/256 and −128"
        )
    scale = softmax_scale(float(site.option("beta")), scale_of(x))
    params = Struct(
        (
            ("rows", x.size // x.shape[-1]),
            ("depth", x.shape[-1]),
            ("multiplier", scale.multiplier.mantissa),
            ("shift", scale.multiplier.shift),
            ("minimum_difference", scale.minimum_difference),
        )
    )
    call = Call("softmax", "Softmax", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "AVERAGE_POOL_2D": average_pool_2d,
    "ARG_MAX": arg_max,
    "ARG_MIN": arg_min,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "REDUCE_MAX": reduce_max,
    "REDUCE_MIN": reduce_min,
    "SOFTMAX": softmax,
    "SUM": total,
}
