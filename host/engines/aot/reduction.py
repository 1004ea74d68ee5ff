"""Lowering of AVERAGE_POOL_2D, MAX_POOL_2D, MEAN and SOFTMAX."""

from __future__ import annotations

import math
from collections.abc import Callable

from host.engines.aot.ir import Call, Lowered, Struct
from host.engines.aot.quantization import mean_multiplier, softmax_scale
from host.engines.aot.site import Site, scale_of, zero_point_of
from host.engines.aot.window import window

MEAN_DIMS = 4  # kMaxMeanDims of kernels.h


def average_pool_2d(site: Site) -> Lowered:
    """AVERAGE_POOL_2D; padding does not count."""
    return _pool(site, "average_pool_2d")


def max_pool_2d(site: Site) -> Lowered:
    """MAX_POOL_2D."""
    return _pool(site, "max_pool_2d")


def _pool(site: Site, kernel: str) -> Lowered:
    site.count_inputs(1, 1)
    x, y = site.activation(), site.output()
    # TFLite-Micro's bound: it compares inputs with a clamp in the output's scale, unrescaled.
    if abs(scale_of(x) - scale_of(y)) > 1e-6 or zero_point_of(x) != zero_point_of(y):
        raise site.refuse("has different scales or zero points at its input and output")
    size = (int(site.option("filterHeight")), int(site.option("filterWidth")))
    shape = window(site, size, x.shape[-1] if x.shape else 0, dilated=False)
    clamp = site.clamp()
    params = Struct((("window", shape), ("minimum", clamp.minimum), ("maximum", clamp.maximum)))
    call = Call(kernel, "Pool2D", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def mean(site: Site) -> Lowered:
    """MEAN over any constant axes, with or without keepDims."""
    site.count_inputs(2, 2)
    x, y = site.activation(), site.output()
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
    kept_sizes, kept_strides = _walk(site, x.shape, set(range(rank)) - reduced)
    reduced_sizes, reduced_strides = _walk(site, x.shape, reduced)
    count = math.prod(reduced_sizes)
    multiplier = mean_multiplier(scale_of(x), scale_of(y), count)
    params = Struct(
        (
            ("kept_sizes", kept_sizes),
            ("kept_strides", kept_strides),
            ("reduced_sizes", reduced_sizes),
            ("reduced_strides", reduced_strides),
            ("zero_points_sum", zero_point_of(x) * count),
            ("multiplier", multiplier.mantissa),
            ("shift", multiplier.shift),
            ("output_zero_point", zero_point_of(y)),
        )
    )
    call = Call("mean", "Mean", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def _walk(
    site: Site, shape: tuple[int, ...], axes: set[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes and strides of some axes, neighbours fused, filled up in front with size 1."""
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
    if len(dims) > MEAN_DIMS:
        raise site.refuse(f"has shape {shape} with too many separate axes")
    dims = [(1, 0)] * (MEAN_DIMS - len(dims)) + dims
    return tuple(size for size, _ in dims), tuple(stride for _, stride in dims)


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
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "SOFTMAX": softmax,
}
