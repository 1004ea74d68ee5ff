"""What engine ``aot`` refuses of recurrent layers."""

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.builder import ModelBuilder
from tests.aot.movement import reshape
from tests.aot.recurrent import lstm, svdf
from tests.aot.refusals import (
    HALF,
    HALF_0,
    INT8,
    Operators,
    Tweak,
    any_quantized,
    inputs,
    int32s,
    no_buffer,
    option,
    refusal_tests,
    replaced,
    tensor,
    weights,
)

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
ZEROS = np.zeros(4, np.int32)
FEATURES = (weights(8, 50), HALF_0)


def recurrent(b: ModelBuilder, x: int) -> int:
    from_input, from_output = [(weights(4, 5), HALF_0)] * 4, [(weights(4, 4), HALF_0)] * 4
    sequence = reshape(b, x, (1, 10, 5))
    return lstm(b, sequence, from_input, from_output, [ZEROS] * 4, 2.0**-12, HALF)


def filtered(b: ModelBuilder, x: int) -> int:
    time = (np.ones((8, 3), np.int16), HALF_0)
    return svdf(b, reshape(b, x, (1, 50)), 2, FEATURES, time, 0.5, ZEROS, HALF)


def absent(position: int) -> Tweak:
    return inputs(lambda i: [*i[:position], -1, *i[position + 1 :]])


def present(position: int) -> Tweak:
    """An optional input that is there: the input once more."""
    return inputs(lambda i: [*i[:position], i[0], *i[position + 1 :]])


OPERATORS: Operators = {LSTM: recurrent, "SVDF": filtered}
FOUR_SCALES = {"scale": [1, 2, 3, 4], "zeroPoint": [0] * 4, "quantizedDimension": 0}

test_recurrent_layers_are_accepted, test_others_are_refused = refusal_tests(
    OPERATORS,
    [
        *any_quantized(OPERATORS),
        # Weights are inputs 1 to 8, biases 12 to 15, states 18 and 19.
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
        (LSTM, "bias", int32s(13, [0] * 5)),
        (LSTM, "per channel", tensor(2, **FOUR_SCALES)),
        # Feature and time weights, bias, state.
        ("SVDF", "rank 3", option("rank", 3)),
        ("SVDF", "rank 0", option("rank", 0)),
        ("SVDF", "weights", replaced(1, weights(8, 49), HALF_0)),
        ("SVDF", "time weights", no_buffer(2)),
        ("SVDF", "not int16", tensor(4, type=INT8)),
        ("SVDF", "lacks input 3", absent(3)),
        ("SVDF", "another scale", tensor(3, scale=[1.0])),
        ("SVDF", "bias", int32s(3, [0] * 5)),
        ("SVDF", "not a variable", tensor(4, isVariable=False)),
        ("SVDF", "shape", tensor(4, shape=[1, 25])),
    ],
)


def test_an_int8_state_that_would_wrap_around_is_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 50), HALF)
    y = svdf(b, x, 2, FEATURES, (np.ones((8, 3), np.int8), HALF_0), 0.5, ZEROS, HALF)
    tensor(4, zeroPoint=[1])(b)
    with pytest.raises(OperatorError, match="zero point other than 0"):
        AotEngine().check(tflite.parse(b.build([x], [y])))
