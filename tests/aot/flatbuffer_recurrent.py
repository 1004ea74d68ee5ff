"""Builds UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF; see flatbuffer_models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.aot.flatbuffer_models import Array, ModelBuilder, Q, options

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
    b.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], settings, 3)
    return y


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
    b.operator("SVDF", inputs, [y], settings, 4)
    return y
