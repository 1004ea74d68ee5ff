"""Faults between the sample and the model, and of the library on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from host.base.arrays import Array
from host.models.tflite import Graph
from tests.planted import surgery
from tests.planted.workshop import Case, Pair, Workshop, shared

ORDER, OFFSET, SCALE, OLD_TFLM = (
    "input-channel-order",
    "input-offset",
    "input-scale",
    "tflm-per-channel-dense",
)


def _deployed(network: str, change: Callable[[Array, Graph], Array]) -> Any:
    """A and B are one file; the deployment feeds it what ``change`` makes of the samples."""

    def make(workshop: Workshop, case: str) -> Pair:
        graph = workshop.healthy(network)
        fed = change(workshop.data(network)["x"], graph)
        return workshop.pair(case, network, graph, deployed=fed)

    return make


def _baked(network: str, change: Callable[[Graph], Graph], *, random: bool = False) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        b = change(workshop.healthy(network))
        return workshop.pair(case, network, b, random=random)

    return make


def _baked_into_shared(name: str, change: Callable[[Graph], Graph]) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        graph = shared(name)
        return workshop.patched(case, graph, change(graph), None)

    return make


# --- what is baked in -------------------------------------------------------------------------


def _first_weights_reversed(graph: Graph) -> Graph:
    """The first convolution as if it had been trained with the channels in reverse order."""
    weights = surgery.weights_of(graph, 0)
    assert weights.data is not None
    return surgery.with_constant(graph, weights, weights.data[..., ::-1])


def _input_range(factor: float, shift: int) -> Callable[[Graph], Graph]:
    """Another meaning of the input's codes; biases agree with it, as a converter's would."""

    def change(graph: Graph) -> Graph:
        q = surgery.quantization(graph.input)
        point = q.zero_point + shift
        return surgery.with_consistent_range(graph, graph.input, q.scale * factor, point)

    return change


def _first_bias_moved(graph: Graph) -> Graph:
    """The first dense layer as if every input code were one more: bias + the sum of its weights."""
    first = surgery.find(graph, "FULLY_CONNECTED").index
    weights, bias = surgery.weights_of(graph, first), surgery.bias_of(graph, first)
    assert weights.data is not None and bias.data is not None
    moved = bias.data + weights.data.astype(np.int32).sum(axis=1)
    return surgery.with_constant(graph, bias, moved)


# --- an old TFLM ------------------------------------------------------------------------------


def _old_tflm(network: str, operator: int | None) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        old = surgery.with_first_scale(workshop.healthy(network))
        return workshop.run_folder(case, network, old, operator)

    return make


CASES = (
    Case(
        "residual-channels-swapped",
        ORDER,
        _deployed("residual", lambda x, _: x[..., ::-1]),
    ),
    Case("residual-channels-swapped-inside", ORDER, _baked("residual", _first_weights_reversed)),
    Case(
        "ic-channels-swapped-inside",
        ORDER,
        _baked_into_shared("mlperf_ic_int8.tflite", _first_weights_reversed),
    ),
    Case(
        "perceptron-offset-of-one-step",
        OFFSET,
        _deployed("perceptron", lambda x, graph: x + surgery.quantization(graph.input).scale),
    ),
    Case(
        "logits-offset-of-one-step",
        OFFSET,
        _deployed("logits", lambda x, graph: x - surgery.quantization(graph.input).scale),
    ),
    Case(
        "residual-zero-point-moved", OFFSET, _baked("residual", _input_range(1.0, 1), random=True)
    ),
    Case(
        "kws-zero-point-moved",
        OFFSET,
        _baked_into_shared("mlperf_kws_int8.tflite", _input_range(1.0, 1)),
    ),
    Case("perceptron-offset-inside", OFFSET, _baked("perceptron", _first_bias_moved)),
    Case("separable-normalized-twice", SCALE, _deployed("separable", lambda x, _: x / 255)),
    Case("perceptron-not-normalized", SCALE, _deployed("perceptron", lambda x, _: x * 255)),
    Case("separable-minus-one-to-one", SCALE, _deployed("separable", lambda x, _: 2 * x - 1)),
    Case(
        "residual-input-scale-inside",
        SCALE,
        _baked("residual", _input_range(2.0, 0), random=True),
    ),
    Case("perceptron-old-tflm", OLD_TFLM, _old_tflm("perceptron", None)),
    Case("separable-old-tflm", OLD_TFLM, _old_tflm("separable", 6)),
)
