"""What operators cost: multiply-accumulates against loops that count them, ticks, memory."""

import itertools
from typing import Any

import numpy as np
import pytest

from host.firmware.rendered import ArenaBlock, ExecutedOperator, Rendered
from host.models import tflite
from host.models.tflite import Graph, Operator
from host.verdict.costs import OperatorCost, operator_costs
from host.verdict.macs import count
from tests.fixtures.graphs import tensor
from tests.fixtures.runs import shared_model


def one(
    name: str, inputs: list[tuple[int, ...] | None], output: tuple[int, ...], **options: Any
) -> int:
    """Multiply-accumulates of one operator with tensors of these shapes; None: absent."""
    shapes = [shape for shape in inputs if shape is not None]
    tensors = [tensor(i, shape=shape) for i, shape in enumerate([*shapes, output])]
    numbers = itertools.count()
    indices = tuple(-1 if shape is None else next(numbers) for shape in inputs)
    operator = Operator(0, name, 1, indices, (len(shapes),), options)
    return count(Graph(b"", tuple(tensors), (operator,), (0,), (len(shapes),), 1), operator)


def test_each_kind() -> None:
    assert one("CONV_2D", [(1, 8, 8, 3), (16, 3, 5, 3), (16,)], (1, 4, 4, 16)) == 256 * 45
    assert one("DEPTHWISE_CONV_2D", [(1, 8, 8, 3), (1, 3, 5, 6)], (1, 4, 4, 6)) == 96 * 15
    assert one("FULLY_CONNECTED", [(2, 10), (7, 10), None], (2, 7)) == 140
    assert one("BATCH_MATMUL", [(2, 3, 5), (2, 5, 4)], (2, 3, 4)) == 2 * 3 * 4 * 5
    assert one("BATCH_MATMUL", [(2, 5, 3), (2, 5, 4)], (2, 3, 4), adjX=True) == 2 * 3 * 4 * 5
    assert one("SVDF", [(1, 10), (8, 10), (8, 6), (4,), (1, 48)], (1, 4)) == 80 + 48
    for name in ("ADD", "SOFTMAX", "MEAN", "RESHAPE", "MUL", "CUSTOM:x"):
        assert one(name, [(1, 4), (1, 4)], (1, 4)) == 0


def test_transpose_conv_scatters_every_input_value() -> None:
    shapes: list[tuple[int, ...] | None] = [(4,), (6, 3, 2, 5), (1, 4, 7, 5)]
    scattered = sum(6 for _ in itertools.product(range(4), range(7), range(5), range(3), range(2)))
    assert one("TRANSPOSE_CONV", shapes, (1, 8, 14, 6)) == scattered


def test_lstm_takes_each_matrix_at_each_step() -> None:
    gates: list[tuple[int, ...] | None] = [*[(16, 5)] * 4, *[(16, 16)] * 4]
    others: list[tuple[int, ...] | None] = [*[None] * 3, *[(16,)] * 4, None, None]
    inputs = [(2, 10, 5), *gates, *others, (2, 16), (2, 16)]
    assert one("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (2, 10, 16)) == 20 * 4 * (80 + 256)


@pytest.mark.parametrize(
    ("name", "millions"), [("mlperf_kws", 2.66), ("mlperf_ic", 12.50), ("mlperf_ad", 0.264)]
)
def test_models_of_others_have_the_published_number(name: str, millions: float) -> None:
    graph = tflite.load(shared_model(f"{name}_int8.tflite"))
    total = sum(count(graph, operator) for operator in graph.operators)
    assert total / 1e6 == pytest.approx(millions, rel=0.01)


TENSORS = (
    tensor(0, "in", (1, 8)),
    tensor(1, "padded", (1, 12)),
    tensor(2, "left", (1, 6)),
    tensor(3, "right", (1, 6)),
    tensor(4, "weights", (3, 6), data=np.zeros((3, 6), np.int8)),
    tensor(5, "out", (1, 3)),
)
GRAPH = Graph(
    b"",
    TENSORS,
    (
        Operator(0, "PAD", 1, (0,), (1,), {}),
        Operator(1, "SPLIT", 1, (1,), (2, 3), {}),
        Operator(2, "FULLY_CONNECTED", 1, (2, 4, -1), (5,), {}),
    ),
    (0,),
    (5,),
    1,
)
# The engine has folded PAD into SPLIT.
RENDERED = Rendered(
    "aot",
    {},
    "",
    64,
    0,
    (
        ExecutedOperator(1, "SPLIT", 2),
        ExecutedOperator(1, "SPLIT", 3),
        ExecutedOperator(2, "FULLY_CONNECTED", 5),
    ),
    (
        ArenaBlock(0, "in", 16, 8, 0, 0),
        ArenaBlock(2, "left", 0, 6, 0, 1),
        ArenaBlock(3, "right", 32, 6, 0, 1),
        ArenaBlock(5, "out", 16, 3, 1, 1),
    ),
)


def costs(ticks: list[list[float]]) -> tuple[OperatorCost, ...]:
    return operator_costs(GRAPH, RENDERED, np.array(ticks).reshape(len(ticks), 3))


def test_ticks_of_an_operators_outputs_are_added_up() -> None:
    split, dense = costs([[70, 2, 27], [70, 2, 27], [999, 999, 999]])
    assert (split.index, split.ticks) == (1, 72)
    assert split.share == pytest.approx(72 / 99)
    assert (split.macs, split.ticks_per_mac) == (0, None)
    assert (dense.ticks, dense.macs, dense.ticks_per_mac) == (27, 18, 1.5)


def test_memory_is_that_of_the_tensors_that_are_there() -> None:
    split, dense = costs([[1, 1, 1]])
    assert [(a.name, a.offset) for a in split.reads] == [("in", 16)]  # not "padded"
    assert [(a.name, a.offset) for a in split.writes] == [("left", 0), ("right", 32)]
    assert (split.bytes_read, split.bytes_written) == (8, 12)
    assert [a.name for a in dense.reads] == ["left"]  # no weights


def test_without_a_profile_there_are_no_ticks() -> None:
    assert {(c.ticks, c.share, c.ticks_per_mac) for c in costs([])} == {(None, None, None)}
