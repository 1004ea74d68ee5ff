"""What engine ``aot`` refuses of operators that make images larger."""

import numpy as np

from tests.aot import refusals as r
from tests.aot.builder import SAME, started
from tests.aot.upscaling import resize_bilinear, transpose_conv

RESIZE, CONV = "RESIZE_BILINEAR", "TRANSPOSE_CONV"
BIAS = np.zeros(4, np.int32)
OPERATORS: r.Operators = {
    RESIZE: lambda b, x: resize_bilinear(b, x, (10, 7), False, True),
    CONV: lambda b, x: transpose_conv(
        b, x, (2, 2), SAME, (1, 1), r.weights(4, 3, 3, 2), r.HALF_0, BIAS, r.HALF
    ),
}

test_larger_images_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *r.any_quantized(OPERATORS),
        (RESIZE, "sizes", r.int32s(1, [10, 7, 1])),
        (RESIZE, "sizes", r.int32s(1, [0, 7])),
        *r.each(OPERATORS, "not constant", r.no_buffer(1)),
        (RESIZE, "different scales", r.tensor(-1, zeroPoint=[4])),
        (RESIZE, "both", r.option("alignCorners", True)),
        (CONV, "not constant", r.no_buffer(0)),
        (CONV, "not constant", r.no_buffer(3)),
        (CONV, "output shape", r.int32s(0, [1, 9, 9, 4])),
        (CONV, "do not lead", r.option("strideH", 1)),
        (CONV, "strides", r.option("strideW", 0)),
        (CONV, "padding", r.option("padding", 2)),
        (CONV, "fused activation 4", r.option("fusedActivationFunction", 4)),
        (CONV, "do not fit", r.replaced(1, r.weights(4, 3, 3, 3), r.HALF_0)),
        (CONV, "zero point other than 0", r.tensor(1, zeroPoint=[1])),
        (CONV, "bias", r.int32s(3, [0] * 5)),
    ],
)


def test_an_enlargement_at_which_tflite_micro_reads_behind_the_image_is_refused() -> None:
    b, x = started((1, 1, 4, 1), r.HALF)
    y = resize_bilinear(b, x, (66, 4), False, False)
    r.assert_refused(b, [x], [y], "enlarges 1 to 66 pixels")
