"""Lowering of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: weights, bias, multipliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Call, Constant, Lowered, Overlap, Struct, Value
from host.engines.aot.core.operator_context import INT8, Site, scale_of, zero_point_of
from host.engines.aot.core.packing import pack_channels, pack_rows
from host.engines.aot.core.quantization import Multiplier, quantize_multiplier
from host.engines.aot.core.window import overlap_lead, window

Array = npt.NDArray[Any]

_COLUMNS = 2  # kColumns of rows.h
_POINTER = 8  # bytes; half as many on the device, but tests run on a PC


class Parts(NamedTuple):
    """What a convolution is made of, checked; ``factor``: the groups, or the depth multiplier."""

    weights: Array
    scales: tuple[float, ...]
    window: Struct
    factor: int


def conv_2d(site: Site) -> Lowered:
    """CONV_2D, with groups where the input has a multiple of the filter's channels."""
    weights, scales, shape, groups = conv_2d_parts(site)
    return _convolution(site, weights, scales, shape, groups)


def _convolution(
    site: Site, weights: Array, scales: Sequence[float], shape: Struct, groups: int
) -> Lowered:
    """The kernel conv_2d; ``weights`` is [out, height, width, depth]."""
    x, y = site.activation(), site.output()
    out, depth = weights.shape[0], weights.shape[3]
    if x.shape == (1, *weights.shape[1:]) and y.size == out and not _dilated(shape):
        # One position, no padding: nothing to gather.
        return _dense(site, weights.reshape(out, -1), scales, 1)
    rows = weights.reshape(out, -1)
    table, rows_each = pack_rows(rows.reshape(groups, out // groups, -1))
    params = Struct(
        (
            ("window", shape),
            ("groups", groups),
            ("input_zero_point", zero_point_of(x)),
            ("rows_each", rows_each),
            ("weights", Constant("weights", table)),
            *_ending(site, rows, scales),
        )
    )
    size = table.shape[-2] * table.shape[-1]
    scratch = 2 * _COLUMNS * size + (size if depth % 4 else 0)
    lead = overlap_lead(shape, at_once=_COLUMNS, reads_first=groups == 1)
    call = Call("conv_2d", "Conv2D", params, (x.index,), y.index, scratch=True)
    overlaps = (Overlap(x.index, lead),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), scratch, overlaps)


def _dilated(window: Struct) -> bool:
    fields = dict(window.fields)
    return (fields["dilation_height"], fields["dilation_width"]) != (1, 1)


def conv_2d_parts(site: Site, types: Sequence[str] = INT8) -> Parts:
    """Weights [out, height, width, depth], their scales, the struct ``Window``, the groups."""
    site.count_inputs(2, 3)
    x, _ = site.activation(types=types), site.output(types=types)
    tensor, scales = site.weights(1, rank=4, axis=0)
    out_channels, height, width, depth = tensor.shape
    in_channels = x.shape[-1] if x.shape else 0
    groups = in_channels // depth
    if in_channels % depth or out_channels % groups:
        raise site.refuse(
            f"has {in_channels} input channels and {out_channels} output channels, "
            f"which filters of {depth} channels do not divide"
        )
    shape = window(site, (height, width), out_channels, dilated=True)
    assert tensor.data is not None
    return Parts(tensor.data, scales, shape, groups)


def depthwise_conv_2d(site: Site) -> Lowered:
    """DEPTHWISE_CONV_2D with any depth multiplier.

    Where filters share an input channel, each such channel is a group of a convolution.
    """
    weights, scales, shape, multiplier = depthwise_conv_2d_parts(site)
    x, y = site.activation(), site.output()
    _, height, width, out = weights.shape
    if multiplier > 1 or out == 1:
        filters = weights.reshape(height, width, 1, out).transpose(3, 0, 1, 2)
        return _convolution(site, filters, scales, shape, out // multiplier)
    taps = weights.reshape(-1, out)
    params = Struct(
        (
            ("window", shape),
            ("input_zero_point", zero_point_of(x)),
            ("weights", Constant("weights", pack_channels(taps))),
            *_ending(site, taps.T, scales),
        )
    )
    scratch = _POINTER * (-(-len(taps) // 2) * 2) + out
    call = Call("depthwise_conv_2d", "DepthwiseConv2D", params, (x.index,), y.index, scratch=True)
    overlaps = (Overlap(x.index, overlap_lead(shape)),)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), scratch, overlaps)


def depthwise_conv_2d_parts(site: Site, types: Sequence[str] = INT8) -> Parts:
    """Weights [1, height, width, out], their scales, ``Window``, the depth multiplier."""
    site.count_inputs(2, 3)
    x, _ = site.activation(types=types), site.output(types=types)
    tensor, scales = site.weights(1, rank=4, axis=3)
    one, height, width, out_channels = tensor.shape
    multiplier = int(site.option("depthMultiplier"))
    in_channels = x.shape[-1] if x.shape else 0
    if one != 1 or out_channels != in_channels * multiplier:
        raise site.refuse(
            f"has {in_channels} input channels, depth multiplier {multiplier} and weights of "
            f"shape {tensor.shape}, which do not fit"
        )
    shape = window(site, (height, width), out_channels, dilated=True)
    assert tensor.data is not None
    return Parts(tensor.data, scales, shape, multiplier)


def fully_connected(site: Site) -> Lowered:
    """FULLY_CONNECTED: the input is taken as rows of the weights' depth, whatever its shape."""
    return _dense(site, *fully_connected_parts(site))


def _dense(site: Site, weights: Array, scales: Sequence[float], batches: int) -> Lowered:
    """The kernel fully_connected; ``weights`` is [out, in]."""
    x, y = site.activation(), site.output()
    units, depth = weights.shape
    table, rows_each = pack_rows(weights[np.newaxis])
    params = Struct(
        (
            ("batches", batches),
            ("input_depth", depth),
            ("output_depth", units),
            ("rows_each", rows_each),
            ("weights", Constant("weights", table)),
            *_ending(site, weights, scales, each=False),
        )
    )
    call = Call("fully_connected", "FullyConnected", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def fully_connected_parts(
    site: Site, types: Sequence[str] = INT8
) -> tuple[Array, tuple[float, ...], int]:
    """Weights [out, in], their scales, and the number of rows in the input."""
    site.count_inputs(2, 3)
    x, y = site.activation(types=types), site.output(types=types)
    if site.option("weightsFormat") != 0:
        raise site.refuse("has shuffled weights")
    tensor, scales = site.weights(1, rank=2, axis=0)
    units, depth = tensor.shape
    batches = x.size // depth
    if (
        batches * depth != x.size
        or not y.shape
        or y.shape[-1] != units
        or y.size != batches * units
    ):
        raise site.refuse(
            f"has input shape {x.shape}, weights of shape {tensor.shape} and output shape "
            f"{y.shape}, which do not fit"
        )
    assert tensor.data is not None
    return tensor.data, scales, batches


def _ending(
    site: Site, weights: Array, scales: Sequence[float], each: bool = True
) -> tuple[tuple[str, Value], tuple[str, Value], tuple[str, Value]]:
    """The fields ``bias``, ``small`` and ``output``; ``weights`` is [output channel, …].

    ``each``: every channel gets a multiplier of its own, even where one would do.
    """
    rows = weights.astype(np.int64)
    bias = _folded_bias(site, rows)
    largest = np.abs(bias) + 128 * np.abs(rows).sum(axis=1)
    multipliers = _multipliers(site, scales)
    # What scale_to_int8() of fixed_point.h asks for. A multiplier of 0 may have any shift.
    shifts = [m.shift if m.mantissa else -1 for m in multipliers]
    small = max(largest) < 2**30 and all(-22 <= shift <= -1 for shift in shifts)
    if small:
        multipliers = [
            Multiplier(m.mantissa, -shift - 1) for m, shift in zip(multipliers, shifts, strict=True)
        ]
    if each and len(multipliers) == 1:
        multipliers *= len(bias)
    wrapped = (bias & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    return (
        ("bias", Constant("bias", wrapped)),
        ("small", int(small)),
        ("output", _requantization_by(site, multipliers)),
    )


def _folded_bias(site: Site, weights: Array) -> Array:
    """The bias with the input's zero point folded in; ``weights`` is int64, [output channel, …].

    Σ w·(x − z) = Σ w·x − z·Σ w, exact modulo 2^32, in which TFLite accumulates.
    """
    channels = weights.shape[0]
    bias = np.zeros(channels, np.int64)
    if site.has_input(2):
        tensor, values = site.constant(2, "int32", "bias")
        if tensor.size != channels:
            raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
        bias = values.reshape(channels).astype(np.int64)
    folded: Array = bias - zero_point_of(site.activation()) * weights.sum(axis=1)
    return folded


def _multipliers(site: Site, scales: Sequence[float]) -> list[Multiplier]:
    # In double. FULLY_CONNECTED too: older TFLite-Micro took that product in float.
    x, y = scale_of(site.activation()), scale_of(site.output())
    return [quantize_multiplier(x * scale / y) for scale in scales]


def requantization(site: Site, scales: Sequence[float]) -> Struct:
    """The struct ``Requantization`` for these weight scales: one, or one per output channel."""
    return _requantization_by(site, _multipliers(site, scales))


def _requantization_by(site: Site, multipliers: Sequence[Multiplier]) -> Struct:
    clamp = site.clamp()
    return Struct(
        (
            (
                "multipliers",
                Constant("multipliers", np.array([m.mantissa for m in multipliers], np.int32)),
            ),
            ("shifts", Constant("shifts", np.array([m.shift for m in multipliers], np.int8))),
            ("step", int(len(multipliers) > 1)),
            ("zero_point", zero_point_of(site.output())),
            ("minimum", clamp.minimum),
            ("maximum", clamp.maximum),
        )
    )


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
}
