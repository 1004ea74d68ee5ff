"""What engine ``aot`` refuses of int16 operators, of QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot import activations, convolution, quantize, reduction
from tests.aot.builder import ModelBuilder, Q, Windowed

NAME = "the/output"
Build = Callable[[ModelBuilder, int], int]
Tweak = Callable[[ModelBuilder], None]

HALF = Q.tensor(0.5)
BIAS = np.zeros(4, np.int64)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.int8)


def conv(b: ModelBuilder, x: int) -> int:
    return convolution.conv_2d(b, x, Windowed((3, 3)), ones(4, 3, 3, 2), HALF, BIAS, HALF)


def depthwise(b: ModelBuilder, x: int) -> int:
    return convolution.depthwise_conv_2d(b, x, Windowed((3, 3)), ones(1, 3, 3, 4), HALF, BIAS, HALF)


def dense(b: ModelBuilder, x: int) -> int:
    return convolution.fully_connected(b, x, ones(4, 50), HALF, BIAS, HALF)


def average(b: ModelBuilder, x: int) -> int:
    return reduction.pool_2d(b, "AVERAGE_POOL_2D", x, Windowed((2, 2)))


def maximum(b: ModelBuilder, x: int) -> int:
    return reduction.pool_2d(b, "MAX_POOL_2D", x, Windowed((2, 2)))


def logistic(b: ModelBuilder, x: int) -> int:
    return activations.unary(b, "LOGISTIC", x, activations.Q15)


def tanh(b: ModelBuilder, x: int) -> int:
    return activations.unary(b, "TANH", x, activations.Q15)


# Each on an int16 input of [1, 5, 5, 2].
OPERATORS: dict[str, Build] = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    "AVERAGE_POOL_2D": average,
    "MAX_POOL_2D": maximum,
    "SOFTMAX": activations.softmax,
    "LOGISTIC": logistic,
    "TANH": tanh,
    "QUANTIZE": lambda b, x: quantize.quantize(b, x, HALF, np.int8),
    "DEQUANTIZE": quantize.dequantize,
}
FLOAT, UINT8, INT8, BOOL = 0, 3, 9, 6


def model(name: str, tweak: Tweak) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 5, 5, 2), HALF, dtype=np.int16)
    y = OPERATORS[name](b, x)
    b.graph.tensors[y].name = NAME.encode()
    tweak(b)
    return b.build([x], [y])


def tensor(position: int, **values: Any) -> Tweak:
    """Change an input of the operator, or its output (−1)."""

    def tweak(b: ModelBuilder) -> None:
        operator = b.graph.operators[-1]
        index = operator.outputs[0] if position < 0 else operator.inputs[position]
        for key, value in values.items():
            on = b.graph.tensors[index]
            setattr(on.quantization if key in ("scale", "zeroPoint") else on, key, value)

    return tweak


def both(*tweaks: Tweak) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        for one in tweaks:
            one(b)

    return tweak


def inputs(change: Callable[[list[int]], list[int]]) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        operator = b.graph.operators[-1]
        operator.inputs = change(operator.inputs)

    return tweak


def option(name: str, value: Any) -> Tweak:
    return lambda b: setattr(b.graph.operators[-1].builtinOptions, name, value)


WIDE = [name for name in OPERATORS if name not in ("QUANTIZE", "DEQUANTIZE")]
WEIGHTED = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
CASES: list[tuple[str, str, Tweak]] = [
    *[(name, "zero point 3", tensor(0, zeroPoint=[3])) for name in OPERATORS],
    *[(name, "without a scale", tensor(0, quantization=None)) for name in OPERATORS],
    *[(name, "scale 0.0", tensor(0, scale=[0.0])) for name in OPERATORS],
    *[(name, "int8", tensor(-1, type=INT8)) for name in WIDE],
    *[(name, "zero point -1", tensor(-1, zeroPoint=[-1])) for name in WIDE],
    *[(name, "inputs", inputs(lambda i: [*i, i[0], i[0]])) for name in OPERATORS],
    *[(name, "not constant", tensor(1, buffer=0)) for name in WEIGHTED],
    *[(name, "weights", tensor(1, zeroPoint=[1])) for name in WEIGHTED],
    *[(name, "scale ratio over 2^7", tensor(-1, scale=[0.5 * 2.0**-9])) for name in WEIGHTED],
    ("CONV_2D", "bias", tensor(2, type=FLOAT, shape=[8])),
    ("DEPTHWISE_CONV_2D", "not int64", tensor(2, type=2, shape=[8])),
    ("FULLY_CONNECTED", "output shape", tensor(-1, shape=[1, 5])),
    ("SOFTMAX", "output scale", tensor(-1, scale=[2.0**-14])),
    ("SOFTMAX", "output shape", tensor(-1, shape=[1, 50])),
    ("LOGISTIC", "output scale", tensor(-1, scale=[2.0**-14])),
    ("TANH", "output scale", tensor(-1, scale=[1.2 * 2.0**-15])),
    ("TANH", "too large", tensor(0, scale=[3.0])),
    ("LOGISTIC", "output shape", tensor(-1, shape=[1, 50])),
    ("QUANTIZE", "output shape", tensor(-1, shape=[1, 50])),
    ("QUANTIZE", "uint8", tensor(-1, type=UINT8)),
    ("QUANTIZE", "bool", tensor(0, type=BOOL)),
    ("QUANTIZE", "uint8, not int8 or int16", both(tensor(0, type=FLOAT), tensor(-1, type=UINT8))),
    ("QUANTIZE", "without a scale", tensor(-1, type=2, quantization=None)),
    ("QUANTIZE", "scale ratio", tensor(-1, scale=[2.0**-40])),
    ("DEQUANTIZE", "output shape", tensor(-1, shape=[1, 50])),
    ("DEQUANTIZE", "float32", tensor(-1, type=INT8)),
    ("DEQUANTIZE", "int32", tensor(0, type=2)),
]


@pytest.mark.parametrize(
    ("name", "words", "tweak"), CASES, ids=[f"{n}-{w}-{i}" for i, (n, w, _) in enumerate(CASES)]
)
def test_refuses_and_says_which_operator(name: str, words: str, tweak: Tweak) -> None:
    graph = tflite.parse(model(name, tweak))
    with pytest.raises(OperatorError) as caught:
        AotEngine().check(graph)
    assert f"operator 0 {name} (output tensor '{NAME}') has " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", OPERATORS)
def test_takes_what_it_should(name: str) -> None:
    AotEngine().check(tflite.parse(model(name, lambda b: None)))


def arena(source: type[np.generic], result: type[np.generic] | None, size: int) -> int:
    b = ModelBuilder()
    x = b.tensor((1, size), None if source is np.float32 else HALF, dtype=source)
    y = (
        quantize.dequantize(b, x)
        if result is None
        else quantize.quantize(b, x, Q.tensor(0.25), result)
    )
    return AotEngine().render(tflite.parse(b.build([x], [y]))).arena_bytes


@pytest.mark.parametrize("size", [1, 5, 16, 1001])
def test_conversions_take_no_memory_of_their_own(size: int) -> None:
    # Both ends are aligned, so that a wider output may need up to two blocks of 16 bytes more.
    assert arena(np.float32, np.int8, size) == -(-4 * size // 16) * 16
    assert arena(np.int16, np.int8, size) == -(-2 * size // 16) * 16
    assert arena(np.int8, np.int16, size) <= 2 * size + 32
    assert arena(np.int16, None, size) <= 4 * size + 32
    assert arena(np.int8, None, size) <= 4 * size + 32


def test_a_quantization_that_changes_nothing_is_free() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 5), HALF)
    y = quantize.quantize(b, x, HALF)
    rendered = AotEngine().render(tflite.parse(b.build([x], [y])))
    assert "aot::quantize" not in rendered.files["model.cc"]
    assert rendered.arena_bytes == 16
