"""Pooling, reductions, and the positions of extremes."""

import math
from collections.abc import Callable
from functools import partial

from host.engines.aot.core.ir import Lowered, Struct
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, from_front, require
from host.engines.aot.core.quantization import Multiplier, mean_multiplier, quantize_multiplier
from host.engines.aot.core.strides import filled, fused, layout
from host.engines.aot.core.window import overlap_lead, window

REDUCTION_DIMS = 4  # kMaxReductionDims of reduction.h


def _pool_2d(op: OperatorContext) -> Lowered:
    """AVERAGE_POOL_2D and MAX_POOL_2D; padding does not count."""
    x, y = op.x, op.y
    # TFLite-Micro's bound: it compares inputs with a clamp in the output's scale, unrescaled.
    require(
        abs(x.scale - y.scale) <= 1e-6 and x.zero_point == y.zero_point,
        "has different scales or zero points at its input and output",
    )
    size = (int(op.option("filterHeight")), int(op.option("filterWidth")))
    shape = window(op, size, x.shape[3])
    lead = overlap_lead(shape) * x.numpy_dtype.itemsize
    return op.lowered("Pool2D", Struct(window=shape, **op.clamp()._asdict()), lead)


def _total(
    op: OperatorContext, multiplier_of: Callable[[float, float, int], Multiplier]
) -> Lowered:
    """MEAN and SUM over any constant axes, with or without keepDims."""
    x, y, axes = op.x, op.y, _axes(op)
    count = math.prod(x.shape[axis] for axis in axes)
    params = Struct(
        **_kept_and_reduced(op, axes),
        zero_points_sum=x.zero_point * count,
        **multiplier_of(x.scale, y.scale, count).fields(),
        output_zero_point=y.zero_point,
    )
    return op.lowered("Sum", params, lead=0, kernel="sum")


def _extreme(op: OperatorContext) -> Lowered:
    """REDUCE_MAX and REDUCE_MIN over any constant axes, with or without keepDims."""
    return op.lowered("Extreme", Struct(**_kept_and_reduced(op, _axes(op))), lead=0)


def _axes(op: OperatorContext) -> set[int]:
    """The axes that are reduced, counted from the front; also checks the output's shape."""
    rank = len(op.x.shape)
    axes = {int(axis) for axis in op.constant(1, "axes").reshape(-1)}
    inside = all(-rank <= axis < rank for axis in axes)
    require(inside, f"has axes {sorted(axes)} for an input of rank {rank}")
    reduced = {axis % rank for axis in axes}
    keep = bool(op.option("keepDims"))
    op.check_output_shape(
        tuple(
            1 if axis in reduced else size
            for axis, size in enumerate(op.x.shape)
            if keep or axis not in reduced
        )
    )
    return reduced


def _kept_and_reduced(op: OperatorContext, reduced: set[int]) -> dict[str, Struct]:
    """The fields ``kept`` and ``reduced``: sizes and strides of these dimensions, fused."""
    shape, strides = op.x.shape, layout(op.x.shape).strides
    kept = set(range(len(shape))) - reduced
    fields = {}
    for name, axes in (("kept", sorted(kept)), ("reduced", sorted(reduced))):
        sizes, steps = [shape[axis] for axis in axes], [strides[axis] for axis in axes]
        loops = fused(sizes, steps, [0] * len(axes))
        require(len(loops) <= REDUCTION_DIMS, f"has shape {shape} with too many separate axes")
        fields[name] = Struct(
            sizes=filled([loop.size for loop in loops], 1, REDUCTION_DIMS),
            strides=filled([loop.source for loop in loops], 0, REDUCTION_DIMS),
        )
    return fields


def _position(op: OperatorContext) -> Lowered:
    """ARG_MAX and ARG_MIN along a constant axis, to int32."""
    shape = op.x.shape
    axis = from_front(op.integer(1, "axis"), len(shape))
    op.check_output_shape(shape[:axis] + shape[axis + 1 :])
    outer, size, inner = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    # The first k outputs are written before anything from the first element of output k on is last
    # read; the widest gap is at the end of a row, or of the last but one.
    lead = max(
        (4 * k - (k // inner * size * inner + k % inner) for k in range(1, outer * inner)),
        default=0,
    )
    return op.lowered("ExtremePosition", Struct(outer=outer, size=size, inner=inner), max(lead, 0))


_two_inputs = partial(Lowering, inputs=(2, 2))
_pooling = Lowering(_pool_2d, types=INT8_OR_INT16, rank=4)
_sum = partial(_two_inputs, types=INT8_OR_INT16)
_reduced_extreme = _two_inputs(_extreme, same_scale=True)
# What Keras gives is int64, which TFLite-Micro does not have here.
_extreme_position = _two_inputs(
    _position,
    results={"int8": ("int32",)},
    result_hint="Give tf.argmax output_type=tf.int32, or leave it to whoever reads the output.",
)

LOWERINGS: Lowerings = {
    "AVERAGE_POOL_2D": _pooling,
    "ARG_MAX": _extreme_position,
    "ARG_MIN": _extreme_position,
    "MAX_POOL_2D": _pooling,
    "MEAN": _sum(partial(_total, multiplier_of=mean_multiplier)),
    "REDUCE_MAX": _reduced_extreme,
    "REDUCE_MIN": _reduced_extreme,
    "SUM": _sum(partial(_total, multiplier_of=lambda x, y, count: quantize_multiplier(x / y))),
}
