"""What engine ``aot`` refuses of operators of two operands."""

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.binary import elementwise
from tests.aot.builder import ModelBuilder
from tests.aot.refusals import (
    HALF,
    INT16,
    Operators,
    any_quantized,
    each,
    inputs,
    option,
    refusal_tests,
    replaced,
    tensor,
    weights,
)


def with_constant(b: ModelBuilder, name: str, x: int, activation: int | None = None) -> int:
    return elementwise(b, name, x, b.constant(weights(2), HALF), HALF, activation)


OPERATORS: Operators = {
    "ADD": lambda b, x: with_constant(b, "ADD", x, 0),
    "SUB": lambda b, x: with_constant(b, "SUB", x, 0),
    "MUL": lambda b, x: with_constant(b, "MUL", x, 0),
    "MAXIMUM": lambda b, x: with_constant(b, "MAXIMUM", x),
    "MINIMUM": lambda b, x: with_constant(b, "MINIMUM", x),
    "PRELU": lambda b, x: with_constant(b, "PRELU", x),
}

test_two_operands_are_accepted, test_others_are_refused = refusal_tests(
    OPERATORS,
    [
        *any_quantized(OPERATORS),
        *each(OPERATORS, "int16", tensor(-1, type=INT16)),
        *each(OPERATORS, "constant inputs", inputs(lambda i: [i[1], i[1]])),
        *each(OPERATORS, "cannot be broadcast", replaced(1, weights(3), HALF)),
        *each(OPERATORS, "float32", replaced(1, np.ones(2, np.float32), HALF)),
        *each(["SUB", "MUL"], "fused activation 4", option("fusedActivationFunction", 4)),
        ("ADD", "fused activation 5", option("fusedActivationFunction", 5)),
        ("MAXIMUM", "different scales", tensor(-1, scale=[0.25])),
        ("MINIMUM", "different scales", tensor(-1, zeroPoint=[4])),
        *each(["ADD", "SUB"], "too small", tensor(-1, scale=[1e-7])),
        *each(["MUL", "PRELU"], "scale ratio", tensor(-1, scale=[1e-20])),
    ],
)


def test_too_many_broadcast_dimensions_are_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((2, 1, 2, 1, 2, 1), HALF)
    y = elementwise(b, "MUL", x, b.constant(weights(2, 1, 2, 1, 2), HALF), HALF, 0)
    with pytest.raises(OperatorError, match="broadcast along too many dimensions"):
        AotEngine().check(tflite.parse(b.build([x], [y])))
