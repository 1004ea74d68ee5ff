"""Lowering of operators on int16 activations, with int8 weights, to kernels of their own.

int16 has a zero point of 0. Where the bias is int64, as the converter writes it by default, sums
have 64 bits, and are brought to the output's scale with a multiplier of 15 bits and one rounding;
where it is int32, as sums of int8 are. That is TFLite-Micro's choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Call, Constant, Lowered, Overlap, Struct
from host.engines.aot.core.operator_context import Site, scale_of
from host.engines.aot.core.quantization import quantize_multiplier, wide_multiplier
from host.engines.aot.core.sigmoid import sigmoid_table
from host.engines.aot.core.window import overlap_lead
from host.engines.aot.operators.convolution import (
    conv_2d_parts,
    depthwise_conv_2d_parts,
    fully_connected_parts,
)
from host.models.tflite import TYPE_CODES, Tensor

INT16 = ("int16",)
_BYTES = 2  # of an element
# Sums of so many exponentials fit an int32.
_MOST_DEPTH = 2**16
# 1 / (24 · 2^9), the step of LOGISTIC's and TANH's inputs, is 1 / (3 · 2^12).
_STEPS_PER_UNIT = 3.0 * 4096.0


def conv_2d(site: Site) -> Lowered:
    """CONV_2D, with groups where the input has a multiple of the filter's channels."""
    weights, scales, shape, groups = conv_2d_parts(site, INT16)
    accumulator = _accumulator(site)
    params = Struct(
        (
            ("window", shape),
            ("groups", groups),
            ("weights", Constant("weights", weights)),
            ("output", _channels(site, weights.shape[0], scales, accumulator)),
        )
    )
    return _unary(site, "conv_2d", f"Conv2DInt16<{accumulator}_t>", params, _lead(shape))


def depthwise_conv_2d(site: Site) -> Lowered:
    """DEPTHWISE_CONV_2D with any depth multiplier; the bias can only be int64."""
    weights, scales, shape, multiplier = depthwise_conv_2d_parts(site, INT16)
    params = Struct(
        (
            ("window", shape),
            ("depth_multiplier", multiplier),
            ("weights", Constant("weights", weights)),
            ("output", _channels(site, weights.shape[3], scales, "int64")),
        )
    )
    return _unary(site, "depthwise_conv_2d", "DepthwiseConv2DInt16", params, _lead(shape))


def fully_connected(site: Site) -> Lowered:
    """FULLY_CONNECTED: the input is taken as rows of the weights' depth, whatever its shape."""
    weights, scales, batches = fully_connected_parts(site, INT16)
    units, depth = weights.shape
    accumulator = _accumulator(site)
    params = Struct(
        (
            ("batches", batches),
            ("input_depth", depth),
            ("output_depth", units),
            ("weights", Constant("weights", weights)),
            ("output", _channels(site, units, scales, accumulator)),
        )
    )
    return _unary(site, "fully_connected", f"FullyConnectedInt16<{accumulator}_t>", params)


def logistic(site: Site) -> Lowered:
    """LOGISTIC; the output's scale is 2^−15."""
    return _sigmoid(site, "logistic", exact_shifts=(0,))


def tanh(site: Site) -> Lowered:
    """TANH; the output's scale is 2^−15."""
    return _sigmoid(site, "tanh", exact_shifts=(0, 1))


def softmax(site: Site) -> Lowered:
    """SOFTMAX over the last axis, with tables of e^x and 1 / (1 + x)."""
    x, y = _in_and_out(site)
    if not x.shape or x.shape[-1] > _MOST_DEPTH:
        raise site.refuse(f"has input shape {x.shape}")
    # TFLite-Micro takes what is as near as this.
    if not abs(scale_of(y) * 2**15 - 1) <= 0.001:
        raise site.refuse(f"has output scale {scale_of(y)}, not 2^−15")
    # 65535 steps of the exponential's table are 10.
    scale = quantize_multiplier(scale_of(x) * float(site.option("beta")) / (10 / 65535))
    params = Struct(
        (
            ("rows", x.size // x.shape[-1]),
            ("depth", x.shape[-1]),
            ("multiplier", scale.mantissa),
            ("shift", scale.shift),
            ("exponential", _softmax_table("exponential", _exponential, -10.0)),
            ("reciprocal", _softmax_table("reciprocal", _reciprocal, 1.0)),
        )
    )
    return _unary(site, "softmax", "SoftmaxInt16", params, 0)


def _in_and_out(site: Site) -> tuple[Tensor, Tensor]:
    site.count_inputs(1, 1)
    x, y = site.activation(types=INT16), site.output(types=INT16)
    site.check_output_shape(x.shape)
    return x, y


def _unary(
    site: Site, kernel: str, type_name: str, params: Struct, lead: int | None = None
) -> Lowered:
    """A call with one activation, over which the output may lie where there is a ``lead``."""
    x, y = site.activation(types=INT16), site.output(types=INT16)
    call = Call(kernel, type_name, params, (x.index,), y.index)
    overlaps = () if lead is None else (Overlap(x.index, lead),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), overlaps=overlaps)


