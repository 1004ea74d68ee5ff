"""Lowering of QUANTIZE and DEQUANTIZE: floats to integers and back, integers to other scales."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from host.engines.aot.core.ir import Call, Lowered, Overlap, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import quantize_multiplier
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


def quantize(site: Site) -> Lowered:
    """QUANTIZE; nothing to compute where type, scale and zero point stay."""
    site.count_inputs(1, 1)
    x = _checked(site, site.activation(types=tuple(_QUANTIZED)))
    y = _checked(site, site.output(types=_QUANTIZED[x.dtype]))
    site.check_output_shape(x.shape)
    if x.dtype == "float32":
        return _converted(site, "quantize", "Affine", _affine(x, y))
    same = x.dtype == y.dtype and zero_point_of(x) == zero_point_of(y)
    if same and scale_of(x) == scale_of(y):
        return Lowered(site.operator, (x.index,), (y.index,), ())
    multiplier = quantize_multiplier(scale_of(x) / scale_of(y))
    params = Struct(
        (
            ("size", x.size),
            ("input_zero_point", zero_point_of(x)),
            ("multiplier", multiplier.mantissa),
            ("shift", multiplier.shift),
            ("output_zero_point", zero_point_of(y)),
        )
    )
    return _converted(site, "quantize", "Requantize", params)


def dequantize(site: Site) -> Lowered:
    """DEQUANTIZE to float32: scale · (code − zero point), rounded once."""
    site.count_inputs(1, 1)
    x, y = site.activation(types=_DEQUANTIZED), site.output(types=("float32",))
    site.check_output_shape(x.shape)
    return _converted(site, "dequantize", "Affine", _affine(y, x))


def _checked(site: Site, tensor: Tensor) -> Tensor:
    """``check_type`` looks at the quantization of narrower integers only."""
    if tensor.dtype == "int32":
        q = tensor.quantization
        if q is None or q.per_channel or not (math.isfinite(q.scale) and np.float32(q.scale) > 0):
            raise site.refuse(f"has int32 tensor {tensor.name!r} without one usable scale")
        if not -(2**31) <= q.zero_point < 2**31:
            raise site.refuse(f"has int32 tensor {tensor.name!r} with zero point {q.zero_point}")
    return tensor


def _affine(real: Tensor, codes: Tensor) -> Struct:
    return Struct(
        (
            ("size", real.size),
            ("scale", float(np.float32(scale_of(codes)))),
            ("zero_point", zero_point_of(codes)),
        )
    )


def _converted(site: Site, kernel: str, type_name: str, params: Struct) -> Lowered:
    """A call whose output may lie over its input.

    Both are walked upwards. A wider output outruns what was read, by the difference in size for
    each element but the last, and so has to begin that much earlier.
    """
    x = site.tensor(0)
    y = site.graph.tensors[site.operator.outputs[0]]
    wider = y.numpy_dtype.itemsize - x.numpy_dtype.itemsize
    overlap = Overlap(x.index, max(0, wider * (x.size - 1)))
    call = Call(kernel, type_name, params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=(overlap,))


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "DEQUANTIZE": dequantize,
    "QUANTIZE": quantize,
}
