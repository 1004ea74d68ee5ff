"""What engine ``aot`` refuses, and that it says which operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests import flatbuffer_models as fb
from tests.flatbuffer_models import ModelBuilder, Q, Windowed

Array = npt.NDArray[Any]
Tweak = Callable[[ModelBuilder], None]

HALF = Q.tensor(0.5, 3)
NAME = "the/output"


def weights(*shape: int) -> Array:
    return np.ones(shape, np.int8)


def conv(b: ModelBuilder, x: int) -> int:
    w = Windowed((3, 3))
    return fb.conv_2d(b, x, w, weights(4, 3, 3, 2), HALF_0, np.zeros(4, np.int32), HALF)


def depthwise(b: ModelBuilder, x: int) -> int:
    w = Windowed((3, 3))
    return fb.depthwise_conv_2d(b, x, w, weights(1, 3, 3, 4), HALF_0, np.zeros(4, np.int32), HALF)


def dense(b: ModelBuilder, x: int) -> int:
    return fb.fully_connected(b, x, weights(4, 50), HALF_0, np.zeros(4, np.int32), HALF)


def average(b: ModelBuilder, x: int) -> int:
    return fb.pool_2d(b, "AVERAGE_POOL_2D", x, Windowed((2, 2)))


def maximum(b: ModelBuilder, x: int) -> int:
    return fb.pool_2d(b, "MAX_POOL_2D", x, Windowed((2, 2)))


def mean(b: ModelBuilder, x: int) -> int:
    return fb.reduce(b, "MEAN", x, (1, 2), False, HALF)


def add(b: ModelBuilder, x: int) -> int:
    return fb.add(b, x, b.constant(weights(2), HALF), HALF)


def pad(b: ModelBuilder, x: int) -> int:
    return fb.pad(b, x, [(0, 0), (1, 1), (1, 1), (0, 0)], HALF)


def reshape(b: ModelBuilder, x: int) -> int:
    return fb.reshape(b, x, (1, 50))


def quantize(b: ModelBuilder, x: int) -> int:
    return fb.quantize(b, x, HALF)


HALF_0 = Q.tensor(0.5, 0)
# Each operator on an input of [1, 5, 5, 2]; input tensors are in the operator's own order.
Operators = dict[str, Callable[[ModelBuilder, int], int]]
OPERATORS: Operators = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    "AVERAGE_POOL_2D": average,
    "MAX_POOL_2D": maximum,
    "MEAN": mean,
    "ADD": add,
    "PAD": pad,
    "RESHAPE": reshape,
    "SOFTMAX": fb.softmax,
    "QUANTIZE": quantize,
}


def last(b: ModelBuilder) -> Any:
    return b.graph.operators[-1]


def model(name: str, tweak: Tweak, operators: Operators = OPERATORS) -> bytes:
    """A RESHAPE, and then the operator, changed by ``tweak``."""
    b = ModelBuilder()
    x = b.tensor((1, 50), HALF)
    y = operators[name](b, fb.reshape(b, x, (1, 5, 5, 2)))
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

CASES: list[tuple[str, str, Tweak]] = [
    # Activations, everywhere.
    *[(name, "scale", tensor(-1, quantization=None)) for name in OPERATORS],
    *[(name, "int16", tensor(-1, type=INT16)) for name in OPERATORS if name != "QUANTIZE"],
    *[(name, "float32", tensor(-1, type=FLOAT)) for name in OPERATORS],
    *[(name, "zero point 300", tensor(-1, zeroPoint=[300])) for name in OPERATORS],
    *[(name, "scale 0.0", tensor(-1, scale=[0.0])) for name in OPERATORS],
    *[(name, "per channel", tensor(-1, scale=[1, 2], zeroPoint=[0, 0])) for name in OPERATORS],
    *[(name, "inputs", inputs(lambda i: [*i, i[0], i[0]])) for name in OPERATORS],
    *[(name, "shape", tensor(-1, shape=[1, 3, 7, 2])) for name in OPERATORS if name != "SOFTMAX"],
    *[
        (name, "constant input", replaced(0, weights(1, 5, 5, 2), HALF))
        for name in OPERATORS
        if name != "ADD"
    ],
    # Weights and biases.
    *[(name, "not constant", no_buffer(1)) for name in ("CONV_2D", "FULLY_CONNECTED")],
    *[(name, "not constant", no_buffer(2)) for name in ("CONV_2D", "FULLY_CONNECTED")],
    *[
        (name, "zero point other than 0", tensor(1, zeroPoint=[1]))
        for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    ],
    *[
        (name, "2 scales", tensor(1, scale=[1, 2], zeroPoint=[0, 0], quantizedDimension=axis))
        for name, axis in (("CONV_2D", 0), ("DEPTHWISE_CONV_2D", 3), ("FULLY_CONNECTED", 0))
    ],
    (
        "DEPTHWISE_CONV_2D",
        "along dimension 0",
        tensor(1, scale=[1, 2, 3, 4], zeroPoint=[0] * 4, quantizedDimension=0),
    ),
    ("CONV_2D", "usable scales", tensor(1, quantization=None)),
    ("CONV_2D", "bias", replaced(2, np.zeros(3, np.int32))),
    ("CONV_2D", "int64", replaced(2, np.zeros(4, np.int64))),
    ("CONV_2D", "lacks input 1", inputs(lambda i: [i[0], -1, i[2]])),
    ("CONV_2D", "do not divide", replaced(1, weights(4, 3, 3, 3), HALF_0)),
    ("CONV_2D", "scale ratio", tensor(1, scale=[1e20])),
    ("DEPTHWISE_CONV_2D", "do not fit", option("depthMultiplier", 3)),
    ("FULLY_CONNECTED", "do not fit", replaced(1, weights(4, 49), HALF_0)),
    ("FULLY_CONNECTED", "shuffled", option("weightsFormat", 1)),
    # Options.
    ("CONV_2D", "stride", option("strideH", 0)),
    ("CONV_2D", "dilation", option("dilationWFactor", 0)),
    ("CONV_2D", "fused activation 4", option("fusedActivationFunction", 4)),
    ("ADD", "fused activation 5", option("fusedActivationFunction", 5)),
    ("AVERAGE_POOL_2D", "filter", option("filterHeight", 0)),
    ("SOFTMAX", "beta", option("beta", 0.0)),
    ("MEAN", "lacks its option", lambda b: setattr(last(b), "builtinOptions", None)),
    # What one operator alone demands.
    ("AVERAGE_POOL_2D", "different scales", tensor(-1, scale=[0.25])),
    ("MAX_POOL_2D", "different scales", tensor(-1, zeroPoint=[4])),
    ("SOFTMAX", "1/256", tensor(-1, scale=[1 / 128])),
    ("SOFTMAX", "1/256", tensor(-1, zeroPoint=[0])),
    ("MEAN", "axes", replaced(1, np.array([1, 4], np.int32))),
    ("MEAN", "int64", replaced(1, np.array([1, 2], np.int64))),
    ("MEAN", "not constant", no_buffer(1)),
    ("ADD", "cannot be broadcast", replaced(1, weights(3), HALF)),
    ("ADD", "too small", tensor(-1, scale=[1e-7])),
    ("ADD", "constant inputs", inputs(lambda i: [i[1], i[1]])),
    ("PAD", "paddings", replaced(1, np.zeros((3, 2), np.int32))),
    ("PAD", "paddings", replaced(1, np.array([[0, 0], [-1, 0], [0, 0], [0, 0]], np.int32))),
    ("PAD", "int64", replaced(1, np.zeros((4, 2), np.int64))),
]


@pytest.mark.parametrize("name", OPERATORS)
def test_the_operators_themselves_are_accepted(name: str) -> None:
    AotEngine().check(tflite.parse(model(name, lambda b: None)))


@pytest.mark.parametrize(
    ("name", "fragment", "tweak"), CASES, ids=[f"{n}-{f}-{i}" for i, (n, f, _) in enumerate(CASES)]
)
def test_refusals_name_the_operator(name: str, fragment: str, tweak: Tweak) -> None:
    assert_refused(model(name, tweak), name, fragment)


def test_an_unknown_operator_is_named_with_what_there_is() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    y = b.tensor((1, 4), HALF, name=NAME)
    b.operator("COS", [x], [y])
    with pytest.raises(OperatorError) as caught:
        AotEngine().check(tflite.parse(b.build([x], [y])))
    assert f"operator 0 COS (output tensor '{NAME}')" in caught.value.message
    assert "FULLY_CONNECTED" in caught.value.hint


def test_several_subgraphs_are_refused() -> None:
    graph = replace(tflite.parse(model("QUANTIZE", lambda b: None)), subgraphs=2)
    with pytest.raises(OperatorError, match="2 subgraphs"):
        AotEngine().check(graph)


def test_computing_with_floats_is_refused_with_the_way_out() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), None, dtype=np.float32, name="in")
    y = fb.softmax(b, x)
    with pytest.raises(
        OperatorError, match=r"operator 0 SOFTMAX .* input 'in' of type float32"
    ) as e:
        AotEngine().check(tflite.parse(b.build([x], [y])))
    assert "inference_input_type" in e.value.hint


def test_an_input_that_nobody_reads_must_have_a_type_that_the_wire_has() -> None:
    b = ModelBuilder()
    x, unused = b.tensor((1, 4), HALF), b.tensor((1, 4), None, dtype=np.int64, name="spare")
    y = fb.quantize(b, x, HALF)
    with pytest.raises(OperatorError, match="the model's input 'spare' is int64"):
        AotEngine().check(tflite.parse(b.build([x, unused], [y])))


def test_a_rank_that_the_wire_cannot_carry_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 1, 1, 1, 1, 1, 4), HALF)
    y = fb.reshape(b, x, (1, 4))
    with pytest.raises(OperatorError, match="shape"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


def test_operators_out_of_order_are_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    middle = fb.quantize(b, x, HALF)
    y = fb.quantize(b, middle, HALF)
    b.graph.operators.reverse()
    with pytest.raises(OperatorError, match=r"operator 0 QUANTIZE .* reads 't1' before"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


def test_an_output_that_nobody_writes_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    fb.quantize(b, x, HALF)
    lost = b.tensor((1, 4), HALF, name="lost")
    with pytest.raises(OperatorError, match="no operator writes the model's output 'lost'"):
        AotEngine().check(tflite.parse(b.build([x], [lost])))
