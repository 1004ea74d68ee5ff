"""Models of one operator, and what makes engine aot refuse them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.activations import softmax
from tests.aot.binary import add
from tests.aot.builder import ModelBuilder, Q, Windowed
from tests.aot.convolution import conv_2d, depthwise_conv_2d, fully_connected
from tests.aot.movement import pad, reshape
from tests.aot.quantize import quantize
from tests.aot.reduction import pool_2d, reduce

Array = npt.NDArray[Any]
Tweak = Callable[[ModelBuilder], None]

HALF = Q.tensor(0.5, 3)
NAME = "the/output"


def weights(*shape: int) -> Array:
    return np.ones(shape, np.int8)


HALF_0 = Q.tensor(0.5, 0)
W = Windowed((3, 3))
ZEROS = np.zeros(4, np.int32)
# Each operator on an input of [1, 5, 5, 2]; input tensors are in the operator's own order.
Operators = dict[str, Callable[[ModelBuilder, int], int]]
OPERATORS: Operators = {
    "CONV_2D": lambda b, x: conv_2d(b, x, W, weights(4, 3, 3, 2), HALF_0, ZEROS, HALF),
    "DEPTHWISE_CONV_2D": lambda b, x: depthwise_conv_2d(
        b, x, W, weights(1, 3, 3, 4), HALF_0, ZEROS, HALF
    ),
    "FULLY_CONNECTED": lambda b, x: fully_connected(b, x, weights(4, 50), HALF_0, ZEROS, HALF),
    "AVERAGE_POOL_2D": lambda b, x: pool_2d(b, "AVERAGE_POOL_2D", x, Windowed((2, 2))),
    "MAX_POOL_2D": lambda b, x: pool_2d(b, "MAX_POOL_2D", x, Windowed((2, 2))),
    "MEAN": lambda b, x: reduce(b, "MEAN", x, (1, 2), False, HALF),
    "ADD": lambda b, x: add(b, x, b.constant(weights(2), HALF), HALF),
    "PAD": lambda b, x: pad(b, x, [(0, 0), (1, 1), (1, 1), (0, 0)]),
    "RESHAPE": lambda b, x: reshape(b, x, (1, 50)),
    "SOFTMAX": softmax,
    "QUANTIZE": lambda b, x: quantize(b, x, HALF),
}


def last(b: ModelBuilder) -> Any:
    return b.graph.operators[-1]


def model(name: str, tweak: Tweak, operators: Operators = OPERATORS) -> bytes:
    """A RESHAPE, and then the operator, changed by ``tweak``."""
    b = ModelBuilder()
    x = b.tensor((1, 50), HALF)
    y = operators[name](b, reshape(b, x, (1, 5, 5, 2)))
    b.graph.tensors[y].name = NAME.encode()
    tweak(b)
    return b.build([x], list(last(b).outputs))


def tensor(position: int, **values: Any) -> Tweak:
    """Change an input of the operator, or its output (−1)."""

    def tweak(b: ModelBuilder) -> None:
        operator = last(b)
        index = operator.outputs[0] if position < 0 else operator.inputs[position]
        for key, value in values.items():
            if key in ("scale", "zeroPoint", "quantizedDimension"):
                setattr(b.graph.tensors[index].quantization, key, value)
            else:
                setattr(b.graph.tensors[index], key, value)

    return tweak


def option(name: str, value: Any) -> Tweak:
    return lambda b: setattr(last(b).builtinOptions, name, value)


def inputs(change: Callable[[list[int]], list[int]]) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        last(b).inputs = change(last(b).inputs)

    return tweak


def no_buffer(position: int) -> Tweak:
    return tensor(position, buffer=0)


def replaced(position: int, data: Array, q: Q | None = None) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        last(b).inputs[position] = b.constant(data, q)

    return tweak


def assert_refused(content: bytes, name: str, fragment: str) -> None:
    """The model's operator 1 is refused, and named, with ``fragment`` among the reasons."""
    graph = tflite.parse(content)
    for use in (AotEngine().check, AotEngine().render):
        with pytest.raises(OperatorError) as caught:
            use(graph)
        message = caught.value.message
        assert fragment in message
        assert f"operator 1 {name} (output tensor '{NAME}')" in message


FLOAT, INT16, INT64 = 0, 7, 4
