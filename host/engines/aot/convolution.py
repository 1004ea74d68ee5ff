"""Lowering of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: weights, bias, multipliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.ir import Call, Constant, Lowered, Struct
from host.engines.aot.quantization import quantize_multiplier
from host.engines.aot.site import Site, scale_of, zero_point_of
from host.engines.aot.window import window


def conv_2d(site: Site) -> Lowered:
    """CONV_2D, with groups where the input has a multiple of the filter's channels."""
    site.count_inputs(2, 3)
    x, y = site.activation(), site.output()
    weights, scales = site.weights(1, rank=4, axis=0)
    out_channels, height, width, depth = weights.shape
    in_channels = x.shape[-1] if x.shape else 0
    groups = in_channels // depth
    if in_channels % depth or out_channels % groups:
        raise site.refuse(
            f"has {in_channels} input channels and {out_channels} output channels, "
            f"which filters of {depth} channels do not divide"
        )
    shape = window(site, (height, width), out_channels, dilated=True)
    assert weights.data is not None
    params = Struct(
        (
            ("window", shape),
            ("groups", groups),
            ("input_zero_point", zero_point_of(x)),
            ("weights", Constant("weights", weights.data)),
            ("bias", _bias(site, weights.data.reshape(out_channels, -1))),
            ("output", _requantization(site, scales)),
        )
    )
    call = Call("conv_2d", "Conv2D", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def depthwise_conv_2d(site: Site) -> Lowered:
    """DEPTHWISE_CONV_2D with any depth multiplier."""
    site.count_inputs(2, 3)
    x, y = site.activation(), site.output()
    weights, scales = site.weights(1, rank=4, axis=3)
    one, height, width, out_channels = weights.shape
    multiplier = int(site.option("depthMultiplier"))
    in_channels = x.shape[-1] if x.shape else 0
    if one != 1 or out_channels != in_channels * multiplier:
        raise site.refuse(
            f"has {in_channels} input channels, depth multiplier {multiplier} and weights of "
            f"shape {weights.shape}, which do not fit"
        )
    shape = window(site, (height, width), out_channels, dilated=True)
    assert weights.data is not None
    params = Struct(
        (
            ("window", shape),
            ("depth_multiplier", multiplier),
            ("input_zero_point", zero_point_of(x)),
            ("weights", Constant("weights", weights.data)),
            ("bias", _bias(site, weights.data.reshape(-1, out_channels).T)),
            ("output", _requantization(site, scales)),
        )
    )
    call = Call("depthwise_conv_2d", "DepthwiseConv2D", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def fully_connected(site: Site) -> Lowered:
    """FULLY_CONNECTED: the input is taken as rows of the weights' depth, whatever its shape."""
    site.count_inputs(2, 3)
    x, y = site.activation(), site.output()
    if site.option("weightsFormat") != 0:
        raise site.refuse("has shuffled weights")
    weights, scales = site.weights(1, rank=2, axis=0)
    units, depth = weights.shape
    batches = x.size // depth
    if (
        batches * depth != x.size
        or not y.shape
        or y.shape[-1] != units
        or y.size != batches * units
    ):
        raise site.refuse(
            f"has input shape {x.shape}, weights of shape {weights.shape} and output shape "
            f"{y.shape}, which do not fit"
        )
    assert weights.data is not None
    params = Struct(
        (
            ("batches", batches),
            ("input_depth", depth),
            ("output_depth", units),
            ("weights", Constant("weights", weights.data)),
            ("bias", _bias(site, weights.data)),
            ("output", _requantization(site, scales)),
        )
    )
    call = Call("fully_connected", "FullyConnected", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def _bias(site: Site, weights: npt.NDArray[Any]) -> Constant:
    """The bias with the input's zero point folded in; ``weights`` is [output channel, …].

    Σ w·(x − z) = Σ w·x − z·Σ w, exact modulo 2^32, in which TFLite accumulates.
    """
    channels = weights.shape[0]
    bias = np.zeros(channels, np.int64)
    if site.has_input(2):
        tensor, values = site.constant(2, "int32", "bias")
        if tensor.size != channels:
            raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
        bias = values.reshape(channels).astype(np.int64)
    folded = bias - zero_point_of(site.activation()) * weights.astype(np.int64).sum(axis=1)
    return Constant("bias", (folded & 0xFFFFFFFF).astype(np.uint32).view(np.int32))


def _requantization(site: Site, scales: Sequence[float]) -> Struct:
    """The struct ``Requantization`` for these weight scales: one, or one per output channel."""
    # In double. FULLY_CONNECTED too: older TFLite-Micro took that product in float.
    x, y = scale_of(site.activation()), scale_of(site.output())
    multipliers = [quantize_multiplier(x * scale / y) for scale in scales]
    mantissas = np.array([m.mantissa for m in multipliers], np.int32)
    shifts = np.array([m.shift for m in multipliers], np.int8)
    clamp = site.clamp()
    return Struct(
        (
            ("multipliers", Constant("multipliers", mantissas)),
            ("shifts", Constant("shifts", shifts)),
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
