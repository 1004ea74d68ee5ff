"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: weights, bias, multipliers.

Activations are int8 or int16, weights int8. int16 has a zero point of 0. Where its bias is int64,
as the converter writes it by default, sums have 64 bits, and are brought to the output's scale with
a multiplier of 15 bits and one rounding; where it is int32, as sums of int8 are. That is
TFLite-Micro's choice.
"""

from collections.abc import Callable, Sequence

import numpy as np

from host.base.arrays import Array
from host.engines.aot.core.ir import Constant, Lowered, Struct, Value
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, require
from host.engines.aot.core.packing import fold_zero_point, pack_channels, pack_rows
from host.engines.aot.core.quantization import Multiplier, quantize_multiplier, wide_multiplier
from host.engines.aot.core.window import overlap_lead, window
from host.models.tflite import TYPE_CODES

Scales = Sequence[float]

_COLUMNS = 2  # kColumns of rows.h
_POINTER = 8  # bytes; half as many on the device, but tests run on a PC


def _conv_2d(op: OperatorContext) -> Lowered:
    """CONV_2D, with groups where the input has a multiple of the filter's channels."""
    weights, scales = op.weights(rank=4)
    out, height, width, depth = weights.shape
    channels = op.x.shape[3]
    groups = channels // depth
    require(
        channels % depth == 0 and out % groups == 0,
        f"has {channels} input channels and {out} output channels, which filters of {depth} "
        "channels do not divide",
    )
    shape = window(op, (height, width), out, dilated=True)
    if op.x.dtype == "int8":
        return _convolution(op, weights, scales, shape, groups)
    accumulator = _accumulator(op)
    params = Struct(
        window=shape,
        groups=groups,
        weights=Constant("weights", weights),
        output=_channels(op, out, scales, accumulator),
    )
    return op.lowered(f"Conv2DInt16<{accumulator}_t>", params, _lead(op, shape))


