"""Activations: HARD_SWISH, LEAKY_RELU, LOGISTIC, RELU, RELU6, SOFTMAX and TANH.

Those of int8, but for SOFTMAX, are tables of 256 bytes, computed here with the integers that
TFLite-Micro computes with on the device. Those of int16 interpolate between a table's entries.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from host.base.arrays import FloatArray
from host.engines.aot.core import fixed_point, quantization
from host.engines.aot.core.fixed_point import high_multiply, scale, shift_left, shift_right
from host.engines.aot.core.ir import Constant, Lowered, Struct
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, require
from host.engines.aot.core.quantization import LIMITS, Multiplier, quantize_multiplier

_RELU6 = 3  # ActivationFunctionType of the schema
_INTEGER_BITS = 4  # of the inputs of LOGISTIC and TANH
# Of int16's SOFTMAX: sums of so many exponentials fit an int32.
_MOST_DEPTH = 2**16
# 1 / (24 · 2^9), the step of LOGISTIC's and TANH's inputs in int16, is 1 / (3 · 2^12).
_STEPS_PER_UNIT = 3.0 * 4096.0


def _table(op: OperatorContext, function: Callable[[int], int]) -> Lowered:
    """An operator whose output is ``function`` of the quantized input, clamped to int8."""
    # In the order of inputs taken as uint8.
    values = [function(q) for q in (*range(128), *range(-128, 0))]
    params = Struct(
        size=op.x.size, table=Constant("table", np.clip(values, *LIMITS["int8"]).astype(np.int8))
    )
    return op.lowered("Lookup", params, lead=0, kernel="lookup")


def _sigmoid(
    op: OperatorContext,
    function: Callable[[int, int], int],
    fraction_bits: int,
    zero_point: int,
    exact_shifts: Sequence[int],
) -> Lowered:
    """LOGISTIC and TANH: in int8 a function of Q4.27 to Q0.31, constant beyond ±16.

    The output's scale is 2^−fraction_bits in int8, 2^−15 in int16.
    """
    x = op.x
    if x.dtype == "int16":
        return _sigmoid_int16(op, exact_shifts)
    _require_output(op, fraction_bits, zero_point)
    multiplier = quantization.nearest_multiplier(x.scale * 2 ** (31 - _INTEGER_BITS))
    inside = 0 <= multiplier.shift <= 62
    require(inside, f"has input scale {x.scale}, too small or too large")
    radius = (2**_INTEGER_BITS - 1) * 2 ** (31 - _INTEGER_BITS) >> multiplier.shift

    def value(q: int) -> int:
        difference = q - x.zero_point
        if abs(difference) >= radius:
            return LIMITS["int8"][difference > 0]
        result = function(scale(difference, multiplier), _INTEGER_BITS)
        return shift_right(result, 31 - fraction_bits) + zero_point

    return _table(op, value)


def _logistic(op: OperatorContext) -> Lowered:
    return _sigmoid(op, fixed_point.logistic, 8, -128, exact_shifts=(0,))


def _tanh(op: OperatorContext) -> Lowered:
    return _sigmoid(op, fixed_point.tanh, 7, 0, exact_shifts=(0, 1))


def _sigmoid_int16(op: OperatorContext, exact_shifts: Sequence[int]) -> Lowered:
    """``exact_shifts``: the scales 2^(shift − 12) for which the multiplier is taken as exact."""
    x, y = op.x, op.y
    require(_power_of_two(y.scale) == -15, f"has output scale {y.scale}, not 2^−15")
    power = _power_of_two(x.scale)
    if power is not None and power + 12 in exact_shifts:
        multiplier = Multiplier(3 << (power + 12), 0)
    else:
        # Table steps · 2^shift for each step of the input, below 2^15, and the shift, at most 31.
        real, shift = x.scale * _STEPS_PER_UNIT, 0
        require(real < 2**15, f"has input scale {x.scale}, too large")
        while real <= 32767.0 / 2.0 and shift <= 30:
            real, shift = real * 2.0, shift + 1
        multiplier = Multiplier(int(real), shift)
    table = Constant("sigmoid", fixed_point.sigmoid_table())
    params = Struct(size=x.size, **multiplier.fields(), table=table)
    return op.lowered("SigmoidInt16", params, lead=0)


def _power_of_two(scale: float) -> int | None:
    """log2 of a scale where that is whole, within what TFLite's float arithmetic sees."""
    log2 = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    nearest = math.floor(abs(float(log2)) + 0.5) * (1 if log2 >= 0 else -1)
    return nearest if abs(float(log2) - nearest) < 1e-3 else None


