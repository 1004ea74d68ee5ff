"""BATCH_MATMUL."""

from host.engines.aot.core.ir import Lowered, Struct
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, broadcast_shape, require
from host.engines.aot.core.quantization import quantize_multiplier, wide_multiplier
from host.engines.aot.core.strides import filled, layout
from host.models.tflite import Tensor

BATCH_DIMS = 3  # kBatchDims of batch_matmul.h


def _batch_matmul(op: OperatorContext) -> Lowered:
    """BATCH_MATMUL of two operands, of which one may be constant.

    The last two dimensions are matrices, transposed where adjX or adjY say so; those before are
    broadcast.
    """
    (left, right), y = op.operands, op.y
    shapes = f"input shapes {left.shape} and {right.shape}"
    ranks_fit = all(2 <= len(t.shape) <= 2 + BATCH_DIMS for t in (left, right))
    require(ranks_fit, f"has {shapes}, not of rank 2 to {2 + BATCH_DIMS}")
    adj_x, adj_y = bool(op.option("adjX")), bool(op.option("adjY"))
    rows, depth = left.shape[-2:][:: -1 if adj_x else 1]
    right_depth, columns = right.shape[-2:][:: -1 if adj_y else 1]
    batches = broadcast_shape(left.shape[:-2], right.shape[:-2])
    require(depth == right_depth, f"has {shapes}, adjX {adj_x} and adjY {adj_y}, which do not fit")
    op.check_output_shape((*batches, rows, columns))
    # Sums of int16 have 64 bits.
    quantize = wide_multiplier if y.dtype == "int16" else quantize_multiplier
    params = Struct(
        batch_sizes=filled(batches, 1, BATCH_DIMS),
        rows=rows,
        depth=depth,
        columns=columns,
        left=_operand(left, depth_first=adj_x),
        right=_operand(right, depth_first=not adj_y),
        **quantize(left.scale * right.scale / y.scale).fields(),
        zero_point=y.zero_point,
    )
    return op.lowered("BatchMatMul", params)


def _operand(tensor: Tensor, depth_first: bool) -> Struct:
    """The struct ``MatrixOperand``; ``depth_first``: the depth is the last dimension but one."""
    shape = filled(tensor.shape, 1, 2 + BATCH_DIMS)
    strides = zip(shape[:BATCH_DIMS], layout(shape).strides, strict=False)
    depth_stride, outer_stride = (shape[-1], 1) if depth_first else (1, shape[-1])
    return Struct(
        batch_strides=tuple(0 if size == 1 else stride for size, stride in strides),
        depth_stride=depth_stride,
        outer_stride=outer_stride,
        zero_point=tensor.zero_point,
    )


LOWERINGS: Lowerings = {
    "BATCH_MATMUL": Lowering(_batch_matmul, inputs=(2, 2), operands=(0, 1), types=INT8_OR_INT16)
}
