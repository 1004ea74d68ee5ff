"""Lowering of RESIZE_BILINEAR and TRANSPOSE_CONV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.window import SAME, VALID, output_and_padding
from host.engines.aot.operators.convolution import requantization

_ONE = 2**10  # positions of RESIZE_BILINEAR are in units of 1 / _ONE


def resize_bilinear(site: Site) -> Lowered:
    """RESIZE_BILINEAR in TFLite's integer arithmetic; nothing to compute for an equal size."""
    site.count_inputs(2, 2)
    x, y = site.activation(), site.output()
    tensor, sizes = site.constant(1, "int32", "sizes")
    if tensor.shape != (2,) or len(x.shape) != 4 or sizes.min() < 1:
        raise site.refuse(f"has input shape {x.shape} and sizes {sizes.tolist()}")
    if scale_of(x) != scale_of(y) or zero_point_of(x) != zero_point_of(y):
        raise site.refuse("has different scales or zero points at its input and output")
    batches, depth = x.shape[0], x.shape[3]
    height, width = (int(size) for size in sizes)
    site.check_output_shape((batches, height, width, depth))
    if (height, width) == x.shape[1:3]:
        return Lowered(site.operator, (x.index,), (y.index,), ())
    params = Struct(
        (
            ("batches", batches),
            ("depth", depth),
            ("rows", _resize_axis(site, x.shape[1], height)),
            ("columns", _resize_axis(site, x.shape[2], width)),
        )
    )
    call = Call("resize_bilinear", "ResizeBilinear", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def _resize_axis(site: Site, size: int, new_size: int) -> Struct:
    """The struct ``ResizeAxis``."""
    align, half_pixel = bool(site.option("alignCorners")), bool(site.option("halfPixelCenters"))
    if align and half_pixel:
        raise site.refuse("has both alignCorners and halfPixelCenters")
    steps, new_steps = (size - 1, new_size - 1) if align and new_size > 1 else (size, new_size)
    scale = (_ONE * steps + new_steps // 2) // new_steps
    offset = scale // 2 - _ONE // 2 if half_pixel else 0
    # The rounded scale adds up. TFLite-Micro then reads behind the image.
    if (new_size - 1) * scale + offset >= size * _ONE:
        raise site.refuse(f"enlarges {size} to {new_size} pixels, too much for its arithmetic")
    return Struct(
        (("input_size", size), ("output_size", new_size), ("scale", scale), ("offset", offset))
    )


def transpose_conv(site: Site) -> Lowered:
    """TRANSPOSE_CONV with constant output shape and weights [out, height, width, in]."""
    site.count_inputs(3, 4)
    _, shape = site.constant(0, "int32", "output shape")
    x, y = site.activation(2), site.output()
    if len(x.shape) != 4 or len(y.shape) != 4:
        raise site.refuse(f"has input shape {x.shape} and output shape {y.shape}")
    site.check_output_shape(tuple(int(size) for size in shape.reshape(-1)))
    # From here on as any convolution: input, weights, bias.
    order = [site.operator.inputs[i] for i in (2, 1, 3) if site.has_input(i)]
    conv = Site(site.graph, replace(site.operator, inputs=tuple(order)))
    weights, scales = conv.weights(1, rank=4, axis=0)
    channels = weights.shape[0]
    if weights.shape[3] != x.shape[3] or y.shape[3] != channels or y.shape[0] != x.shape[0]:
        raise site.refuse(
            f"has input shape {x.shape}, weights of shape {weights.shape} and output shape "
            f"{y.shape}, which do not fit"
        )
    assert weights.data is not None
    table = weights.data.transpose(1, 2, 0, 3)
    sums = table.sum(axis=3, dtype=np.int32)
    params = Struct(
        (
            ("window", _transposed_window(conv, weights.shape[1:3])),
            ("weights", Constant("weights", table)),
            ("offsets", Constant("offsets", -zero_point_of(x) * sums)),
            ("bias", _bias(conv, channels)),
            ("output", requantization(conv, scales)),
        )
    )
    call = Call("transpose_conv", "TransposeConv", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def _bias(site: Site, channels: int) -> Constant:
    if not site.has_input(2):
        return Constant("bias", np.zeros(channels, np.int32))
    tensor, values = site.constant(2, "int32", "bias")
    if tensor.size != channels:
        raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
    return Constant("bias", values.reshape(channels))


def _transposed_window(site: Site, filter_size: tuple[int, ...]) -> Struct:
    """The struct ``Window`` of the convolution that leads from the output's size to the input's."""
    x, y = site.activation(), site.output()
    strides = (int(site.option("strideH")), int(site.option("strideW")))
    padding = int(site.option("padding"))
    if padding not in (SAME, VALID) or min(*strides, *filter_size) < 1:
        raise site.refuse(f"has padding {padding}, strides {strides} and filter {filter_size}")
    pads = []
    for axis in (0, 1):
        size, small = y.shape[1 + axis], x.shape[1 + axis]
        expected, pad = output_and_padding(size, filter_size[axis], strides[axis], 1, padding)
        if expected != small:
            raise site.refuse(
                f"has input shape {x.shape}, from which its strides {strides} and filter "
                f"{filter_size} do not lead to output shape {y.shape}"
            )
        pads.append(pad)
    return Struct(
        (
            ("batches", x.shape[0]),
            ("input_height", x.shape[1]),
            ("input_width", x.shape[2]),
            ("input_channels", x.shape[3]),
            ("output_height", y.shape[1]),
            ("output_width", y.shape[2]),
            ("output_channels", y.shape[3]),
            ("filter_height", filter_size[0]),
            ("filter_width", filter_size[1]),
            ("stride_height", strides[0]),
            ("stride_width", strides[1]),
            ("dilation_height", 1),
            ("dilation_width", 1),
            ("pad_top", pads[0]),
            ("pad_left", pads[1]),
        )
    )


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "RESIZE_BILINEAR": resize_bilinear,
    "TRANSPOSE_CONV": transpose_conv,
}
