"""What engine ``aot`` refuses, and that it says which operator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot import activations, movement, quantize
from tests.aot.builder import ModelBuilder
from tests.aot.refusals import (
    FLOAT,
    HALF,
    HALF_0,
    INT16,
    NAME,
    OPERATORS,
    Tweak,
    assert_refused,
    inputs,
    last,
    model,
    no_buffer,
    option,
    replaced,
    tensor,
    weights,
)

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
        (name, "constant inputs", replaced(0, weights(1, 5, 5, 2), HALF))
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
    ("FULLY_CONNECTED", "weightsFormat 1", option("weightsFormat", 1)),
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
    y = activations.softmax(b, x)
    with pytest.raises(
        OperatorError, match=r"operator 0 SOFTMAX .* input 'in' of type float32"
    ) as e:
        AotEngine().check(tflite.parse(b.build([x], [y])))
    assert "inference_input_type" in e.value.hint


def test_an_input_that_nobody_reads_must_have_a_type_that_the_wire_has() -> None:
    b = ModelBuilder()
    x, unused = b.tensor((1, 4), HALF), b.tensor((1, 4), None, dtype=np.int64, name="spare")
    y = quantize.quantize(b, x, HALF)
    with pytest.raises(OperatorError, match="the model's input 'spare' is int64"):
        AotEngine().check(tflite.parse(b.build([x, unused], [y])))


def test_a_rank_that_the_wire_cannot_carry_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 1, 1, 1, 1, 1, 4), HALF)
    y = movement.reshape(b, x, (1, 4))
    with pytest.raises(OperatorError, match="shape"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


def test_operators_out_of_order_are_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    middle = quantize.quantize(b, x, HALF)
    y = quantize.quantize(b, middle, HALF)
    b.graph.operators.reverse()
    with pytest.raises(OperatorError, match=r"operator 0 QUANTIZE .* reads 't1' before"):
        AotEngine().check(tflite.parse(b.build([x], [y])))


def test_an_output_that_nobody_writes_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), HALF)
    quantize.quantize(b, x, HALF)
    lost = b.tensor((1, 4), HALF, name="lost")
    with pytest.raises(OperatorError, match="no operator writes the model's output 'lost'"):
        AotEngine().check(tflite.parse(b.build([x], [lost])))
