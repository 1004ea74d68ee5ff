"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF: built, and drawn at random."""

import functools
from collections.abc import Sequence

import numpy as np

from tests.aot.builder import Array, ModelBuilder, Q, options
from tests.aot.chain import Chain, Draw

TANH = 4


def lstm(
    b: ModelBuilder,
    x: int,
    from_input: Sequence[tuple[Array, Q]],
    from_output: Sequence[tuple[Array, Q]],
    biases: Sequence[Array],
    cell_scale: float,
    q: Q,
    time_major: bool = False,
    cell_clip: float = 0.0,
    output_q: Q | None = None,
) -> int:
    """Weights and biases of the gates: input, forget, cell, output. weights: [units, depth].

    ``q`` is the output state's, and the output's where that has none of its own.
    """
    units = biases[0].size
    first, second, _ = b.shape(x)
    batches = second if time_major else first
    y = b.tensor((first, second, units), output_q or q)
    hidden = b.tensor((batches, units), q)
    cell = b.tensor((batches, units), Q.tensor(cell_scale), dtype=np.int16)
    for state in (hidden, cell):
        b.graph.tensors[state].isVariable = True
    inputs = [x, *(b.constant(*w) for w in from_input), *(b.constant(*w) for w in from_output)]
    inputs += [-1] * 3
    scale = b.q(x).scales[0]
    for bias, (_, wq) in zip(biases, from_input, strict=True):
        inputs.append(b.constant(bias, Q.tensor(scale * wq.scales[0])))
    inputs += [-1, -1, hidden, cell, -1, -1, -1, -1]
    settings = options(
        "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=TANH,
        cellClip=cell_clip,
        timeMajor=time_major,
    )
    return b.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], settings, 3)


def svdf(
    b: ModelBuilder,
    x: int,
    rank: int,
    features: tuple[Array, Q],
    time: tuple[Array, Q],
    state_scale: float,
    bias: Array,
    q: Q,
    activation: int = 0,
) -> int:
    """features: [filters, depth]; time: [filters, memory], of the state's type; bias: [units]."""
    batches, _ = b.shape(x)
    weights, time_q = time
    y = b.tensor((batches, bias.size), q)
    kind = weights.dtype.type
    state = b.tensor((batches, weights.size), Q.tensor(state_scale), dtype=kind)
    b.graph.tensors[state].isVariable = True
    bias_q = Q.tensor(float(np.float32(state_scale) * np.float32(time_q.scales[0])))
    inputs = [x, b.constant(*features), b.constant(*time), b.constant(bias, bias_q), state]
    settings = options("SVDFOptions", rank=rank, fusedActivationFunction=activation)
    return b.operator("SVDF", inputs, [y], settings, 4)


def _lstm(c: Chain) -> int:
    batches, steps, depth, units = c.whole(1, 3), c.whole(1, 6), c.size(), c.size()
    time_major = c.chance(0.3)
    shape = (steps, batches) if time_major else (batches, steps)
    x_scale = 2.0 ** c.real(-9, -4)
    c.start((*shape, depth), Q.tensor(x_scale, c.zero_point()))
    # What comes out is within ±1; conversions give ranges up to that, here also others.
    q = Q.tensor(2.0 ** c.pick([-7.0, c.real(-9, -6), c.real(-14, 0)]), c.zero_point())
    # Gates that are near zero, spread over the sigmoids' range, or far beyond.
    spread = 2.0 ** c.pick([c.real(-2, 2), c.real(-2, 2), c.real(-9, 7)])
    from_input = [_weights(c, (units, depth), x_scale, spread) for _ in range(4)]
    from_output = [_weights(c, (units, units), q.scales[0], spread) for _ in range(4)]
    biases = [_lstm_bias(c, units, spread / (x_scale * wq.scales[0])) for _, wq in from_input]
    cell_scale = 2.0 ** c.pick([-15, -12, -11, -10, c.whole(-18, 2)])
    clip = c.pick([0.0, 0.0, c.real(0.1, 8), 10.0, 1e-6, cell_scale * c.whole(1, 32767)])
    gates = from_input, from_output, biases
    # The converter calibrates the output and its state apart from each other.
    output_q = c.pick([None, Q.tensor(q.scales[0] * 1.1, c.zero_point())])
    return lstm(c.builder, c.last, *gates, cell_scale, q, time_major, clip, output_q)


def _weights(c: Chain, shape: tuple[int, int], scale: float, spread: float) -> tuple[Array, Q]:
    """Weights whose products with codes of this scale sum up to about ``spread``."""
    values = c.rng.integers(-127, 128, shape, dtype=np.int8)
    if c.chance(0.2):
        values = c.rng.choice(np.array([-128, -127, 127], np.int8), shape)
    sums = 74 * 74 * shape[1] ** 0.5 * scale
    return values, Q.tensor(spread / sums * 2.0 ** c.real(-1, 1))


def _lstm_bias(c: Chain, units: int, most: float) -> Array:
    if c.chance(0.1):
        edges = np.array([-(2**31), 2**31 - 1, 2**30, -1, 0], np.int32)
        return c.rng.choice(edges, units)
    bound = int(min(most, 2**31 - 1)) + 1
    return c.rng.integers(-bound, bound, units, dtype=np.int32)


def _svdf(dtype: type[np.int8] | type[np.int16], c: Chain) -> int:
    batches, depth, units, rank = c.whole(1, 3), c.whole(1, 20), c.size(), c.whole(1, 4)
    memory, filters = c.whole(1, 6), units * rank
    info = np.iinfo(dtype)
    x_scale = 2.0 ** c.real(-9, 0)
    c.start((batches, depth), Q.tensor(x_scale, c.zero_point()))
    features = c.rng.integers(-127, 128, (filters, depth), dtype=np.int8)
    feature_scale = 2.0 ** c.real(-10, -4)
    # Activations and sums spread over the range of state and output, mostly.
    spread = x_scale * feature_scale * 74 * 74 * depth**0.5
    state_scale = spread / info.max * 2.0 ** c.pick([c.real(-2, 3), c.real(-2, 3), c.real(-12, 12)])
    time = c.rng.integers(info.min, info.max, (filters, memory), dtype, endpoint=True)
    # The bias must have its scale up to 1e-5, in TFLite-Micro's eyes.
    time_scale = 2.0 ** c.real(-20, -10)
    sums = state_scale * time_scale * (info.max * 0.58) ** 2 * rank**0.5
    q = Q.tensor(sums / 127 * 2.0 ** c.pick([c.real(-2, 3), c.real(-12, 12)]), c.zero_point())
    bound = int(info.max * 0.58) ** 2
    bias = c.rng.integers(-bound, bound, units, dtype=np.int32)
    if c.chance(0.1):
        bias = c.rng.choice(np.array([-(2**31), 2**31 - 1, -1], np.int32), units)
    return svdf(
        c.builder,
        c.last,
        rank,
        (features, Q.tensor(feature_scale)),
        (time, Q.tensor(time_scale)),
        float(np.float32(state_scale)),
        bias,
        q,
        c.activation(),
    )


DRAWS: dict[str, Draw] = {
    "SVDF": functools.partial(_svdf, np.int8),
    "SVDF int16": functools.partial(_svdf, np.int16),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
