"""Multipliers and clamps: the real numbers of a quantized operator, as the integers kernels use.

Formulas: TFLite 8-bit quantization specification (https://ai.google.dev/edge/litert/models/
quantization_spec) and Jacob et al. 2018, arXiv:1712.05877, section 2.2. Which product is taken in
float and which in double is TFLite-Micro's choice; the tests compare every operator with it.
"""

import math
from typing import NamedTuple

import numpy as np

INT32_MAX = 2**31 - 1
# Beyond this a left shift would move all of an int32 out.
MAX_SHIFT = 30
_MOST_WIDE_SHIFT = 7
_SOFTMAX_INTEGER_BITS = 5

# ActivationFunctionType of the schema: the real numbers between which an output is clamped.
_ACTIVATIONS: dict[int, tuple[float | None, float | None]] = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}


class Clamp(NamedTuple):
    """Least and greatest quantized value."""

    minimum: int
    maximum: int


# What a quantized type holds.
LIMITS: dict[str, Clamp] = {
    "int8": Clamp(-128, 127),
    "uint8": Clamp(0, 255),
    "int16": Clamp(-(2**15), 2**15 - 1),
}


class Multiplier(NamedTuple):
    """mantissa · 2^(shift − 31), with 2^30 ≤ mantissa < 2^31, or all zeros."""

    mantissa: int
    shift: int

    def fields(self, prefix: str = "") -> dict[str, int]:
        """Fields of a parameter struct, ``multiplier`` and ``shift`` behind the prefix."""
        return {f"{prefix}multiplier": self.mantissa, f"{prefix}shift": self.shift}


def quantize_multiplier(real: float) -> Multiplier:
    """The 31-bit mantissa and the shift nearest to ``real``, which must not be negative.

    What is below 2^−32 becomes zero.

    Raises:
        ValueError: negative, not finite, or 2^30 and more, which no kernel can multiply by.
    """
    if not (math.isfinite(real) and real >= 0):
        raise ValueError(f"has a scale ratio of {real}, negative or not finite")
    if real == 0:
        return Multiplier(0, 0)
    multiplier = nearest_multiplier(real)
    if multiplier.shift < -31:
        return Multiplier(0, 0)
    if multiplier.shift > MAX_SHIFT:
        raise ValueError(f"has a scale ratio of {real}, over 2^{MAX_SHIFT}")
    return multiplier


def nearest_multiplier(real: float) -> Multiplier:
    """The multiplier nearest to a positive number, whatever its shift."""
    fraction, shift = math.frexp(real)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    return Multiplier(2**30, shift + 1) if mantissa == 2**31 else Multiplier(mantissa, shift)


def wide_multiplier(real: float) -> Multiplier:
    """A multiplier for 64-bit sums: a mantissa of 15 bits, and how far to shift to the right.

    Raises:
        ValueError: see ``quantize_multiplier``; or over 2^7, TFLite-Micro's stated bound.
    """
    mantissa, shift = quantize_multiplier(real)
    if shift > _MOST_WIDE_SHIFT:
        raise ValueError(f"has a scale ratio over 2^{_MOST_WIDE_SHIFT}")
    return Multiplier(fifteen_bits(mantissa), 15 - shift)


def fifteen_bits(mantissa: int) -> int:
    """The upper half of a multiplier's mantissa, rounded, as an int16."""
    return min((mantissa + 2**15) >> 16, 2**15 - 1)


def activation_clamp(
    activation: int, scale: float, zero_point: int, limits: Clamp = LIMITS["int8"]
) -> Clamp:
    """The range of an output of these limits with this fused activation (a schema code).

    Raises:
        ValueError: an activation that the kernels do not have, or one whose bound does not fit
            an int32 at this scale.
    """
    if activation not in _ACTIVATIONS:
        raise ValueError(f"has fused activation {activation}")
    low, high = _ACTIVATIONS[activation]
    minimum, maximum = limits
    if low is not None:
        minimum = max(minimum, _quantize(low, scale, zero_point))
    if high is not None:
        maximum = min(maximum, _quantize(high, scale, zero_point))
    return Clamp(minimum, maximum)


def _quantize(real: float, scale: float, zero_point: int) -> int:
    # In float32, as TFLite does, halves away from zero.
    quotient = float(np.float32(real) / np.float32(scale))
    steps = math.copysign(math.floor(abs(quotient) + 0.5), quotient)
    if not abs(steps) <= INT32_MAX:
        raise ValueError(f"has output scale {scale}, too small for its fused activation")
    return zero_point + int(steps)


def mean_multiplier(input_scale: float, output_scale: float, count: int) -> Multiplier:
    """Scale of a sum over ``count`` inputs, so that it becomes their mean.

    The mantissa is divided by the count as an integer, after a shift that keeps its bits: not the
    same as quantizing input_scale / (output_scale · count).

    Raises:
        ValueError: see ``quantize_multiplier``.
    """
    mantissa, shift = quantize_multiplier(input_scale / output_scale)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return Multiplier((mantissa << bits) // count, shift - bits)


def softmax_scale(beta: float, input_scale: float) -> tuple[Multiplier, int]:
    """What brings a difference of two inputs to Q5.26, and the least one that still counts.

    Raises:
        ValueError: beta · input_scale is not positive, or too small.
    """
    real = min(beta * input_scale * 2 ** (31 - _SOFTMAX_INTEGER_BITS), float(INT32_MAX))
    if not real > 1:
        raise ValueError(f"has beta · input scale = {beta * input_scale}, too small or negative")
    multiplier = nearest_multiplier(real)
    bound = (2**_SOFTMAX_INTEGER_BITS - 1) * 2 ** (31 - _SOFTMAX_INTEGER_BITS)
    return multiplier, -(bound >> multiplier.shift)