def _lead(window: Struct) -> int:
    """A position's inputs are read again for every few channels, after others were written."""
    return _BYTES * overlap_lead(window)


# --- convolution ------------------------------------------------------------------------------


def _accumulator(site: Site) -> str:
    """The type of sums and bias: the bias's, or the one that the converter noted without one."""
    if site.has_input(2):
        dtype = site.tensor(2).dtype
        return dtype if dtype == "int32" else "int64"
    noted = site.operator.options.get("quantizedBiasType")
    return "int32" if noted == TYPE_CODES["int32"] else "int64"


def _channels(site: Site, count: int, scales: Sequence[float], accumulator: str) -> Struct:
    """The struct ``Channels<accumulator>`` for ``count`` output channels."""
    bias = np.zeros(count, np.dtype(accumulator))
    if site.has_input(2):
        tensor, values = site.constant(2, accumulator, "bias")
        if tensor.size != count:
            raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
        bias = values.reshape(count)
    x, y = scale_of(site.activation(types=INT16)), scale_of(site.output(types=INT16))
    quantize = wide_multiplier if accumulator == "int64" else quantize_multiplier
    multipliers = [quantize(x * scale / y) for scale in scales]
    clamp = site.clamp()
    return Struct(
        (
            ("bias", Constant("bias", bias)),
            ("multipliers", _table("multipliers", [m.mantissa for m in multipliers], np.int32)),
            ("shifts", _table("shifts", [m.shift for m in multipliers], np.int8)),
            ("step", int(len(multipliers) > 1)),
            ("minimum", clamp.minimum),
            ("maximum", clamp.maximum),
        )
    )


def _table(role: str, values: list[int], dtype: npt.DTypeLike) -> Constant:
    return Constant(role, np.array(values, dtype))


# --- tables -----------------------------------------------------------------------------------


def _sigmoid(site: Site, kernel: str, exact_shifts: tuple[int, ...]) -> Lowered:
    """``exact_shifts``: the scales 2^(shift − 12) for which the multiplier is taken as exact."""
    x, y = _in_and_out(site)
    if _power_of_two(scale_of(y)) != -15:
        raise site.refuse(f"has output scale {scale_of(y)}, not 2^−15")
    power = _power_of_two(scale_of(x))
    if power is not None and power + 12 in exact_shifts:
        multiplier, shift = 3 << (power + 12), 0
    else:
        multiplier, shift = _fifteen_bits(site, scale_of(x) * _STEPS_PER_UNIT)
    params = Struct(
        (
            ("size", x.size),
            ("multiplier", multiplier),
            ("shift", shift),
            ("table", sigmoid_table()),
        )
    )
    return _unary(site, kernel, "SigmoidInt16", params, 0)


def _fifteen_bits(site: Site, real: float) -> tuple[int, int]:
    """``real`` · 2^shift, cut off to less than 2^15, and the shift, at most 31."""
    if not real < 2**15:
        raise site.refuse(f"has input scale {scale_of(site.tensor(0))}, too large")
    shift = 0
    while real <= 32767.0 / 2.0 and shift <= 30:
        shift += 1
        real *= 2.0
    return int(real), shift


def _power_of_two(scale: float) -> int | None:
    """log2 of a scale where that is whole, within what TFLite's float arithmetic sees."""
    log2 = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    nearest = math.floor(abs(float(log2)) + 0.5) * (1 if log2 >= 0 else -1)
    return nearest if abs(float(log2) - nearest) < 1e-3 else None


def _softmax_table(
    role: str, function: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]], end: float
) -> Constant:
    """int16 [513]: ``function`` from 0 to ``end``, rising; Q0.15, except that the last is 513th.

    In float32 throughout, as TFLite computes it. An entry is moved by half of what the straight
    line to the next one is off at its middle.
    """
    f = np.float32
    low = f(min(end, 0.0))
    step = (f(max(end, 0.0)) - low) / f(512)
    x = low + np.arange(513, dtype=f) * step
    gain = f(2**16) / (f(2.0 / 65535) * f(32767) - f(2.0 / 65535) * f(-32768))
    values = function(x) * gain
    middles = _rounded(function(x[:-1] + step / f(2)) * gain)
    lines = _rounded((values[1:] + _rounded(values[:-1])) / f(2))
    moved = _rounded(values[:-1]) - _rounded((lines - middles) / f(2))
    table = np.append(moved, _rounded(values[-1:]))
    return Constant(role, np.clip(table, -(2**15), 2**15 - 1).astype(np.int16))


def _exponential(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # In float64 first: NumPy's in float32 differs between processors.
    return np.exp(values.astype(np.float64)).astype(np.float32)


def _reciprocal(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    one = np.float32(1)
    return one / (one + values)


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """To whole numbers, halves away from zero."""
    return np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values)


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "LOGISTIC": logistic,
    "SOFTMAX": softmax,
    "TANH": tanh,
}
