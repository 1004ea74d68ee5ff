"""What engine ``aot`` refuses of operators that make images larger."""

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.builder import SAME, ModelBuilder
from tests.aot.refusals import (
    HALF,
    HALF_0,
    Operators,
    any_quantized,
    each,
    int32s,
    no_buffer,
    option,
    refusal_tests,
    replaced,
    tensor,
    weights,
)
from tests.aot.upscaling import resize_bilinear, transpose_conv

RESIZE, CONV = "RESIZE_BILINEAR", "TRANSPOSE_CONV"
BIAS = np.zeros(4, np.int32)
OPERATORS: Operators = {
    RESIZE: lambda b, x: resize_bilinear(b, x, (10, 7), False, True),
    CONV: lambda b, x: transpose_conv(
        b, x, (2, 2), SAME, (1, 1), weights(4, 3, 3, 2), HALF_0, BIAS, HALF
    ),
}

test_larger_images_are_accepted, test_others_are_refused = refusal_tests(
    OPERATORS,
    [
        *any_quantized(OPERATORS),
        (RESIZE, "sizes", int32s(1, [10, 7, 1])),
        (RESIZE, "sizes", int32s(1, [0, 7])),
        *each(OPERATORS, "not constant", no_buffer(1)),
        (RESIZE, "different scales", tensor(-1, zeroPoint=[4])),
        (RESIZE, "both", option("alignCorners", True)),
        (CONV, "not constant", no_buffer(0)),
        (CONV, "not constant", no_buffer(3)),
        (CONV, "output shape", int32s(0, [1, 9, 9, 4])),
        (CONV, "do not lead", option("strideH", 1)),
        (CONV, "strides", option("strideW", 0)),
        (CONV, "padding", option("padding", 2)),
        (CONV, "fused activation 4", option("fusedActivationFunction", 4)),
        (CONV, "do not fit", replaced(1, weights(4, 3, 3, 3), HALF_0)),
        (CONV, "zero point other than 0", tensor(1, zeroPoint=[1])),
        (CONV, "bias", int32s(3, [0] * 5)),
    ],
)


def test_an_enlargement_at_which_tflite_micro_reads_behind_the_image_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 1, 4, 1), HALF)
    y = resize_bilinear(b, x, (66, 4), False, False)
    with pytest.raises(OperatorError, match="enlarges 1 to 66 pixels"):
        AotEngine().check(tflite.parse(b.build([x], [y])))
