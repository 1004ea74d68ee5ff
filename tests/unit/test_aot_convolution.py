"""What engine ``aot`` refuses of convolutions and dense layers."""

import numpy as np

from host.base.arrays import Array
from tests.aot import refusals as r
from tests.aot.builder import Q, Windowed
from tests.aot.convolution import conv_2d, depthwise_conv_2d, fully_connected


def operators(bias: Array, q: Q) -> r.Operators:
    w = Windowed((3, 3))
    conv, depthwise, dense = r.weights(4, 3, 3, 2), r.weights(1, 3, 3, 4), r.weights(4, 50)
    return {
        "CONV_2D": lambda b, x: conv_2d(b, x, w, conv, r.HALF_0, bias, q),
        "DEPTHWISE_CONV_2D": lambda b, x: depthwise_conv_2d(b, x, w, depthwise, r.HALF_0, bias, q),
        "FULLY_CONNECTED": lambda b, x: fully_connected(b, x, dense, r.HALF_0, bias, q),
    }


NARROW = operators(np.zeros(4, np.int32), r.HALF)
WIDE = {f"{name} int16": b for name, b in operators(np.zeros(4, np.int64), r.HALF_0).items()}
DEPTHWISE = "DEPTHWISE_CONV_2D"
TWO_SCALES = {"scale": [1, 2], "zeroPoint": [0, 0]}

test_convolutions_are_accepted, test_others_are_refused = r.refusal_tests(
    {**NARROW, **WIDE},
    [
        *r.any_quantized({**NARROW, **WIDE}),
        *r.constant_operand(NARROW),
        *r.each(NARROW, "int16", r.tensor(-1, type=r.INT16)),
        *r.each({**NARROW, **WIDE}, "not constant", r.no_buffer(1)),
        *r.each(NARROW, "not constant", r.no_buffer(2)),
        *r.each({**NARROW, **WIDE}, "zero point other than 0", r.tensor(1, zeroPoint=[1])),
        *r.each(NARROW, "2 scales", r.tensor(1, **TWO_SCALES)),
        (DEPTHWISE, "2 scales", r.tensor(1, **TWO_SCALES, quantizedDimension=3)),
        (DEPTHWISE, "along dimension 0", r.tensor(1, scale=[1, 2, 3, 4], zeroPoint=[0] * 4)),
        ("CONV_2D", "usable scales", r.tensor(1, quantization=None)),
        ("CONV_2D", "bias", r.replaced(2, np.zeros(3, np.int32))),
        ("CONV_2D", "int64", r.replaced(2, np.zeros(4, np.int64))),
        ("CONV_2D", "lacks input 1", r.inputs(lambda i: [i[0], -1, i[2]])),
        ("CONV_2D", "do not divide", r.replaced(1, r.weights(4, 3, 3, 3), r.HALF_0)),
        ("CONV_2D", "scale ratio", r.tensor(1, scale=[1e20])),
        ("CONV_2D", "stride", r.option("strideH", 0)),
        ("CONV_2D", "dilation", r.option("dilationWFactor", 0)),
        ("CONV_2D", "fused activation 4", r.option("fusedActivationFunction", 4)),
        (DEPTHWISE, "do not fit", r.option("depthMultiplier", 3)),
        ("FULLY_CONNECTED", "do not fit", r.replaced(1, r.weights(4, 49), r.HALF_0)),
        ("FULLY_CONNECTED", "weightsFormat 1", r.option("weightsFormat", 1)),
        *r.each(WIDE, "zero point 3", r.tensor(0, zeroPoint=[3])),
        *r.each(WIDE, "without a scale", r.tensor(0, quantization=None)),
        *r.each(WIDE, "scale 0.0", r.tensor(0, scale=[0.0])),
        *r.each(WIDE, "int8", r.tensor(-1, type=r.INT8)),
        *r.each(WIDE, "zero point -1", r.tensor(-1, zeroPoint=[-1])),
        *r.each(WIDE, "scale ratio over 2^7", r.tensor(-1, scale=[0.5 * 2.0**-9])),
        ("CONV_2D int16", "bias", r.tensor(2, type=r.FLOAT, shape=[8])),
        ("DEPTHWISE_CONV_2D int16", "not int64", r.tensor(2, type=r.INT32, shape=[8])),
    ],
)
