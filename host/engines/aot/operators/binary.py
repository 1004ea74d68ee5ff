"""Lowering of ADD, SUB, MUL, MAXIMUM, MINIMUM and PRELU: two operands, with broadcasting.

Either operand may be constant. Shapes are broadcast as NumPy's are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from host.engines.aot.core.ir import Call, Constant, Lowered, Overlap, Struct
from host.engines.aot.core.operator_context import INT8, Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import Multiplier, quantize_multiplier
from host.engines.aot.core.strides import DIMS, Dim, filled, fused, strides_of
from host.models.tflite import Tensor

_TYPES = ("int8", "int16")
# kLeftShift of addition.cc: bits of head room in which two operands are added.
_LEFT_SHIFT = {"int8": 20, "int16": 15}


def add(site: Site) -> Lowered:
    """ADD. Both are brought to the scale 2 · max(scales) / 2^20, added, and to the output's."""
    return _addition(site, "add")


def sub(site: Site) -> Lowered:
    """SUB, as ADD."""
    # Its quotients in double, too: older TFLite-Micro took them in float.
    return _addition(site, "sub")


def _addition(site: Site, kernel: str) -> Lowered:
    left, right, y = _operands(site)
    common = 2 * max(scale_of(left), scale_of(right))
    scale = quantize_multiplier(common / (2 ** _LEFT_SHIFT[y.dtype] * scale_of(y)))
    if scale.shift > 0:
        raise site.refuse("has an output scale that is too small for its inputs' scales")
    clamp = site.clamp()
    first, second = (quantize_multiplier(scale_of(t) / common) for t in (left, right))
    params = Struct(
        (
            ("walk", _walk(site, left, right)),
            ("left", _rescale(left, first)),
            ("right", _rescale(right, second)),
            *_shrunk(scale),
            ("zero_point", zero_point_of(y)),
            ("minimum", clamp.minimum),
            ("maximum", clamp.maximum),
        )
    )
    return _lowered(site, kernel, "Addition", params)


def _rescale(tensor: Tensor, multiplier: Multiplier) -> Struct:
    return Struct((("zero_point", zero_point_of(tensor)), *_shrunk(multiplier)))


def mul(site: Site) -> Lowered:
    """MUL."""
    left, right, y = _operands(site)
    clamp = site.clamp()
    params = Struct(
        (
            ("walk", _walk(site, left, right)),
            ("left_zero_point", zero_point_of(left)),
            ("right_zero_point", zero_point_of(right)),
            *_scaled(quantize_multiplier(scale_of(left) * scale_of(right) / scale_of(y))),
            ("zero_point", zero_point_of(y)),
            ("minimum", clamp.minimum),
            ("maximum", clamp.maximum),
        )
    )
    return _lowered(site, "mul", "Product", params)


def maximum(site: Site) -> Lowered:
    """MAXIMUM of the numbers as they are stored: TFLite-Micro rescales nothing."""
    return _extreme(site, "maximum")


def minimum(site: Site) -> Lowered:
    """MINIMUM of the numbers as they are stored: TFLite-Micro rescales nothing."""
    return _extreme(site, "minimum")


def _extreme(site: Site, kernel: str) -> Lowered:
    left, right, y = _operands(site)
    if len({(scale_of(t), zero_point_of(t)) for t in (left, right, y)}) > 1:
        raise site.refuse("has different scales or zero points at its inputs and output")
    return _lowered(site, kernel, "Broadcast", _walk(site, left, right))


def prelu(site: Site) -> Lowered:
    """PRELU of int8; the second operand is alpha."""
    x, alpha, y = _operands(site, INT8)
    params = Struct(
        (
            ("walk", _walk(site, x, alpha)),
            ("input_zero_point", zero_point_of(x)),
            ("alpha_zero_point", zero_point_of(alpha)),
            *_scaled(quantize_multiplier(scale_of(x) / scale_of(y))),
            *_scaled(quantize_multiplier(scale_of(x) * scale_of(alpha) / scale_of(y)), "alpha_"),
            ("zero_point", zero_point_of(y)),
        )
    )
    return _lowered(site, "prelu", "Prelu", params)


def _operands(site: Site, types: Sequence[str] = _TYPES) -> tuple[Tensor, Tensor, Tensor]:
    """Left, right and output, all of one type."""
    site.count_inputs(2, 2)
    left = site.operand(0, types)
    right, y = site.operand(1, (left.dtype,)), site.output(0, (left.dtype,))
    if left.data is not None and right.data is not None:
        raise site.refuse("has two constant inputs")
    return left, right, y


def _walk(site: Site, left: Tensor, right: Tensor) -> Struct:
    """The struct ``Broadcast``."""
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise site.refuse(
            f"has input shapes {left.shape} and {right.shape}, which cannot be broadcast"
        ) from None
    site.check_output_shape(shape)
    pairs = zip(_strides(left, len(shape)), _strides(right, len(shape)), strict=True)
    dims = fused([Dim(n, a, b) for n, (a, b) in zip(shape, pairs, strict=True)])
    if len(dims) > DIMS:
        raise site.refuse(
            f"has input shapes {left.shape} and {right.shape}, broadcast along too many dimensions"
        )
    return Struct(
        (
            ("sizes", filled([d.size for d in dims], 1)),
            ("left_strides", filled([d.source for d in dims], 0)),
            ("right_strides", filled([d.target for d in dims], 0)),
        )
    )


def _strides(tensor: Tensor, rank: int) -> tuple[int, ...]:
    """How far an operand goes on along each dimension of the output."""
    own = zip(tensor.shape, strides_of(tensor.shape), strict=True)
    return (0,) * (rank - len(tensor.shape)) + tuple(0 if n == 1 else s for n, s in own)


def _scaled(multiplier: Multiplier, prefix: str = "") -> tuple[tuple[str, int], ...]:
    return ((f"{prefix}multiplier", multiplier.mantissa), (f"{prefix}shift", multiplier.shift))


def _shrunk(multiplier: Multiplier) -> tuple[tuple[str, int], ...]:
    return (("multiplier", multiplier.mantissa), ("right_shift", -multiplier.shift))


def _lowered(site: Site, kernel: str, type_name: str, params: Struct) -> Lowered:
    tensors = [site.tensor(0), site.tensor(1)]
    y = site.output(types=_TYPES)
    operands = tuple(
        t.index if t.data is None else Constant(role, t.data)
        for t, role in zip(tensors, ("left", "right"), strict=True)
    )
    computed = [t for t in tensors if t.data is None]
    overlaps = tuple(Overlap(t.index, 0) for t in computed if t.size == y.size)
    inputs = tuple(t.index for t in computed)
    call = Call(kernel, type_name, params, operands, y.index)
    return Lowered(site.operator, inputs, (y.index,), (call,), overlaps=overlaps)


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "ADD": add,
    "MAXIMUM": maximum,
    "MINIMUM": minimum,
    "MUL": mul,
    "PRELU": prelu,
    "SUB": sub,
}