def _require_output(op: OperatorContext, fraction_bits: int, zero_point: int) -> None:
    y = op.y
    require(
        (y.scale, y.zero_point) == (2.0**-fraction_bits, zero_point),
        f"has output scale {y.scale} and zero point {y.zero_point}, not "
        f"1/{2**fraction_bits} and {zero_point}",
    )


def _relu(op: OperatorContext) -> Lowered:
    """Also brings the input to the output's scale."""
    return _leaky(op, np.float32(0))


def _relu6(op: OperatorContext) -> Lowered:
    """Between one and the same scale."""
    x, y = op.x, op.y
    # TFLite-Micro clamps in the input's scale, and hands that on as if it were the output's.
    require(
        (x.scale, x.zero_point) == (y.scale, y.zero_point),
        "has different scales or zero points at its input and output",
        "TFLite-Micro would give wrong numbers here. Put the RELU6 directly after a convolution, "
        "dense or ADD layer, into which the converter fuses it.",
    )
    minimum, maximum = quantization.activation_clamp(_RELU6, x.scale, x.zero_point)
    return _table(op, lambda q: min(max(q, minimum), maximum))


def _leaky_relu(op: OperatorContext) -> Lowered:
    return _leaky(op, np.float32(op.option("alpha")))


def _leaky(op: OperatorContext, alpha: np.float32) -> Lowered:
    """``alpha`` times what is below 0. Quotients are float32, as in TFLite-Micro."""
    x, y = op.x, op.y
    with np.errstate(over="ignore"):  # infinity is refused with the operator's name
        scaled_alpha = float(np.float32(x.scale) * alpha / np.float32(y.scale))
        positive = quantize_multiplier(float(np.float32(x.scale) / np.float32(y.scale)))
    negative = quantize_multiplier(abs(scaled_alpha))
    sign = -1 if scaled_alpha < 0 else 1

    def value(q: int) -> int:
        difference = q - x.zero_point
        if difference >= 0:
            return scale(difference, positive) + y.zero_point
        return sign * scale(difference, negative) + y.zero_point

    return _table(op, value)


def _hard_swish(op: OperatorContext) -> Lowered:
    """x · clamp(x + 3, 0, 6) / 6, in 16 bits."""
    x, y = op.x, op.y
    fine = np.float32(1 / 128) * np.float32(x.scale)
    output, shift = quantize_multiplier(float(fine / np.float32(y.scale)))
    gate, gate_shift = quantize_multiplier(float(fine / (np.float32(3) / np.float32(32768))))
    output, gate = quantization.fifteen_bits(output), quantization.fifteen_bits(gate)
    # 16 bits or more leave nothing of an int16, and TFLite-Micro's rounding is undefined there.
    require(
        -15 <= shift <= 0 and gate_shift >= -15,
        f"has input scale {x.scale} and output scale {y.scale}",
    )

    def value(q: int) -> int:
        difference = (q - x.zero_point) * 128
        # clamp(x, −3, 3) / 3 in Q0.15: only the last bit of a shift to the left may saturate.
        left = max(gate_shift, 1)
        inside = high_multiply(shift_left(difference, left - 1, 16), gate, 16)
        inside = shift_left(inside, 1, 16) if gate_shift > 0 else shift_right(inside, -gate_shift)
        # From [−1, 1] to [0, 1]; their product is rounded towards zero.
        product = ((inside + 2**15) >> 1) * high_multiply(difference, output, 16)
        high = abs(product) >> 15
        scaled = shift_right(-high if product < 0 else high, -shift)
        return fixed_point.wrapped(scaled + y.zero_point, 16)

    return _table(op, value)


