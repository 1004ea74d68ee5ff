"""Lowering of BATCH_MATMUL."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import quantize_multiplier, wide_multiplier
from host.models.tflite import Tensor

BATCH_DIMS = 3  # kBatchDims of batch_matmul.h


def batch_matmul(site: Site) -> Lowered:
    """BATCH_MATMUL of two operands, of which one may be constant.

    The last two dimensions are matrices, transposed where adjX or adjY say so; those before are
    broadcast.
    """
    site.count_inputs(2, 2)
    left = site.operand(0, ("int8", "int16"))
    right, y = site.operand(1, (left.dtype,)), site.output(types=(left.dtype,))
    if left.data is not None and right.data is not None:
        raise site.refuse("has two constant inputs")
    shapes = f"input shapes {left.shape} and {right.shape}"
    if not all(2 <= len(t.shape) <= 2 + BATCH_DIMS for t in (left, right)):
        raise site.refuse(f"has {shapes}, not of rank 2 to {2 + BATCH_DIMS}")
    adj_x, adj_y = bool(site.option("adjX")), bool(site.option("adjY"))
    rows, depth = left.shape[-2:][:: -1 if adj_x else 1]
    right_depth, columns = right.shape[-2:][:: -1 if adj_y else 1]
    try:
        batches = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        batches = None
    if batches is None or depth != right_depth:
        raise site.refuse(f"has {shapes}, adjX {adj_x} and adjY {adj_y}, which do not fit")
    site.check_output_shape((*batches, rows, columns))
    # Sums of int16 have 64 bits.
    quantize = wide_multiplier if y.dtype == "int16" else quantize_multiplier
    multiplier = quantize(scale_of(left) * scale_of(right) / scale_of(y))
    params = Struct(
        (
            ("batch_sizes", (1,) * (BATCH_DIMS - len(batches)) + batches),
            ("rows", rows),
            ("depth", depth),
            ("columns", columns),
            ("left", _operand(left, depth_first=adj_x)),
            ("right", _operand(right, depth_first=not adj_y)),
            ("multiplier", multiplier.mantissa),
            ("shift", multiplier.shift),
            ("zero_point", zero_point_of(y)),
        )
    )
    operands = tuple(
        t.index if t.data is None else Constant(role, t.data)
        for t, role in ((left, "left"), (right, "right"))
    )
    inputs = tuple(t.index for t in (left, right) if t.data is None)
    call = Call("batch_matmul", "BatchMatMul", params, operands, y.index)
    return Lowered(site.operator, inputs, (y.index,), (call,))


def _operand(tensor: Tensor, depth_first: bool) -> Struct:
    """The struct ``MatrixOperand``; ``depth_first``: the depth is the last dimension but one."""
    shape = (1,) * (2 + BATCH_DIMS - len(tensor.shape)) + tensor.shape
    strides = [0 if shape[i] == 1 else math.prod(shape[i + 1 :]) for i in range(BATCH_DIMS)]
    depth_stride, outer_stride = (shape[-1], 1) if depth_first else (1, shape[-1])
    return Struct(
        (
            ("batch_strides", tuple(strides)),
            ("depth_stride", depth_stride),
            ("outer_stride", outer_stride),
            ("zero_point", zero_point_of(tensor)),
        )
    )


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {"BATCH_MATMUL": batch_matmul}
