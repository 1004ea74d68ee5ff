"""Tensors by name or index, and why one is not available."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import ConfigError
from host.commands.trace.tensor_names import find_output
from host.firmware.rendered import ExecutedOperator
from host.models.tflite import Graph, Operator
from tests.fixtures.graphs import tensor

TENSORS = (
    tensor(0, "in"),
    tensor(1, "weights", data=np.zeros((1, 4), np.int8)),
    tensor(2, "conv/relu"),
    tensor(3, "0"),
    tensor(4, "twice"),
    tensor(5, "twice"),
    tensor(6, "folded"),
    tensor(7, "stray"),
)
OPERATORS = (
    Operator(0, "CONV_2D", 1, (0, 1), (2,), {}),
    Operator(1, "SPLIT", 1, (2,), (3, 4, 5), {}),
    Operator(2, "PAD", 1, (3,), (6,), {}),
)
GRAPH = Graph(b"", TENSORS, OPERATORS, (0,), (6,), 1)
EXECUTED = [
    ExecutedOperator(0, "CONV_2D", 2),
    *(ExecutedOperator(1, "SPLIT", i) for i in (3, 4, 5)),
]


@pytest.mark.parametrize(
    ("wanted", "position"), [("conv/relu", 0), ("2", 0), ("0", 1), ("3", 1), ("4", 2), ("5", 3)]
)
def test_an_exact_name_then_an_index(wanted: str, position: int) -> None:
    assert find_output(GRAPH, EXECUTED, wanted) == position


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("conv/relo", "no tensor 'conv/relo'", "Similar names: 'conv/relu'"),
        ("relu", "no tensor 'relu'", "'conv/relu'"),
        ("zzz", "no tensor 'zzz'", "Without --tensor"),
        ("", "no tensor ''", "Without --tensor"),
        ("99", "there is no tensor 99: the model has 8", "Without --tensor"),
        ("-1", "no tensor '-1'", "Without --tensor"),
        ("²", "no tensor '²'", "Without --tensor"),
        ("twice", "2 tensors are called 'twice'", "4, 5"),
        ("in", "tensor 0 ('in') is an input of the model", "Without --tensor"),
        ("weights", "tensor 1 ('weights') is a constant", "Without --tensor"),
        ("folded", "the engine has folded operator 2 PAD", "Without --tensor"),
        ("stray", "is not written by any operator", "Without --tensor"),
    ],
)
def test_why_one_cannot_be_had(wanted: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_output(GRAPH, EXECUTED, wanted)
    assert message in caught.value.message and hint in caught.value.hint


def test_names_may_hold_anything() -> None:
    odd = "a\n\x1b[31m‮ 'b'"
    tensors = (*TENSORS[:2], tensor(2, odd), *TENSORS[3:])
    assert find_output(replace(GRAPH, tensors=tensors), EXECUTED, odd) == 0
