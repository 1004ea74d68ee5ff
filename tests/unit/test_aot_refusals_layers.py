"""What engine ``aot`` refuses of reductions, enlargements, matrix products and recurrent layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot import movement, reduction
from tests.aot.batch_matmul import batch_matmul
from tests.aot.builder import SAME, ModelBuilder, Q
from tests.aot.movement import reverse_v2
from tests.aot.recurrent import lstm, svdf
from tests.aot.reduction import arg
from tests.aot.refusals import (
    FLOAT,
    HALF,
    HALF_0,
    INT16,
    INT64,
    NAME,
    Tweak,
    inputs,
    last,
    no_buffer,
    option,
    replaced,
    tensor,
    weights,
)
from tests.aot.upscaling import resize_bilinear, transpose_conv

INT8 = 9
ZEROS = np.zeros(4, np.int32)


def reduced(name: str) -> Callable[[ModelBuilder, int], int]:
    return lambda b, x: reduction.reduce(b, name, x, (1, 2), False, HALF)


def resized(b: ModelBuilder, x: int) -> int:
    return resize_bilinear(b, x, (10, 7), False, True)


def transposed(b: ModelBuilder, x: int) -> int:
    return transpose_conv(b, x, (2, 2), SAME, (1, 1), weights(4, 3, 3, 2), HALF_0, ZEROS, HALF)


def product(b: ModelBuilder, x: int) -> int:
    return batch_matmul(b, x, b.constant(weights(1, 5, 2, 3), HALF), HALF)


def recurrent(b: ModelBuilder, x: int) -> int:
    sequence = movement.reshape(b, x, (1, 10, 5))
    from_input, from_output = [(weights(4, 5), HALF_0)] * 4, [(weights(4, 4), HALF_0)] * 4
    return lstm(b, sequence, from_input, from_output, [ZEROS] * 4, 2.0**-12, HALF)


def filtered(b: ModelBuilder, x: int) -> int:
    features, time = (weights(8, 50), HALF_0), (np.ones((8, 3), np.int16), HALF_0)
    return svdf(b, movement.reshape(b, x, (1, 50)), 2, features, time, 0.5, ZEROS, HALF)


# Each on an input of [1, 5, 5, 2].
OPERATORS: dict[str, Callable[[ModelBuilder, int], int]] = {
    "SUM": reduced("SUM"),
    "REDUCE_MAX": reduced("REDUCE_MAX"),
    "REDUCE_MIN": reduced("REDUCE_MIN"),
    "ARG_MAX": lambda b, x: arg(b, "ARG_MAX", x, -1),
    "ARG_MIN": lambda b, x: arg(b, "ARG_MIN", x, -1),
    "RESIZE_BILINEAR": resized,
    "TRANSPOSE_CONV": transposed,
    "BATCH_MATMUL": product,
    "REVERSE_V2": lambda b, x: reverse_v2(b, x, [1, 2]),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent,
    "SVDF": filtered,
}
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
ARGS = ("ARG_MAX", "ARG_MIN")
QUANTIZED = [name for name in OPERATORS if name not in ARGS]


def model(name: str, tweak: Tweak) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 5, 5, 2), HALF)
    y = OPERATORS[name](b, x)
    b.graph.tensors[y].name = NAME.encode()
    tweak(b)
    return b.build([x], list(last(b).outputs))


def constant(position: int, values: Any, q: Q | None = None) -> Tweak:
    return replaced(position, np.array(values, np.int32), q)


def absent(position: int) -> Tweak:
    return inputs(lambda i: [*i[:position], -1, *i[position + 1 :]])


def present(position: int) -> Tweak:
    """An optional input that is there: the input once more."""
    return inputs(lambda i: [*i[:position], i[0], *i[position + 1 :]])


CASES: list[tuple[str, str, Tweak]] = [
    *[(name, "scale", tensor(-1, quantization=None)) for name in QUANTIZED],
    *[(name, "float32", tensor(-1, type=FLOAT)) for name in OPERATORS],
    *[(name, "int64", tensor(-1, type=INT64)) for name in OPERATORS],
    *[(name, "output shape", tensor(-1, shape=[1, 3, 7, 2])) for name in OPERATORS],
    *[(name, "inputs", inputs(lambda i: [*i, i[0], i[0]])) for name in OPERATORS],
    # Reductions.
    *[(name, "not int8", tensor(0, type=INT16)) for name in ("REDUCE_MAX", *ARGS)],
    ("SUM", "not int8", tensor(0, type=FLOAT)),
    ("SUM", "axes", constant(1, [1, 4])),
    ("SUM", "not constant", no_buffer(1)),
    *[
        (name, "different scales", tensor(-1, scale=[0.25]))
        for name in ("REDUCE_MAX", "REDUCE_MIN")
    ],
    ("REDUCE_MAX", "different scales", tensor(-1, zeroPoint=[4])),
    *[(name, "axis", constant(1, [4])) for name in ARGS],
    *[(name, "axis", constant(1, [1, 2])) for name in ARGS],
    *[(name, "int64", replaced(1, np.array(1, np.int64))) for name in ARGS],
    # Enlargements.
    ("RESIZE_BILINEAR", "sizes", constant(1, [10, 7, 1])),
    ("RESIZE_BILINEAR", "sizes", constant(1, [0, 7])),
    ("RESIZE_BILINEAR", "not constant", no_buffer(1)),
    ("RESIZE_BILINEAR", "different scales", tensor(-1, zeroPoint=[4])),
    ("RESIZE_BILINEAR", "both", option("alignCorners", True)),
    ("TRANSPOSE_CONV", "not constant", no_buffer(0)),
    ("TRANSPOSE_CONV", "not constant", no_buffer(1)),
    ("TRANSPOSE_CONV", "not constant", no_buffer(3)),
    ("TRANSPOSE_CONV", "output shape", constant(0, [1, 9, 9, 4])),
    ("TRANSPOSE_CONV", "do not lead", option("strideH", 1)),
    ("TRANSPOSE_CONV", "strides", option("strideW", 0)),
    ("TRANSPOSE_CONV", "padding", option("padding", 2)),
    ("TRANSPOSE_CONV", "fused activation 4", option("fusedActivationFunction", 4)),
    ("TRANSPOSE_CONV", "do not fit", replaced(1, weights(4, 3, 3, 3), HALF_0)),
    ("TRANSPOSE_CONV", "zero point other than 0", tensor(1, zeroPoint=[1])),
    ("TRANSPOSE_CONV", "bias", constant(3, [0] * 5)),
    # Matrix products.
    ("BATCH_MATMUL", "do not fit", option("adjX", True)),
    ("BATCH_MATMUL", "do not fit", option("adjY", True)),
    ("BATCH_MATMUL", "cannot be broadcast", replaced(1, weights(1, 3, 2, 3), HALF)),
    ("BATCH_MATMUL", "of rank 2 to 5", replaced(1, weights(2), HALF)),
    ("BATCH_MATMUL", "per channel", tensor(1, scale=[1, 2], zeroPoint=[0, 0])),
    ("BATCH_MATMUL", "constant inputs", inputs(lambda i: [i[1], i[1]])),
    ("BATCH_MATMUL", "scale ratio", tensor(1, scale=[1e20])),
    # What a bidirectional layer has beside it.
    ("REVERSE_V2", "not neighbours", constant(1, [0, 2])),
    ("REVERSE_V2", "not neighbours", constant(1, [1, 1])),
    ("REVERSE_V2", "axis 4", constant(1, [4])),
    ("REVERSE_V2", "not constant", no_buffer(1)),
    # LSTM: weights are inputs 1 to 8, biases 12 to 15, states 18 and 19.
    (LSTM, "fusedActivationFunction 0", option("fusedActivationFunction", 0)),
    (LSTM, "peepholes", present(9)),
    (LSTM, "projection", present(16)),
    (LSTM, "normalization", present(20)),
    (LSTM, "lacks input 1", absent(1)),
    (LSTM, "lacks input 12", absent(12)),
    (LSTM, "not a variable", tensor(18, isVariable=False)),
    (LSTM, "not a variable", tensor(19, isVariable=False)),
    (LSTM, "of type int8, not int16", tensor(19, type=INT8)),
    (LSTM, "not a power of two", tensor(19, scale=[0.3])),
    (LSTM, "not a power of two", tensor(19, scale=[8.0])),
    (LSTM, "shape", tensor(19, shape=[2, 4])),
    (LSTM, "weights", replaced(3, weights(4, 4), HALF_0)),
    (LSTM, "bias", constant(13, [0] * 5)),
    (
        LSTM,
        "per channel",
        tensor(2, scale=[1, 2, 3, 4], zeroPoint=[0] * 4, quantizedDimension=0),
    ),
    # SVDF: feature and time weights, bias, state.
    ("SVDF", "rank 3", option("rank", 3)),
    ("SVDF", "rank 0", option("rank", 0)),
    ("SVDF", "weights", replaced(1, weights(8, 49), HALF_0)),
    ("SVDF", "time weights", no_buffer(2)),
    ("SVDF", "not int16", tensor(4, type=INT8)),
    ("SVDF", "lacks input 3", absent(3)),
    ("SVDF", "another scale", tensor(3, scale=[1.0])),
    ("SVDF", "bias", constant(3, [0] * 5)),
    ("SVDF", "not a variable", tensor(4, isVariable=False)),
    ("SVDF", "shape", tensor(4, shape=[1, 25])),
]


@pytest.mark.parametrize("name", OPERATORS)
def test_the_operators_themselves_are_accepted(name: str) -> None:
    AotEngine().check(tflite.parse(model(name, lambda b: None)))


@pytest.mark.parametrize(
    ("name", "fragment", "tweak"), CASES, ids=[f"{n}-{f}-{i}" for i, (n, f, _) in enumerate(CASES)]
)
def test_refusals_name_the_operator(name: str, fragment: str, tweak: Tweak) -> None:
    graph = tflite.parse(model(name, tweak))
    with pytest.raises(OperatorError) as caught:
        AotEngine().check(graph)
    message = caught.value.message
    assert fragment in message
    index = len(graph.operators) - 1
    assert f"operator {index} {name} (output tensor '{NAME}')" in message


def test_an_enlargement_at_which_tflite_micro_reads_behind_the_image_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 1, 4, 1), HALF)
    y = resize_bilinear(b, x, (66, 4), False, False)
    with pytest.raises(OperatorError, match="enlarges 1 to 66 pixels"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


def test_an_int8_state_that_would_wrap_around_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 50), HALF)
    time = (np.ones((8, 3), np.int8), HALF_0)
    y = svdf(b, x, 2, (weights(8, 50), HALF_0), time, 0.5, ZEROS, HALF)
    tensor(4, zeroPoint=[1])(b)
    with pytest.raises(OperatorError, match="zero point other than 0"):
        AotEngine().check(tflite.parse(b.build([x], [y])))
