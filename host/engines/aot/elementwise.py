"""Lowering of ADD, PAD, QUANTIZE and RESHAPE."""

from __future__ import annotations

import math
from collections.abc import Callable

from host.engines.aot.ir import Call, Constant, Lowered, Struct
from host.engines.aot.quantization import Multiplier, quantize_multiplier
from host.engines.aot.site import INT8, Site, scale_of, zero_point_of
from host.models.tflite import Tensor

DIMS = 5  # kMaxDims of kernels.h
_ADD_LEFT_SHIFT = 20  # kLeftShift of add.cc


def add(site: Site) -> Lowered:
    """ADD of two tensors, of which one may be constant, with broadcasting.

    Both are brought to the scale 2 · max(scales) / 2^20, added, and brought to the output's.
    """
    site.count_inputs(2, 2)
    tensors = (site.tensor(0), site.tensor(1))
    for tensor in tensors:
        site.check_type(tensor, "input", INT8)
    if all(tensor.data is not None for tensor in tensors):
        raise site.refuse("has two constant inputs")
    y = site.output()
    dims = _broadcast(site, tensors[0].shape, tensors[1].shape)
    common = 2 * max(scale_of(t) for t in tensors)
    output = quantize_multiplier(common / (2**_ADD_LEFT_SHIFT * scale_of(y)))
    if output.shift > 0:
        raise site.refuse("has an output scale that is too small for its inputs' scales")
    clamp = site.clamp()
    multipliers = [quantize_multiplier(scale_of(t) / common) for t in tensors]
    params = Struct(
        (
            ("sizes", tuple(max(a, b) for a, b in dims)),
            ("left", _addend(tensors[0], [a for a, _ in dims], multipliers[0])),
            ("right", _addend(tensors[1], [b for _, b in dims], multipliers[1])),
            ("multiplier", output.mantissa),
            ("shift", output.shift),
            ("zero_point", zero_point_of(y)),
            ("minimum", clamp.minimum),
            ("maximum", clamp.maximum),
        )
    )
    operands = tuple(
        t.index if t.data is None else Constant(role, t.data)
        for t, role in zip(tensors, ("left", "right"), strict=True)
    )
    inputs = tuple(t.index for t in tensors if t.data is None)
    call = Call("add", "Add", params, operands, y.index)
    return Lowered(site.operator, inputs, (y.index,), (call,))


def _broadcast(site: Site, a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, int]]:
    """The operands' sizes along the fused dimensions of the output, outermost first."""
    rank = max(len(a), len(b))
    pairs = list(zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True))
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise site.refuse(f"has input shapes {a} and {b}, which cannot be broadcast")
    site.check_output_shape(tuple(max(m, n) for m, n in pairs))
    fused: list[tuple[int, int]] = []
    for m, n in pairs:
        if m == n == 1:
            continue
        if fused and _kind(*fused[-1]) == _kind(m, n):
            fused[-1] = (fused[-1][0] * m, fused[-1][1] * n)
        else:
            fused.append((m, n))
    if len(fused) > DIMS:
        raise site.refuse(f"has input shapes {a} and {b}, broadcast along too many dimensions")
    return [(1, 1)] * (DIMS - len(fused)) + fused


def _kind(m: int, n: int) -> tuple[bool, bool]:
    return (m == 1, n == 1)


def _addend(tensor: Tensor, sizes: list[int], multiplier: Multiplier) -> Struct:
    strides = [0 if size == 1 else math.prod(sizes[i + 1 :]) for i, size in enumerate(sizes)]
    return Struct(
        (
            ("strides", tuple(strides)),
            ("zero_point", zero_point_of(tensor)),
            ("multiplier", multiplier.mantissa),
            ("shift", multiplier.shift),
        )
    )


def pad(site: Site) -> Lowered:
    """PAD with the output's zero point, which is the real number 0."""
    site.count_inputs(2, 2)
    x, y = site.activation(), site.output()
    tensor, values = site.constant(1, "int32", "paddings")
    rank = len(x.shape)
    if rank > DIMS or tensor.shape != (rank, 2) or (values < 0).any():
        raise site.refuse(f"has input shape {x.shape} and paddings {values.tolist()}")
    paddings = [(int(before), int(after)) for before, after in values]
    site.check_output_shape(tuple(size + sum(p) for size, p in zip(x.shape, paddings, strict=True)))
    fill = DIMS - rank
    params = Struct(
        (
            ("sizes", (1,) * fill + x.shape),
            ("before", (0,) * fill + tuple(before for before, _ in paddings)),
            ("after", (0,) * fill + tuple(after for _, after in paddings)),
            ("value", zero_point_of(y)),
        )
    )
    call = Call("pad", "Pad", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def quantize(site: Site) -> Lowered:
    """QUANTIZE from int8 to int8 of another scale or zero point."""
    site.count_inputs(1, 1)
    x, y = site.activation(), site.output()
    site.check_output_shape(x.shape)
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
    call = Call("quantize", "Quantize", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def reshape(site: Site) -> Lowered:
    """RESHAPE: nothing to compute, since the output is laid over the input."""
    site.count_inputs(1, 2)
    x, y = site.activation(), site.output()
    if x.size != y.size:
        raise site.refuse(f"has input shape {x.shape} and output shape {y.shape}")
    return Lowered(site.operator, (x.index,), (y.index,), ())


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "ADD": add,
    "PAD": pad,
    "QUANTIZE": quantize,
    "RESHAPE": reshape,
}