def _softmax(op: OperatorContext) -> Lowered:
    """Over the last axis; the output's scale is 1/256 in int8, 2^−15 in int16."""
    x, beta = op.x, float(op.option("beta"))
    require(x.shape, "has a scalar input")
    rows = {"rows": x.size // x.shape[-1], "depth": x.shape[-1]}
    if x.dtype == "int16":
        return _softmax_int16(op, beta, rows)
    _require_output(op, 8, LIMITS["int8"].minimum)
    multiplier, least = quantization.softmax_scale(beta, x.scale)
    return op.lowered("Softmax", Struct(**rows, **multiplier.fields(), minimum_difference=least))


def _softmax_int16(op: OperatorContext, beta: float, rows: dict[str, int]) -> Lowered:
    """With tables of e^x and 1 / (1 + x)."""
    x, y = op.x, op.y
    require(rows["depth"] <= _MOST_DEPTH, f"has input shape {x.shape}")
    # TFLite-Micro takes what is as near as this.
    require(abs(y.scale * 2**15 - 1) <= 0.001, f"has output scale {y.scale}, not 2^−15")

    def exponential(values: FloatArray) -> FloatArray:
        # In float64 first: NumPy's in float32 differs between processors.
        return np.exp(values.astype(np.float64)).astype(np.float32)

    params = Struct(
        **rows,
        # 65535 steps of the exponential's table are 10.
        **quantize_multiplier(x.scale * beta / (10 / 65535)).fields(),
        exponential=_softmax_table("exponential", exponential, -10.0),
        reciprocal=_softmax_table("reciprocal", lambda x: np.float32(1) / (np.float32(1) + x), 1.0),
    )
    return op.lowered("SoftmaxInt16", params, lead=0)


def _softmax_table(role: str, function: Callable[[FloatArray], FloatArray], end: float) -> Constant:
    """int16 [513], Q0.15: ``function`` in 512 equal steps between 0 and ``end``, arguments rising.

    In float32 throughout, as TFLite computes it. An entry is moved by half of what the straight
    line to the next one is off at its middle.
    """

    def rounded(values: FloatArray) -> FloatArray:  # halves away from zero
        return np.copysign(np.floor(np.abs(values) + f(0.5)), values)

    f = np.float32
    low = f(min(end, 0.0))
    step = (f(max(end, 0.0)) - low) / f(512)
    x = low + np.arange(513, dtype=f) * step
    gain = f(2**16) / (f(2.0 / 65535) * f(32767) - f(2.0 / 65535) * f(-32768))
    values = function(x) * gain
    middles = rounded(function(x[:-1] + step / f(2)) * gain)
    lines = rounded((values[1:] + rounded(values[:-1])) / f(2))
    moved = rounded(values[:-1]) - rounded((lines - middles) / f(2))
    table = np.append(moved, rounded(values[-1:]))
    return Constant(role, np.clip(table, *LIMITS["int16"]).astype(np.int16))


_one_input = partial(Lowering, same_shape=True)

LOWERINGS: Lowerings = {
    "HARD_SWISH": _one_input(_hard_swish),
    "LEAKY_RELU": _one_input(_leaky_relu),
    "LOGISTIC": _one_input(_logistic, types=INT8_OR_INT16),
    "RELU": _one_input(_relu),
    "RELU6": _one_input(_relu6),
    "SOFTMAX": _one_input(_softmax, types=INT8_OR_INT16),
    "TANH": _one_input(_tanh, types=INT8_OR_INT16),
}
