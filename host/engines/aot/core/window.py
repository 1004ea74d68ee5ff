"""The geometry of a window that slides over an image, with TensorFlow's SAME and VALID padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Struct
from host.engines.aot.core.operator_context import Site
from host.engines.aot.core.quantization import LIMITS

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
    x = site.activation(types=tuple(LIMITS))
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


def overlap_lead(shape: Struct, at_once: int = 1, reads_first: bool = False) -> int:
    """How far before the input the output must begin, at least, to be laid over it; in elements.

    Kernels go over the output positions row by row. What a step writes must not reach what that
    step, or a later one, still reads.

    Args:
        shape: the struct ``Window``.
        at_once: positions in a step.
        reads_first: a step has read all that it needs before it writes.
    """
    w: dict[str, Any] = dict(shape.fields)
    row = w["input_width"] * w["input_channels"]
    tops = _first_inside(w, "height", "pad_top") * row
    lefts = _first_inside(w, "width", "pad_left") * w["input_channels"]
    images = np.arange(w["batches"]) * w["input_height"] * row
    # [batch, row, column]: the lowest element that is read; infinite where none is.
    lowest = (images[:, np.newaxis, np.newaxis] + tops[:, np.newaxis] + lefts).reshape(-1)
    count = len(lowest)
    still_read = np.append(np.minimum.accumulate(lowest[::-1])[::-1], np.inf)
    begins = np.arange(0, count, at_once)
    ends = np.minimum(begins + at_once, count)
    ahead = ends * w["output_channels"] - still_read[ends if reads_first else begins]
    return max(0, int(ahead.max())) if np.isfinite(ahead).any() else 0


def _first_inside(w: dict[str, Any], axis: str, pad: str) -> npt.NDArray[np.float64]:
    """Along one axis, for each output position: the image's first place under the filter."""
    outputs = np.arange(w[f"output_{axis}"])
    dilation = w[f"dilation_{axis}"]
    origin = outputs * w[f"stride_{axis}"] - w[pad]
    skipped = np.maximum(-(origin // dilation), 0)
    first = np.where(origin < 0, origin + skipped * dilation, origin)
    inside = (first < w[f"input_{axis}"]) & (skipped < w[f"filter_{axis}"])
    return np.where(inside, first, np.inf)
