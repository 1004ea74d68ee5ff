"""The geometry of a window that slides over an image, with TensorFlow's SAME and VALID padding."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Struct
from host.engines.aot.core.operator_context import OperatorContext, require

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


def window(
    op: OperatorContext,
    filter_size: tuple[int, int],
    channels: int,
    dilated: bool = False,
    transposed: bool = False,
) -> Struct:
    """The struct ``Window`` of an operator on [batch, height, width, channels].

    Args:
        filter_size: height, width.
        channels: those of the output.
        transposed: the window slides over the output and leads to the input.

    Raises:
        RefusalError: an option makes no sense, or the output's shape is not what the window gives.
    """
    x, y = op.x, op.y
    strides = (int(op.option("strideH")), int(op.option("strideW")))
    dilations = (1, 1)
    if dilated:
        dilations = (int(op.option("dilationHFactor")), int(op.option("dilationWFactor")))
    padding = int(op.option("padding"))
    require(
        padding in (SAME, VALID) and min(*strides, *dilations, *filter_size) > 0,
        f"has padding {padding}, strides {strides}, dilations {dilations} and filter {filter_size}",
    )
    sizes = (y if transposed else x).shape[1:3]
    (height, pad_top), (width, pad_left) = (
        output_and_padding(*axis, padding)
        for axis in zip(sizes, filter_size, strides, dilations, strict=True)
    )
    if transposed:
        require(
            (height, width) == x.shape[1:3],
            f"has input shape {x.shape}, from which its strides {strides} and filter "
            f"{filter_size} do not lead to output shape {y.shape}",
        )
    else:
        op.check_output_shape((x.shape[0], height, width, channels))
    return Struct(
        batches=x.shape[0],
        input_height=x.shape[1],
        input_width=x.shape[2],
        input_channels=x.shape[3],
        output_height=y.shape[1],
        output_width=y.shape[2],
        output_channels=channels,
        filter_height=filter_size[0],
        filter_width=filter_size[1],
        stride_height=strides[0],
        stride_width=strides[1],
        dilation_height=dilations[0],
        dilation_width=dilations[1],
        pad_top=pad_top,
        pad_left=pad_left,
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
    w: Mapping[str, Any] = shape.fields
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


def _first_inside(w: Mapping[str, Any], axis: str, pad: str) -> npt.NDArray[np.float64]:
    """Along one axis, for each output position: the image's first place under the filter."""
    outputs = np.arange(w[f"output_{axis}"])
    dilation = w[f"dilation_{axis}"]
    origin = outputs * w[f"stride_{axis}"] - w[pad]
    skipped = np.maximum(-(origin // dilation), 0)
    first = np.where(origin < 0, origin + skipped * dilation, origin)
    inside = (first < w[f"input_{axis}"]) & (skipped < w[f"filter_{axis}"])
    return np.where(inside, first, np.inf)
