"""What engine ``aot`` refuses of operators of two operands."""

import numpy as np

from tests.aot import refusals as r
from tests.aot.binary import elementwise
from tests.aot.builder import ModelBuilder, started


def with_constant(b: ModelBuilder, name: str, x: int, activation: int | None = None) -> int:
    return elementwise(b, name, x, b.constant(r.weights(2), r.HALF), r.HALF, activation)


OPERATORS: r.Operators = {
    "ADD": lambda b, x: with_constant(b, "ADD", x, 0),
    "SUB": lambda b, x: with_constant(b, "SUB", x, 0),
    "MUL": lambda b, x: with_constant(b, "MUL", x, 0),
    "MAXIMUM": lambda b, x: with_constant(b, "MAXIMUM", x),
    "MINIMUM": lambda b, x: with_constant(b, "MINIMUM", x),
    "PRELU": lambda b, x: with_constant(b, "PRELU", x),
}

test_two_operands_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *r.any_quantized(OPERATORS),
        *r.each(OPERATORS, "int16", r.tensor(-1, type=r.INT16)),
        *r.each(OPERATORS, "constant inputs", r.inputs(lambda i: [i[1], i[1]])),
        *r.each(OPERATORS, "cannot be broadcast", r.replaced(1, r.weights(3), r.HALF)),
        *r.each(OPERATORS, "float32", r.replaced(1, np.ones(2, np.float32), r.HALF)),
        *r.each(["SUB", "MUL"], "fused activation 4", r.option("fusedActivationFunction", 4)),
        ("ADD", "fused activation 5", r.option("fusedActivationFunction", 5)),
        ("MAXIMUM", "different scales", r.tensor(-1, scale=[0.25])),
        ("MINIMUM", "different scales", r.tensor(-1, zeroPoint=[4])),
        *r.each(["ADD", "SUB"], "too small", r.tensor(-1, scale=[1e-7])),
        *r.each(["MUL", "PRELU"], "scale ratio", r.tensor(-1, scale=[1e-20])),
    ],
)


def test_too_many_broadcast_dimensions_are_refused() -> None:
    b, x = started((2, 1, 2, 1, 2, 1), r.HALF)
    y = elementwise(b, "MUL", x, b.constant(r.weights(2, 1, 2, 1, 2), r.HALF), r.HALF, 0)
    r.assert_refused(b, [x], [y], "broadcast along too many dimensions")