def _convolution(
    op: OperatorContext, weights: Array, scales: Scales, shape: Struct, groups: int
) -> Lowered:
    """The kernel conv_2d; ``weights`` is [out, height, width, depth]."""
    x = op.x
    out, depth = weights.shape[0], weights.shape[3]
    dilated = (shape.fields["dilation_height"], shape.fields["dilation_width"]) != (1, 1)
    rows = weights.reshape(out, -1)
    if x.shape == (1, *weights.shape[1:]) and op.y.size == out and not dilated:
        # One position, no padding: nothing to gather.
        return _dense(op, rows, scales, 1)
    table, rows_each = pack_rows(rows.reshape(groups, out // groups, -1))
    params = Struct(
        window=shape,
        groups=groups,
        input_zero_point=x.zero_point,
        rows_each=rows_each,
        weights=Constant("weights", table),
        **_ending(op, rows, scales),
    )
    size = table.shape[-2] * table.shape[-1]
    scratch = 2 * _COLUMNS * size + (size if depth % 4 else 0)
    lead = overlap_lead(shape, at_once=_COLUMNS, reads_first=groups == 1)
    return op.lowered("Conv2D", params, lead, scratch, kernel="conv_2d")


def _depthwise_conv_2d(op: OperatorContext) -> Lowered:
    """DEPTHWISE_CONV_2D with any depth multiplier; the bias of int16 can only be int64.

    Where filters share an input channel, each such channel is a group of a convolution.
    """
    weights, scales = op.weights(rank=4)
    one, height, width, out = weights.shape
    multiplier, channels = int(op.option("depthMultiplier")), op.x.shape[3]
    require(
        one == 1 and out == channels * multiplier,
        f"has {channels} input channels, depth multiplier {multiplier} and weights of shape "
        f"{weights.shape}, which do not fit",
    )
    shape = window(op, (height, width), out, dilated=True)
    if op.x.dtype == "int16":
        params = Struct(
            window=shape,
            depth_multiplier=multiplier,
            weights=Constant("weights", weights),
            output=_channels(op, out, scales, "int64"),
        )
        return op.lowered("DepthwiseConv2DInt16", params, _lead(op, shape))
    if multiplier > 1 or out == 1:
        filters = weights.reshape(height, width, 1, out).transpose(3, 0, 1, 2)
        return _convolution(op, filters, scales, shape, out // multiplier)
    taps = weights.reshape(-1, out)
    params = Struct(
        window=shape,
        input_zero_point=op.x.zero_point,
        weights=Constant("weights", pack_channels(taps)),
        **_ending(op, taps.T, scales),
    )
    scratch = _POINTER * (-(-len(taps) // 2) * 2) + out
    return op.lowered("DepthwiseConv2D", params, _lead(op, shape), scratch)


def _lead(op: OperatorContext, shape: Struct) -> int:
    """A position's inputs are read again for every few channels, after others were written."""
    return overlap_lead(shape) * op.x.numpy_dtype.itemsize


def _fully_connected(op: OperatorContext) -> Lowered:
    """FULLY_CONNECTED: the input is taken as rows of the weights' depth, whatever its shape."""
    weights, scales = op.weights(rank=2)
    (units, depth), x, y = weights.shape, op.x, op.y
    batches = x.size // depth
    require(
        batches * depth == x.size and y.shape[-1:] == (units,) and y.size == batches * units,
        f"has input shape {x.shape}, weights of shape {weights.shape} and output shape {y.shape}, "
        "which do not fit",
    )
    if x.dtype == "int8":
        return _dense(op, weights, scales, batches)
    accumulator = _accumulator(op)
    params = Struct(
        batches=batches,
        input_depth=depth,
        output_depth=units,
        weights=Constant("weights", weights),
        output=_channels(op, units, scales, accumulator),
    )
    return op.lowered(f"FullyConnectedInt16<{accumulator}_t>", params)


def _dense(op: OperatorContext, weights: Array, scales: Scales, batches: int) -> Lowered:
    """The kernel fully_connected; ``weights`` is [out, in]."""
    units, depth = weights.shape
    table, rows_each = pack_rows(weights[np.newaxis])
    params = Struct(
        batches=batches,
        input_depth=depth,
        output_depth=units,
        rows_each=rows_each,
        weights=Constant("weights", table),
        **_ending(op, weights, scales, each=False),
    )
    return op.lowered("FullyConnected", params, kernel="fully_connected")


def _ending(
    op: OperatorContext, weights: Array, scales: Scales, each: bool = True
) -> dict[str, Value]:
    """The fields ``bias``, ``small`` and ``output``; ``weights`` is [output channel, …].

    ``each``: every channel gets a multiplier of its own, even where one would do.
    """
    rows = weights.astype(np.int64)
    given = op.bias(2, len(rows)) if op.has_input(2) else None
    bias = fold_zero_point(given, rows, op.x.zero_point)
    largest = np.abs(bias) + 128 * np.abs(rows).sum(axis=1)
    by = multipliers(op, scales)
    # What scale_to_int8() of fixed_point.h asks for. A multiplier of 0 may have any shift.
    shifts = [m.shift if m.mantissa else -1 for m in by]
    small = max(largest) < 2**30 and all(-22 <= shift <= -1 for shift in shifts)
    if small:
        by = [Multiplier(m.mantissa, -shift - 1) for m, shift in zip(by, shifts, strict=True)]
    if each and len(by) == 1:
        by *= len(bias)
    return {
        "bias": Constant("bias", bias.astype(np.int32)),
        "small": int(small),
        "output": requantization(op, by),
    }


def multipliers(
    op: OperatorContext,
    scales: Scales,
    quantize: Callable[[float], Multiplier] = quantize_multiplier,
) -> list[Multiplier]:
    """What brings sums to the output's scale, for these scales of weights."""
    # In double. FULLY_CONNECTED too: older TFLite-Micro took that product in float.
    x, y = op.x.scale, op.y.scale
    return [quantize(x * scale / y) for scale in scales]


def requantization(op: OperatorContext, by: Sequence[Multiplier]) -> Struct:
    """The struct ``Requantization`` for one multiplier, or one per output channel."""
    return Struct(**_tables(by), zero_point=op.y.zero_point, **op.clamp()._asdict())


def _tables(by: Sequence[Multiplier]) -> dict[str, Value]:
    """The fields ``multipliers``, ``shifts`` and ``step``."""
    mantissas = np.array([m.mantissa for m in by], np.int32)
    shifts = np.array([m.shift for m in by], np.int8)
    return {
        "multipliers": Constant("multipliers", mantissas),
        "shifts": Constant("shifts", shifts),
        "step": int(len(by) > 1),
    }


def _accumulator(op: OperatorContext) -> str:
    """The type of sums and bias: the bias's, or the one that the converter noted without one."""
    if op.has_input(2):
        dtype = op.tensor(2).dtype
        return dtype if dtype == "int32" else "int64"
    noted = op.operator.options.get("quantizedBiasType")
    return "int32" if noted == TYPE_CODES["int32"] else "int64"


def _channels(op: OperatorContext, count: int, scales: Scales, accumulator: str) -> Struct:
    """The struct ``Channels<accumulator>`` for ``count`` output channels."""
    bias = np.zeros(count, np.dtype(accumulator))
    if op.has_input(2):
        bias = op.bias(2, count, accumulator)
    quantize = wide_multiplier if accumulator == "int64" else quantize_multiplier
    by = multipliers(op, scales, quantize)
    return Struct(bias=Constant("bias", bias), **_tables(by), **op.clamp()._asdict())


LOWERINGS: Lowerings = {
    "CONV_2D": Lowering(_conv_2d, inputs=(2, 3), types=INT8_OR_INT16, rank=4),
    "DEPTHWISE_CONV_2D": Lowering(_depthwise_conv_2d, inputs=(2, 3), types=INT8_OR_INT16, rank=4),
    "FULLY_CONNECTED": Lowering(
        _fully_connected, inputs=(2, 3), types=INT8_OR_INT16, options={"weightsFormat": 0}
    ),
}
