"""Faults between the sample and the model, and of the library on the device."""

from collections.abc import Callable

import numpy as np

from host.base.arrays import Array
from host.models.tflite import Graph
from tests.planted import surgery
from tests.planted.workshop import IC, KWS, Case, Pair, Workshop, patched

ORDER = "input-channel-order"
OFFSET = "input-offset"
SCALE = "input-scale"
OLD_TFLM = "tflm-per-channel-dense"


def _deployed(
    workshop: Workshop, case: str, network: str, change: Callable[[Array, Graph], Array]
) -> Pair:
    """A and B are one file; the deployment feeds it what ``change`` makes of the samples."""
    graph = workshop.healthy(network)
    fed = change(workshop.data(network)["x"], graph)
    return workshop.pair(case, network, graph, deployed=fed)


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


def _old_tflm(workshop: Workshop, case: str, network: str, operator: int | None) -> Pair:
    old = surgery.with_first_scale(workshop.healthy(network))
    return workshop.run_folder(case, network, old, operator)


CASES = (
    Case.of("residual-channels-swapped", ORDER, _deployed, "residual", lambda x, _: x[..., ::-1]),
    Case.of(
        "residual-channels-swapped-inside", ORDER, patched, "residual", _first_weights_reversed
    ),
    Case.of("ic-channels-swapped-inside", ORDER, patched, IC, _first_weights_reversed),
    Case.of(
        "perceptron-offset-of-one-step",
        OFFSET,
        _deployed,
        "perceptron",
        lambda x, graph: x + surgery.quantization(graph.input).scale,
    ),
    Case.of(
        "logits-offset-of-one-step",
        OFFSET,
        _deployed,
        "logits",
        lambda x, graph: x - surgery.quantization(graph.input).scale,
    ),
    Case.of(
        "residual-zero-point-moved", OFFSET, patched, "residual", _input_range(1.0, 1), random=True
    ),
    Case.of("kws-zero-point-moved", OFFSET, patched, KWS, _input_range(1.0, 1)),
    Case.of("perceptron-offset-inside", OFFSET, patched, "perceptron", _first_bias_moved),
    Case.of("separable-normalized-twice", SCALE, _deployed, "separable", lambda x, _: x / 255),
    Case.of("perceptron-not-normalized", SCALE, _deployed, "perceptron", lambda x, _: x * 255),
    Case.of("separable-minus-one-to-one", SCALE, _deployed, "separable", lambda x, _: 2 * x - 1),
    Case.of(
        "residual-input-scale-inside", SCALE, patched, "residual", _input_range(2.0, 0), random=True
    ),
    Case.of("perceptron-old-tflm", OLD_TFLM, _old_tflm, "perceptron", None),
    Case.of("separable-old-tflm", OLD_TFLM, _old_tflm, "separable", 6),
)
