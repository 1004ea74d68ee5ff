"""What engine ``aot`` refuses of activations."""

from tests.aot.activations import Q15, leaky_relu, softmax, unary
from tests.aot.builder import Q
from tests.aot.refusals import (
    HALF,
    INT8,
    INT16,
    Operators,
    any_quantized,
    constant_operand,
    each,
    no_options,
    option,
    refusal_tests,
    tensor,
)

NARROW: Operators = {
    "LOGISTIC": lambda b, x: unary(b, "LOGISTIC", x, Q.tensor(1 / 256, -128)),
    "TANH": lambda b, x: unary(b, "TANH", x, Q.tensor(1 / 128)),
    "RELU": lambda b, x: unary(b, "RELU", x, HALF),
    "RELU6": lambda b, x: unary(b, "RELU6", x, HALF),
    "LEAKY_RELU": lambda b, x: leaky_relu(b, x, 0.1, HALF),
    "HARD_SWISH": lambda b, x: unary(b, "HARD_SWISH", x, HALF),
    "SOFTMAX": softmax,
}
WIDE: Operators = {
    "LOGISTIC int16": lambda b, x: unary(b, "LOGISTIC", x, Q15),
    "TANH int16": lambda b, x: unary(b, "TANH", x, Q15),
    "SOFTMAX int16": softmax,
}

test_activations_are_accepted, test_others_are_refused = refusal_tests(
    {**NARROW, **WIDE},
    [
        *any_quantized({**NARROW, **WIDE}),
        *constant_operand(NARROW),
        *each(NARROW, "int16", tensor(-1, type=INT16)),
        *each(WIDE, "zero point 3", tensor(0, zeroPoint=[3])),
        *each(WIDE, "without a scale", tensor(0, quantization=None)),
        *each(WIDE, "scale 0.0", tensor(0, scale=[0.0])),
        *each(WIDE, "int8", tensor(-1, type=INT8)),
        *each(WIDE, "zero point -1", tensor(-1, zeroPoint=[-1])),
        *each(WIDE, "output scale", tensor(-1, scale=[2.0**-14])),
        *each(["LOGISTIC", "SOFTMAX"], "1/256", tensor(-1, scale=[1 / 128])),
        *each(["LOGISTIC", "SOFTMAX"], "1/256", tensor(-1, zeroPoint=[0])),
        ("RELU6", "different scales", tensor(-1, scale=[0.25])),
        ("RELU6", "different scales", tensor(-1, zeroPoint=[4])),
        ("LOGISTIC", "too small", tensor(0, scale=[2.0**-29])),
        ("TANH", "1/128", tensor(-1, zeroPoint=[-128])),
        ("TANH", "too large", tensor(0, scale=[2.0**40])),
        ("TANH int16", "output scale", tensor(-1, scale=[1.2 * 2.0**-15])),
        ("TANH int16", "too large", tensor(0, scale=[3.0])),
        ("LEAKY_RELU", "lacks its option", no_options),
        ("HARD_SWISH", "output scale", tensor(-1, scale=[2.0**-9])),
        ("HARD_SWISH", "output scale", tensor(-1, scale=[2.0**9])),
        ("SOFTMAX", "beta", option("beta", 0.0)),
    ],
)
