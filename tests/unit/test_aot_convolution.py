"""What engine ``aot`` refuses of convolutions and dense layers."""

import numpy as np

from host.base.arrays import Array
from tests.aot.builder import Q, Windowed
from tests.aot.convolution import conv_2d, depthwise_conv_2d, fully_connected
from tests.aot.refusals import (
    FLOAT,
    HALF,
    HALF_0,
    INT8,
    INT16,
    INT32,
    Operators,
    any_quantized,
    constant_operand,
    each,
    inputs,
    no_buffer,
    option,
    refusal_tests,
    replaced,
    tensor,
    weights,
)


def operators(bias: Array, q: Q) -> Operators:
    w = Windowed((3, 3))
    conv, depthwise, dense = weights(4, 3, 3, 2), weights(1, 3, 3, 4), weights(4, 50)
    return {
        "CONV_2D": lambda b, x: conv_2d(b, x, w, conv, HALF_0, bias, q),
        "DEPTHWISE_CONV_2D": lambda b, x: depthwise_conv_2d(b, x, w, depthwise, HALF_0, bias, q),
        "FULLY_CONNECTED": lambda b, x: fully_connected(b, x, dense, HALF_0, bias, q),
    }


NARROW = operators(np.zeros(4, np.int32), HALF)
WIDE = {f"{name} int16": b for name, b in operators(np.zeros(4, np.int64), HALF_0).items()}
DEPTHWISE = "DEPTHWISE_CONV_2D"
TWO_SCALES = {"scale": [1, 2], "zeroPoint": [0, 0]}

test_convolutions_are_accepted, test_others_are_refused = refusal_tests(
    {**NARROW, **WIDE},
    [
        *any_quantized({**NARROW, **WIDE}),
        *constant_operand(NARROW),
        *each(NARROW, "int16", tensor(-1, type=INT16)),
        *each({**NARROW, **WIDE}, "not constant", no_buffer(1)),
        *each(NARROW, "not constant", no_buffer(2)),
        *each({**NARROW, **WIDE}, "zero point other than 0", tensor(1, zeroPoint=[1])),
        *each(NARROW, "2 scales", tensor(1, **TWO_SCALES)),
        (DEPTHWISE, "2 scales", tensor(1, **TWO_SCALES, quantizedDimension=3)),
        (DEPTHWISE, "along dimension 0", tensor(1, scale=[1, 2, 3, 4], zeroPoint=[0] * 4)),
        ("CONV_2D", "usable scales", tensor(1, quantization=None)),
        ("CONV_2D", "bias", replaced(2, np.zeros(3, np.int32))),
        ("CONV_2D", "int64", replaced(2, np.zeros(4, np.int64))),
        ("CONV_2D", "lacks input 1", inputs(lambda i: [i[0], -1, i[2]])),
        ("CONV_2D", "do not divide", replaced(1, weights(4, 3, 3, 3), HALF_0)),
        ("CONV_2D", "scale ratio", tensor(1, scale=[1e20])),
        ("CONV_2D", "stride", option("strideH", 0)),
        ("CONV_2D", "dilation", option("dilationWFactor", 0)),
        ("CONV_2D", "fused activation 4", option("fusedActivationFunction", 4)),
        (DEPTHWISE, "do not fit", option("depthMultiplier", 3)),
        ("FULLY_CONNECTED", "do not fit", replaced(1, weights(4, 49), HALF_0)),
        ("FULLY_CONNECTED", "weightsFormat 1", option("weightsFormat", 1)),
        *each(WIDE, "zero point 3", tensor(0, zeroPoint=[3])),
        *each(WIDE, "without a scale", tensor(0, quantization=None)),
        *each(WIDE, "scale 0.0", tensor(0, scale=[0.0])),
        *each(WIDE, "int8", tensor(-1, type=INT8)),
        *each(WIDE, "zero point -1", tensor(-1, zeroPoint=[-1])),
        *each(WIDE, "scale ratio over 2^7", tensor(-1, scale=[0.5 * 2.0**-9])),
        ("CONV_2D int16", "bias", tensor(2, type=FLOAT, shape=[8])),
        ("DEPTHWISE_CONV_2D int16", "not int64", tensor(2, type=INT32, shape=[8])),
    ],
)
