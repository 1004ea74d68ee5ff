"""Outputs that take no memory of their own: over a dying input, or the input itself."""

import numpy as np
import pytest

from host.engines.aot import AotEngine
from host.engines.aot.lower import lower
from host.models.tflite import Graph
from tests.aot import activations, binary, movement
from tests.aot.builder import Q, started
from tests.aot.views import HALF, VIEWS


def arena(graph: Graph) -> int:
    return AotEngine().render(graph).arena_bytes


def test_a_chain_of_elementwise_operators_needs_one_tensor() -> None:
    b, x = started((1, 10, 10, 4), HALF)
    per_channel = b.constant(np.arange(4, dtype=np.int8), HALF)
    y = activations.unary(b, "RELU", x, HALF)
    y = binary.elementwise(b, "MUL", y, per_channel, HALF, 0)
    y = binary.elementwise(b, "SUB", per_channel, y, Q.tensor(1.0), 0)
    y = binary.elementwise(b, "ADD", y, y, HALF, 1)
    y = activations.unary(b, "LOGISTIC", y, Q.tensor(1 / 256, -128))
    graph = b.parsed([x], [y])
    assert len(lower(graph)) == 5
    assert arena(graph) == 400


def test_an_operand_that_is_still_needed_keeps_its_memory() -> None:
    b, x = started((1, 10, 10, 4), HALF)
    y = binary.elementwise(b, "MUL", activations.unary(b, "RELU", x, HALF), x, HALF, 0)
    assert arena(b.parsed([x], [y])) == 800


def test_an_operand_that_is_repeated_is_not_written_over() -> None:
    b, x = started((1, 1, 40), HALF)
    y = binary.elementwise(b, "MUL", x, b.constant(np.ones((5, 1), np.int8), HALF), HALF, 0)
    assert arena(b.parsed([x], [y])) >= 40 + 200


def test_a_slice_moves_down_within_its_input() -> None:
    b, x = started((1, 8, 10, 4), HALF)
    y = movement.slice_(b, x, [0, 2, 1, 0], [1, 6, 8, 4])
    assert arena(b.parsed([x], [y])) == 320


@pytest.mark.parametrize("name", VIEWS)
def test_what_moves_nothing_costs_nothing(name: str) -> None:
    b, x = started((1, 4, 1, 6), HALF)
    graph = b.parsed([x], [VIEWS[name](b, x)])
    (step,) = lower(graph)
    assert step.operator.name == name
    assert step.calls == ()
    assert arena(graph) == 32
