"""What engine ``aot`` refuses of activations."""

from tests.aot import refusals as r
from tests.aot.activations import Q15, leaky_relu, softmax, unary
from tests.aot.builder import Q

NARROW: r.Operators = {
    "LOGISTIC": lambda b, x: unary(b, "LOGISTIC", x, Q.tensor(1 / 256, -128)),
    "TANH": lambda b, x: unary(b, "TANH", x, Q.tensor(1 / 128)),
    "RELU": lambda b, x: unary(b, "RELU", x, r.HALF),
    "RELU6": lambda b, x: unary(b, "RELU6", x, r.HALF),
    "LEAKY_RELU": lambda b, x: leaky_relu(b, x, 0.1, r.HALF),
    "HARD_SWISH": lambda b, x: unary(b, "HARD_SWISH", x, r.HALF),
    "SOFTMAX": softmax,
}
WIDE: r.Operators = {
    "LOGISTIC int16": lambda b, x: unary(b, "LOGISTIC", x, Q15),
    "TANH int16": lambda b, x: unary(b, "TANH", x, Q15),
    "SOFTMAX int16": softmax,
}

test_activations_are_accepted, test_others_are_refused = r.refusal_tests(
    {**NARROW, **WIDE},
    [
        *r.any_quantized({**NARROW, **WIDE}),
        *r.constant_operand(NARROW),
        *r.each(NARROW, "int16", r.tensor(-1, type=r.INT16)),
        *r.each(WIDE, "zero point 3", r.tensor(0, zeroPoint=[3])),
        *r.each(WIDE, "without a scale", r.tensor(0, quantization=None)),
        *r.each(WIDE, "scale 0.0", r.tensor(0, scale=[0.0])),
        *r.each(WIDE, "int8", r.tensor(-1, type=r.INT8)),
        *r.each(WIDE, "zero point -1", r.tensor(-1, zeroPoint=[-1])),
        *r.each(WIDE, "output scale", r.tensor(-1, scale=[2.0**-14])),
        *r.each(["LOGISTIC", "SOFTMAX"], "1/256", r.tensor(-1, scale=[1 / 128])),
        *r.each(["LOGISTIC", "SOFTMAX"], "1/256", r.tensor(-1, zeroPoint=[0])),
        ("RELU6", "different scales", r.tensor(-1, scale=[0.25])),
        ("RELU6", "different scales", r.tensor(-1, zeroPoint=[4])),
        ("LOGISTIC", "too small", r.tensor(0, scale=[2.0**-29])),
        ("TANH", "1/128", r.tensor(-1, zeroPoint=[-128])),
        ("TANH", "too large", r.tensor(0, scale=[2.0**40])),
        ("TANH int16", "output scale", r.tensor(-1, scale=[1.2 * 2.0**-15])),
        ("TANH int16", "too large", r.tensor(0, scale=[3.0])),
        ("LEAKY_RELU", "lacks its option", r.no_options),
        ("HARD_SWISH", "output scale", r.tensor(-1, scale=[2.0**-9])),
        ("HARD_SWISH", "output scale", r.tensor(-1, scale=[2.0**9])),
        ("SOFTMAX", "beta", r.option("beta", 0.0)),
    ],
)
