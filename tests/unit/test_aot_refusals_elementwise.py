"""What engine ``aot`` refuses of element-wise operators, and what it says of unknown ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot import activations, binary
from tests.aot.builder import ModelBuilder, Q
from tests.aot.refusals import (
    FLOAT,
    HALF,
    INT16,
    NAME,
    Operators,
    Tweak,
    assert_refused,
    inputs,
    model,
    option,
    replaced,
    tensor,
    weights,
)


def with_constant(b: ModelBuilder, name: str, x: int, activation: int | None = None) -> int:
    return binary.elementwise(b, name, x, b.constant(weights(2), HALF), HALF, activation)


BINARY: Operators = {
    "SUB": lambda b, x: with_constant(b, "SUB", x, 0),
    "MUL": lambda b, x: with_constant(b, "MUL", x, 0),
    "MAXIMUM": lambda b, x: with_constant(b, "MAXIMUM", x),
    "MINIMUM": lambda b, x: with_constant(b, "MINIMUM", x),
    "PRELU": lambda b, x: with_constant(b, "PRELU", x),
}
UNARY: Operators = {
    "LOGISTIC": lambda b, x: activations.unary(b, "LOGISTIC", x, Q.tensor(1 / 256, -128)),
    "TANH": lambda b, x: activations.unary(b, "TANH", x, Q.tensor(1 / 128)),
    "RELU": lambda b, x: activations.unary(b, "RELU", x, HALF),
    "RELU6": lambda b, x: activations.unary(b, "RELU6", x, HALF),
    "LEAKY_RELU": lambda b, x: activations.leaky_relu(b, x, 0.1, HALF),
    "HARD_SWISH": lambda b, x: activations.unary(b, "HARD_SWISH", x, HALF),
}
OPERATORS: Operators = {**BINARY, **UNARY}

CASES: list[tuple[str, str, Tweak]] = [
    *[(name, "scale", tensor(-1, quantization=None)) for name in OPERATORS],
    *[(name, "int16", tensor(-1, type=INT16)) for name in OPERATORS],
    *[(name, "float32", tensor(-1, type=FLOAT)) for name in OPERATORS],
    *[(name, "zero point 300", tensor(-1, zeroPoint=[300])) for name in OPERATORS],
    *[(name, "shape", tensor(-1, shape=[1, 3, 7, 2])) for name in OPERATORS],
    *[(name, "inputs", inputs(lambda i: i * 3)) for name in OPERATORS],
    *[(name, "constant inputs", replaced(0, weights(1, 5, 5, 2), HALF)) for name in UNARY],
    *[(name, "constant inputs", inputs(lambda i: [i[1], i[1]])) for name in BINARY],
    *[(name, "cannot be broadcast", replaced(1, weights(3), HALF)) for name in BINARY],
    *[(name, "float32", replaced(1, np.ones(2, np.float32), HALF)) for name in BINARY],
    *[
        (name, "fused activation 4", option("fusedActivationFunction", 4))
        for name in ("SUB", "MUL")
    ],
    *[(name, "different scales", tensor(-1, scale=[0.25])) for name in ("MAXIMUM", "RELU6")],
    *[(name, "different scales", tensor(-1, zeroPoint=[4])) for name in ("MINIMUM", "RELU6")],
    ("SUB", "too small", tensor(-1, scale=[1e-7])),
    ("MUL", "scale ratio", tensor(-1, scale=[1e-20])),
    ("PRELU", "scale ratio", tensor(-1, scale=[1e-20])),
    ("LOGISTIC", "1/256", tensor(-1, scale=[1 / 128])),
    ("LOGISTIC", "1/256", tensor(-1, zeroPoint=[0])),
    ("LOGISTIC", "too small", tensor(0, scale=[2.0**-29])),
    ("TANH", "1/128", tensor(-1, zeroPoint=[-128])),
    ("TANH", "too large", tensor(0, scale=[2.0**40])),
    (
        "LEAKY_RELU",
        "lacks its option",
        lambda b: setattr(b.graph.operators[-1], "builtinOptions", None),
    ),
    ("HARD_SWISH", "output scale", tensor(-1, scale=[2.0**-9])),
    ("HARD_SWISH", "output scale", tensor(-1, scale=[2.0**9])),
]


@pytest.mark.parametrize("name", OPERATORS)
def test_the_operators_themselves_are_accepted(name: str) -> None:
    AotEngine().check(tflite.parse(model(name, lambda b: None, OPERATORS)))


@pytest.mark.parametrize(
    ("name", "fragment", "tweak"), CASES, ids=[f"{n}-{f}-{i}" for i, (n, f, _) in enumerate(CASES)]
)
def test_refusals_name_the_operator(name: str, fragment: str, tweak: Tweak) -> None:
    assert_refused(model(name, tweak, OPERATORS), name, fragment)


def test_too_many_broadcast_dimensions_are_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((2, 1, 2, 1, 2, 1), HALF)
    y = binary.elementwise(b, "MUL", x, b.constant(weights(2, 1, 2, 1, 2), HALF), HALF, 0)
    with pytest.raises(OperatorError, match="broadcast along too many dimensions"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


@pytest.mark.parametrize(
    ("name", "dtype", "remedy"),
    [
        ("GELU", np.int8, "HARD_SWISH"),
        ("WHILE", np.int8, "unroll"),
        ("SQUARE", np.int8, "MUL of the tensor with itself"),
        ("SIN", np.float32, "inference_input_type"),
    ],
)
def test_an_unknown_operator_comes_with_the_nearest_remedy(
    name: str, dtype: type[np.generic], remedy: str
) -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF, dtype=dtype)
    y = b.tensor((1, 4), HALF, dtype=dtype, name=NAME)
    b.operator(name, [x], [y])
    with pytest.raises(OperatorError, match=f"operator 0 {name} ") as caught:
        AotEngine().check(tflite.parse(b.build([x], [y])))
    assert remedy in caught.value.hint


def test_a_custom_operator_is_named() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    y = b.tensor((1, 4), HALF)
    b.operator("CUSTOM", [x], [y])
    b.model.operatorCodes[0].customCode = b"Mine"
    with pytest.raises(OperatorError, match="operator 0 CUSTOM:Mine ") as caught:
        AotEngine().check(tflite.parse(b.build([x], [y])))
    assert "without custom operators" in caught.value.hint


def test_control_flow_is_refused_with_the_way_out() -> None:
    graph = replace(tflite.parse(model("RELU", lambda b: None, OPERATORS)), subgraphs=3)
    with pytest.raises(OperatorError, match="3 subgraphs") as caught:
        AotEngine().check(graph)
    assert "unroll" in caught.value.hint
