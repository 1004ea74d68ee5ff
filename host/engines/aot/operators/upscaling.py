"""RESIZE_BILINEAR and TRANSPOSE_CONV."""

import numpy as np

from host.engines.aot.core.ir import Constant, Lowered, Struct
from host.engines.aot.core.lowering import Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, require
from host.engines.aot.core.window import window
from host.engines.aot.operators.convolution import multipliers, requantization

_ONE = 2**10  # positions of RESIZE_BILINEAR are in units of 1 / _ONE


def _resize_bilinear(op: OperatorContext) -> Lowered:
    """RESIZE_BILINEAR in TFLite's integer arithmetic; nothing to compute for an equal size."""
    x, sizes = op.x, op.integers(1, "sizes")
    fits = len(sizes) == 2 and min(sizes) > 0
    require(fits, f"has input shape {x.shape} and sizes {sizes}")
    height, width = sizes
    op.check_output_shape((x.shape[0], height, width, x.shape[3]))
    if (height, width) == x.shape[1:3]:
        return op.view()
    params = Struct(
        batches=x.shape[0],
        depth=x.shape[3],
        rows=_resize_axis(op, x.shape[1], height),
        columns=_resize_axis(op, x.shape[2], width),
    )
    return op.lowered("ResizeBilinear", params)


def _resize_axis(op: OperatorContext, size: int, new_size: int) -> Struct:
    """The struct ``ResizeAxis``."""
    align, half_pixel = bool(op.option("alignCorners")), bool(op.option("halfPixelCenters"))
    require(not (align and half_pixel), "has both alignCorners and halfPixelCenters")
    steps, new_steps = (size - 1, new_size - 1) if align and new_size > 1 else (size, new_size)
    scale = (_ONE * steps + new_steps // 2) // new_steps
    offset = scale // 2 - _ONE // 2 if half_pixel else 0
    # The rounded scale adds up. TFLite-Micro then reads behind the image.
    inside = (new_size - 1) * scale + offset < size * _ONE
    require(inside, f"enlarges {size} to {new_size} pixels, too much for its arithmetic")
    return Struct(input_size=size, output_size=new_size, scale=scale, offset=offset)


def _transpose_conv(op: OperatorContext) -> Lowered:
    """TRANSPOSE_CONV with constant output shape and weights [out, height, width, in]."""
    x, y = op.x, op.y
    op.check_output_shape(tuple(op.constant(0, "output shape").reshape(-1).tolist()))
    weights, scales = op.weights(rank=4)
    channels, height, width, depth = weights.shape
    require(
        depth == x.shape[3] and y.shape[:1] + y.shape[3:] == (x.shape[0], channels),
        f"has input shape {x.shape}, weights of shape {weights.shape} and output shape {y.shape}, "
        "which do not fit",
    )
    table = weights.transpose(1, 2, 0, 3)
    sums = table.sum(axis=3, dtype=np.int32)
    bias = op.bias(3, channels) if op.has_input(3) else np.zeros(channels, np.int32)
    params = Struct(
        window=window(op, (height, width), channels, transposed=True),
        weights=Constant("weights", table),
        offsets=Constant("offsets", -x.zero_point * sums),
        bias=Constant("bias", bias),
        output=requantization(op, multipliers(op, scales)),
    )
    return op.lowered("TransposeConv", params)


LOWERINGS: Lowerings = {
    "RESIZE_BILINEAR": Lowering(_resize_bilinear, inputs=(2, 2), rank=4, same_scale=True),
    "TRANSPOSE_CONV": Lowering(_transpose_conv, inputs=(3, 4), operands=(2,), rank=4),
}
