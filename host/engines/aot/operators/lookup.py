"""Lowering of operators that one value decides: int8 in, int8 out, by a table of 256 bytes.

The tables are computed here with the integers that TFLite-Micro computes with on the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from host.engines.aot.core.fixed_point import (
    INT16_MAX,
    INT16_MIN,
    high_multiply_16,
    logistic,
    scale,
    shift_right,
    tanh,
    wrapped_16,
)
from host.engines.aot.core.ir import Call, Constant, Lowered, Overlap, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import (
    INT8_MAX,
    INT8_MIN,
    Multiplier,
    activation_clamp,
    quantize_multiplier,
)
from host.models.tflite import Tensor

_RELU, _RELU6 = 1, 3  # ActivationFunctionType of the schema
_INTEGER_BITS = 4  # of the inputs of LOGISTIC and TANH


def lowered(site: Site, function: Callable[[int], int]) -> Lowered:
    """An operator whose output is ``function`` of the quantized input, clamped to int8."""
    site.count_inputs(1, 1)
    x, y = _tensors(site)
    site.check_output_shape(x.shape)
    # In the order of inputs taken as uint8.
    values = [function(q) for q in (*range(INT8_MAX + 1), *range(INT8_MIN, 0))]
    table = np.clip(values, INT8_MIN, INT8_MAX).astype(np.int8)
    params = Struct((("size", x.size), ("table", Constant("table", table))))
    call = Call("lookup", "Lookup", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=(Overlap(x.index, 0),))


def _tensors(site: Site) -> tuple[Tensor, Tensor]:
    return site.activation(), site.output()


def sigmoid(site: Site) -> Lowered:
    """LOGISTIC."""
    return _saturating(site, logistic, 1 / 256, INT8_MIN, fraction_bits=8)


def tanh_(site: Site) -> Lowered:
    """TANH."""
    return _saturating(site, tanh, 1 / 128, 0, fraction_bits=7)


def _saturating(
    site: Site,
    function: Callable[[int, int], int],
    output_scale: float,
    output_zero_point: int,
    fraction_bits: int,
) -> Lowered:
    """A function of Q4.27 to Q0.31, constant beyond ±16."""
    x, y = _tensors(site)
    if scale_of(y) != output_scale or zero_point_of(y) != output_zero_point:
        raise site.refuse(
            f"has output scale {scale_of(y)} and zero point {zero_point_of(y)}, not "
            f"1/{round(1 / output_scale)} and {output_zero_point}"
        )
    fraction, shift = math.frexp(scale_of(x) * 2 ** (31 - _INTEGER_BITS))
    if not 0 <= shift <= 62:
        raise site.refuse(f"has input scale {scale_of(x)}, too small or too large")
    multiplier = Multiplier(math.floor(fraction * 2**31 + 0.5), shift)
    radius = (2**_INTEGER_BITS - 1) * 2 ** (31 - _INTEGER_BITS) >> shift

    def value(q: int) -> int:
        difference = q - zero_point_of(x)
        if difference <= -radius:
            return INT8_MIN
        if difference >= radius:
            return INT8_MAX
        result = function(scale(difference, multiplier), _INTEGER_BITS)
        return shift_right(result, 31 - fraction_bits) + output_zero_point

    return lowered(site, value)


def relu(site: Site) -> Lowered:
    """RELU, which also brings the input to the output's scale."""
    x, y = _tensors(site)
    multiplier = quantize_multiplier(_float_ratio(x, y))
    minimum, maximum = activation_clamp(_RELU, scale_of(y), zero_point_of(y))

    def value(q: int) -> int:
        scaled = scale(q - zero_point_of(x), multiplier) + zero_point_of(y)
        return min(max(scaled, minimum), maximum)

    return lowered(site, value)


def relu6(site: Site) -> Lowered:
    """RELU6, between one and the same scale."""
    x, y = _tensors(site)
    # TFLite-Micro clamps in the input's scale, and hands that on as if it were the output's.
    if (scale_of(x), zero_point_of(x)) != (scale_of(y), zero_point_of(y)):
        raise site.refuse(
            "has different scales or zero points at its input and output",
            "TFLite-Micro would give wrong numbers here. Put the RELU6 right behind a convolution, "
            "dense or ADD layer, into which the converter fuses it.",
        )
    minimum, maximum = activation_clamp(_RELU6, scale_of(x), zero_point_of(x))
    return lowered(site, lambda q: min(max(q, minimum), maximum))


def leaky_relu(site: Site) -> Lowered:
    """LEAKY_RELU; its quotients are float32, as in TFLite-Micro."""
    x, y = _tensors(site)
    alpha = np.float32(site.option("alpha"))
    scaled_alpha = float(np.float32(scale_of(x)) * alpha / np.float32(scale_of(y)))
    positive = quantize_multiplier(_float_ratio(x, y))
    negative = quantize_multiplier(abs(scaled_alpha))
    sign = -1 if scaled_alpha < 0 else 1

    def value(q: int) -> int:
        difference = q - zero_point_of(x)
        if difference >= 0:
            return scale(difference, positive) + zero_point_of(y)
        return sign * scale(difference, negative) + zero_point_of(y)

    return lowered(site, value)


def hard_swish(site: Site) -> Lowered:
    """HARD_SWISH, x · clamp(x + 3, 0, 6) / 6, in 16 bits."""
    x, y = _tensors(site)
    fine = np.float32(1 / 128) * np.float32(scale_of(x))
    output, shift = _multiplier_16(float(fine / np.float32(scale_of(y))))
    gate, gate_shift = _multiplier_16(float(fine / (np.float32(3) / np.float32(32768))))
    # 16 bits or more leave nothing of an int16, and TFLite-Micro's rounding is undefined there.
    if not -15 <= shift <= 0 or gate_shift < -15:
        raise site.refuse(f"has input scale {scale_of(x)} and output scale {scale_of(y)}")

    def value(q: int) -> int:
        difference = (q - zero_point_of(x)) * 128
        # clamp(x, −3, 3) / 3 in Q0.15: only the last bit of a shift to the left may saturate.
        inside = difference
        if gate_shift > 0:
            inside = _saturated_16(inside << (gate_shift - 1))
        inside = high_multiply_16(inside, gate)
        inside = _saturated_16(inside << 1) if gate_shift > 0 else shift_right(inside, -gate_shift)
        # From [−1, 1] to [0, 1]; their product is rounded towards zero.
        product = ((inside + 2**15) >> 1) * high_multiply_16(difference, output)
        high = abs(product) >> 15
        return wrapped_16(shift_right(-high if product < 0 else high, -shift) + zero_point_of(y))

    return lowered(site, value)


def _multiplier_16(real: float) -> tuple[int, int]:
    """A 15-bit mantissa and a shift."""
    mantissa, shift = quantize_multiplier(real)
    return min((mantissa + 2**15) >> 16, INT16_MAX), shift


def _saturated_16(x: int) -> int:
    return max(INT16_MIN, min(x, INT16_MAX))


def _float_ratio(x: Tensor, y: Tensor) -> float:
    with np.errstate(over="ignore"):  # infinity is refused with the operator's name
        return float(np.float32(scale_of(x)) / np.float32(scale_of(y)))


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": sigmoid,
    "RELU": relu,
    "RELU6": relu6,
    "TANH": tanh_,
}
