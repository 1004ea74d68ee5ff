"""ADD, SUB, MUL, MAXIMUM, MINIMUM and PRELU: two operands, with broadcasting.

Either operand may be constant. Shapes are broadcast as NumPy's are.
"""

from functools import partial

import numpy as np

from host.engines.aot.core.ir import Lowered, Struct
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, broadcast_shape, require
from host.engines.aot.core.quantization import Multiplier, quantize_multiplier
from host.engines.aot.core.strides import DIMS, filled, fused, layout
from host.models.tflite import Tensor

# kLeftShift of addition.cc: bits of head room in which two operands are added.
_LEFT_SHIFT = {"int8": 20, "int16": 15}


def _addition(op: OperatorContext) -> Lowered:
    """ADD and SUB. Both operands are brought to the scale 2 · max(scales) / 2^20 or 2^15, added or
    subtracted, and brought to the output's."""
    # SUB's quotients in double, too: older TFLite-Micro took them in float.
    (left, right), y = op.operands, op.y
    common = 2 * max(left.scale, right.scale)
    scale = quantize_multiplier(common / (2 ** _LEFT_SHIFT[y.dtype] * y.scale))
    require(scale.shift <= 0, "has an output scale that is too small for its inputs' scales")
    params = Struct(
        broadcast=_broadcast(op),
        left=_rescale(left, common),
        right=_rescale(right, common),
        **_shrunk(scale),
        zero_point=y.zero_point,
        **op.clamp()._asdict(),
    )
    return op.lowered("Addition", params, lead=0)


def _rescale(tensor: Tensor, common: float) -> Struct:
    multiplier = quantize_multiplier(tensor.scale / common)
    return Struct(zero_point=tensor.zero_point, **_shrunk(multiplier))


def _shrunk(multiplier: Multiplier) -> dict[str, int]:
    return {"multiplier": multiplier.mantissa, "right_shift": -multiplier.shift}


def _mul(op: OperatorContext) -> Lowered:
    """MUL."""
    (left, right), y = op.operands, op.y
    params = Struct(
        broadcast=_broadcast(op),
        left_zero_point=left.zero_point,
        right_zero_point=right.zero_point,
        **quantize_multiplier(left.scale * right.scale / y.scale).fields(),
        zero_point=y.zero_point,
        **op.clamp()._asdict(),
    )
    return op.lowered("Product", params, lead=0)


def _extreme(op: OperatorContext) -> Lowered:
    """MAXIMUM and MINIMUM of the numbers as they are stored: TFLite-Micro rescales nothing."""
    return op.lowered("Broadcast", _broadcast(op), lead=0)


def _prelu(op: OperatorContext) -> Lowered:
    """PRELU; the second operand is alpha."""
    (x, alpha), y = op.operands, op.y
    params = Struct(
        broadcast=_broadcast(op),
        input_zero_point=x.zero_point,
        alpha_zero_point=alpha.zero_point,
        **quantize_multiplier(x.scale / y.scale).fields(),
        **quantize_multiplier(x.scale * alpha.scale / y.scale).fields("alpha_"),
        zero_point=y.zero_point,
    )
    return op.lowered("Prelu", params, lead=0)


def _broadcast(op: OperatorContext) -> Struct:
    """The struct ``Broadcast``."""
    left, right = op.operands
    shape = broadcast_shape(left.shape, right.shape)
    op.check_output_shape(shape)
    strides = (np.broadcast_to(layout(tensor.shape), shape).strides for tensor in (left, right))
    loops = fused(shape, *strides)
    require(
        len(loops) <= DIMS,
        f"has input shapes {left.shape} and {right.shape}, broadcast along too many dimensions",
    )
    return Struct(
        sizes=filled([loop.size for loop in loops], 1),
        left_strides=filled([loop.source for loop in loops], 0),
        right_strides=filled([loop.target for loop in loops], 0),
    )


_two_operands = partial(Lowering, inputs=(2, 2), operands=(0, 1), types=INT8_OR_INT16)

LOWERINGS: Lowerings = {
    "ADD": _two_operands(_addition),
    "MAXIMUM": _two_operands(_extreme, same_scale=True),
    "MINIMUM": _two_operands(_extreme, same_scale=True),
    "MUL": _two_operands(_mul),
    "PRELU": Lowering(_prelu, inputs=(2, 2), operands=(0, 1)),
    "SUB": _two_operands(_addition),
}
