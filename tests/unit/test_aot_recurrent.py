"""What engine ``aot`` refuses of recurrent layers."""

import numpy as np

from tests.aot import refusals as r
from tests.aot.builder import ModelBuilder, started
from tests.aot.movement import reshape
from tests.aot.recurrent import lstm, svdf

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
ZEROS = np.zeros(4, np.int32)
FEATURES = (r.weights(8, 50), r.HALF_0)


def recurrent(b: ModelBuilder, x: int) -> int:
    from_input, from_output = [(r.weights(4, 5), r.HALF_0)] * 4, [(r.weights(4, 4), r.HALF_0)] * 4
    sequence = reshape(b, x, (1, 10, 5))
    return lstm(b, sequence, from_input, from_output, [ZEROS] * 4, 2.0**-12, r.HALF)


def filtered(b: ModelBuilder, x: int) -> int:
    time = (np.ones((8, 3), np.int16), r.HALF_0)
    return svdf(b, reshape(b, x, (1, 50)), 2, FEATURES, time, 0.5, ZEROS, r.HALF)


def absent(position: int) -> r.Tweak:
    return r.inputs(lambda i: [*i[:position], -1, *i[position + 1 :]])


def present(position: int) -> r.Tweak:
    """An optional input that is there: the input once more."""
    return r.inputs(lambda i: [*i[:position], i[0], *i[position + 1 :]])


OPERATORS: r.Operators = {LSTM: recurrent, "SVDF": filtered}
FOUR_SCALES = {"scale": [1, 2, 3, 4], "zeroPoint": [0] * 4, "quantizedDimension": 0}

test_recurrent_layers_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *r.any_quantized(OPERATORS),
        # Weights are inputs 1 to 8, biases 12 to 15, states 18 and 19.
        (LSTM, "fusedActivationFunction 0", r.option("fusedActivationFunction", 0)),
        (LSTM, "peepholes", present(9)),
        (LSTM, "projection", present(16)),
        (LSTM, "normalization", present(20)),
        (LSTM, "lacks input 1", absent(1)),
        (LSTM, "lacks input 12", absent(12)),
        (LSTM, "not a variable", r.tensor(18, isVariable=False)),
        (LSTM, "not a variable", r.tensor(19, isVariable=False)),
        (LSTM, "of type int8, not int16", r.tensor(19, type=r.INT8)),
        (LSTM, "not a power of two", r.tensor(19, scale=[0.3])),
        (LSTM, "not a power of two", r.tensor(19, scale=[8.0])),
        (LSTM, "shape", r.tensor(19, shape=[2, 4])),
        (LSTM, "weights", r.replaced(3, r.weights(4, 4), r.HALF_0)),
        (LSTM, "bias", r.int32s(13, [0] * 5)),
        (LSTM, "per channel", r.tensor(2, **FOUR_SCALES)),
        # Feature and time weights, bias, state.
        ("SVDF", "rank 3", r.option("rank", 3)),
        ("SVDF", "rank 0", r.option("rank", 0)),
        ("SVDF", "weights", r.replaced(1, r.weights(8, 49), r.HALF_0)),
        ("SVDF", "time weights", r.no_buffer(2)),
        ("SVDF", "not int16", r.tensor(4, type=r.INT8)),
        ("SVDF", "lacks input 3", absent(3)),
        ("SVDF", "another scale", r.tensor(3, scale=[1.0])),
        ("SVDF", "bias", r.int32s(3, [0] * 5)),
        ("SVDF", "not a variable", r.tensor(4, isVariable=False)),
        ("SVDF", "shape", r.tensor(4, shape=[1, 25])),
    ],
)


def test_an_int8_state_that_would_wrap_around_is_refused() -> None:
    b, x = started((1, 50), r.HALF)
    y = svdf(b, x, 2, FEATURES, (np.ones((8, 3), np.int8), r.HALF_0), 0.5, ZEROS, r.HALF)
    r.tensor(4, zeroPoint=[1])(b)
    r.assert_refused(b, [x], [y], "zero point other than 0")
