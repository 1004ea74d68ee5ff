"""What engine ``aot`` refuses of whole models, and what it says of operators it does not have."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from tests.aot.activations import softmax
from tests.aot.builder import ModelBuilder, started
from tests.aot.movement import reshape
from tests.aot.quantize import quantize
from tests.aot.refusals import HALF, NAME, assert_refused


def test_computing_with_floats_is_refused_with_the_way_out() -> None:
    b, x = started((1, 4), None, dtype=np.float32, name="in")
    y = softmax(b, x)
    refused = assert_refused(b, [x], [y], r"operator 0 SOFTMAX .* input 'in' of type float32")
    assert "inference_input_type" in refused.hint


def test_an_input_that_nobody_reads_must_have_a_type_that_the_wire_has() -> None:
    b = ModelBuilder()
    x, unused = b.tensor((1, 4), HALF), b.tensor((1, 4), None, dtype=np.int64, name="spare")
    y = quantize(b, x, HALF)
    assert_refused(b, [x, unused], [y], "the model's input 'spare' is int64")


def test_a_rank_that_the_wire_cannot_carry_is_refused() -> None:
    b, x = started((1, 1, 1, 1, 1, 1, 4), HALF)
    y = reshape(b, x, (1, 4))
    assert_refused(b, [x], [y], "shape")


def test_operators_out_of_order_are_refused() -> None:
    b, x = started((1, 4), HALF)
    middle = quantize(b, x, HALF)
    y = quantize(b, middle, HALF)
    b.graph.operators.reverse()
    assert_refused(b, [x], [y], r"operator 0 QUANTIZE .* reads 't1' before")


def test_an_output_that_nobody_writes_is_refused() -> None:
    b, x = started((1, 4), HALF)
    quantize(b, x, HALF)
    lost = b.tensor((1, 4), HALF, name="lost")
    assert_refused(b, [x], [lost], "no operator writes the model's output 'lost'")


@pytest.mark.parametrize(
    ("name", "dtype", "remedy"),
    [
        ("COS", np.int8, "FULLY_CONNECTED"),  # of what there is
        ("ELU", np.int8, "HARD_SWISH"),
        ("WHILE", np.int8, "unroll"),
        ("SQUARE", np.int8, "MUL of the tensor with itself"),
        ("SIN", np.float32, "inference_input_type"),
    ],
)
def test_an_unknown_operator_comes_with_the_nearest_remedy(
    name: str, dtype: type[np.generic], remedy: str
) -> None:
    b, x = started((1, 4), HALF, dtype=dtype)
    y = b.tensor((1, 4), HALF, dtype=dtype, name=NAME)
    b.operator(name, [x], [y])
    refused = assert_refused(b, [x], [y], rf"operator 0 {name} \(output tensor '{NAME}'\)")
    assert remedy in refused.hint


def test_a_custom_operator_is_named() -> None:
    b, x = started((1, 4), HALF)
    y = b.tensor((1, 4), HALF)
    b.operator("CUSTOM", [x], [y])
    b.model.operatorCodes[0].customCode = b"Mine"
    refused = assert_refused(b, [x], [y], "operator 0 CUSTOM:Mine ")
    assert "without custom operators" in refused.hint


def test_control_flow_is_refused_with_the_way_out() -> None:
    b, x = started((1, 4), HALF)
    graph = b.parsed([x], [quantize(b, x, HALF)])
    graph = replace(graph, subgraphs=3)
    with pytest.raises(OperatorError, match="3 subgraphs") as caught:
        AotEngine().check(graph)
    assert "unroll" in caught.value.hint
