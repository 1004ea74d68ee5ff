"""The geometry of a window that slides over an image, with TensorFlow's SAME and VALID padding."""

from __future__ import annotations

from host.engines.aot.ir import Struct
from host.engines.aot.site import Site

SAME, VALID = 0, 1


def output_and_padding(
    size: int, filter_size: int, stride: int, dilation: int, padding: int
) -> tuple[int, int]:
    """Output size and padding before, along one axis.

    Formulas: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2. An output size
    of 0 or less means that the filter does not fit.
    """
    extent = (filter_size - 1) * dilation + 1
    output = -(-size // stride) if padding == SAME else (size - extent + stride) // stride
    total = max((output - 1) * stride + extent - size, 0)
    return output, total // 2


def window(site: Site, filter_size: tuple[int, int], out_channels: int, dilated: bool) -> Struct:
    """The struct ``Window``; ``filter_size`` is height, width.

    Raises:
        OperatorError: the input is not [batch, height, width, channels], an option makes no
            sense, or the output has another shape than the window gives.
    """
    x = site.activation()
    if len(x.shape) != 4:
        raise site.refuse(f"has input shape {x.shape}, not [batch, height, width, channels]")
    batch, height, width, channels = x.shape
    strides = (int(site.option("strideH")), int(site.option("strideW")))
    dilations = (
        (int(site.option("dilationHFactor")), int(site.option("dilationWFactor")))
        if dilated
        else (1, 1)
    )
    padding = int(site.option("padding"))
    if padding not in (SAME, VALID) or min(*strides, *dilations, *filter_size) < 1:
        raise site.refuse(
            f"has padding {padding}, strides {strides}, dilations {dilations} and filter "
            f"{filter_size}"
        )
    out_height, pad_top = output_and_padding(
        height, filter_size[0], strides[0], dilations[0], padding
    )
    out_width, pad_left = output_and_padding(
        width, filter_size[1], strides[1], dilations[1], padding
    )
    site.check_output_shape((batch, out_height, out_width, out_channels))
    return Struct(
        (
            ("batches", batch),
            ("input_height", height),
            ("input_width", width),
            ("input_channels", channels),
            ("output_height", out_height),
            ("output_width", out_width),
            ("output_channels", out_channels),
            ("filter_height", filter_size[0]),
            ("filter_width", filter_size[1]),
            ("stride_height", strides[0]),
            ("stride_width", strides[1]),
            ("dilation_height", dilations[0]),
            ("dilation_width", dilations[1]),
            ("pad_top", pad_top),
            ("pad_left", pad_left),
        )
    )
