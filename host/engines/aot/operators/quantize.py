"""QUANTIZE and DEQUANTIZE: floats to integers and back, integers to other scales."""

import numpy as np

from host.engines.aot.core.ir import Lowered, Struct
from host.engines.aot.core.lowering import Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, check_scale
from host.engines.aot.core.quantization import Clamp, quantize_multiplier
from host.models.tflite import Tensor

# What TFLite-Micro can make of each input type; float32 to uint8 is not among it.
_QUANTIZED: dict[str, tuple[str, ...]] = {
    "float32": ("int8", "int16"),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}
_DEQUANTIZED = ("int8", "uint8", "int16")


def _quantize(op: OperatorContext) -> Lowered:
    """QUANTIZE; nothing to compute where type, scale and zero point stay."""
    x, y = op.x, op.y
    for tensor in (x, y):
        if tensor.dtype == "int32":  # which ``check_type`` lets pass without a scale
            limits = Clamp(-(2**31), 2**31 - 1)
            check_scale(tensor, f"int32 tensor {tensor.name!r}", limits)
    if x.dtype == "float32":
        return _converted(op, "Affine", _affine(y))
    if (x.dtype, x.scale, x.zero_point) == (y.dtype, y.scale, y.zero_point):
        return op.view()
    params = Struct(
        size=x.size,
        input_zero_point=x.zero_point,
        **quantize_multiplier(x.scale / y.scale).fields(),
        output_zero_point=y.zero_point,
    )
    return _converted(op, "Requantize", params)


def _dequantize(op: OperatorContext) -> Lowered:
    """DEQUANTIZE to float32: scale · (code − zero point), rounded once."""
    return _converted(op, "Affine", _affine(op.x))


def _affine(codes: Tensor) -> Struct:
    scale = float(np.float32(codes.scale))
    return Struct(size=codes.size, scale=scale, zero_point=codes.zero_point)


def _converted(op: OperatorContext, type_name: str, params: Struct) -> Lowered:
    """A call whose output may lie over its input.

    The kernel goes upwards through both. A wider output outruns what was read, by the difference in
    size for each element but the last, and so has to begin that much earlier.
    """
    wider = op.y.numpy_dtype.itemsize - op.x.numpy_dtype.itemsize
    return op.lowered(type_name, params, lead=max(0, wider * (op.x.size - 1)))


LOWERINGS: Lowerings = {
    "DEQUANTIZE": Lowering(
        _dequantize,
        types=_DEQUANTIZED,
        results=dict.fromkeys(_DEQUANTIZED, ("float32",)),
        same_shape=True,
    ),
    "QUANTIZE": Lowering(_quantize, types=tuple(_QUANTIZED), results=_QUANTIZED, same_shape=True),
}
