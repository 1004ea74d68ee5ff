"""Faults of weights: granularity, other numbers, biases, batch normalization."""

from collections.abc import Callable
from typing import Any

import numpy as np

from host.models.tflite import Graph
from tests.planted import converting, surgery
from tests.planted.networks import fit
from tests.planted.workshop import IC, KWS, Case, Pair, Workshop, converted, patched

GRANULARITY = "weight-granularity"
WEIGHTS = "weights-differ"
BIAS = "bias-differs"
FOLDING = "batch-norm-folding"


def _another_seed(workshop: Workshop, case: str, network: str) -> Pair:
    """The whole model; also trained on the same samples, and as good."""
    return workshop.pair(case, network, workshop.healthy(network, seed=1))


def _patched_layer(workshop: Workshop, case: str, network: str, operator: int) -> Pair:
    """One layer's weights are from another seed; all activations' ranges stay."""
    graph, other = workshop.healthy(network), workshop.healthy(network, seed=1)
    b = surgery.with_layer_of(graph, other, operator)
    return workshop.pair(case, network, b, operator)


def _layer_of_another_seed(
    workshop: Workshop, case: str, network: str, layer: int, operator: int
) -> Pair:
    """The same in the float model, so that the ranges after it are others, too."""
    model = converting.load(workshop.keras(network))
    other = converting.load(workshop.keras(network, seed=1))
    model.layers[layer].set_weights(other.layers[layer].get_weights())
    content = converting.convert(model, workshop.samples(network))
    return workshop.pair(case, network, content, operator)


def _stale_checkpoint(workshop: Workshop, case: str, network: str) -> Pair:
    """A was trained for another epoch, of which B does not know."""
    plain = converting.load(workshop.keras(network))
    fit(plain, workshop.data(network), 1, 1e-3)
    newer = converting.convert(plain, workshop.samples(network))
    b = workshop.healthy(network)
    return workshop.pair(case, network, b, a=newer, keras=workshop.saved(case, plain))


def _rolled(operator: int) -> Callable[[Graph], Graph]:
    """A layer's output channels in another order."""

    def change(graph: Graph) -> Graph:
        weights = surgery.weights_of(graph, operator)
        assert weights.data is not None
        rolled = np.roll(weights.data, 1, surgery.quantization(weights).axis)
        return surgery.with_constant(graph, weights, rolled)

    return change


def _zeroed(operator: int) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        bias = surgery.bias_of(graph, operator)
        return surgery.with_constant(graph, bias, np.zeros(bias.shape))

    return change


def _without_bias(layer: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        kernel, bias = model.layers[layer].get_weights()
        model.layers[layer].set_weights([kernel, np.zeros_like(bias)])

    return change


def _bias_too_many(workshop: Workshop, case: str, network: str, layer: int, operator: int) -> Pair:
    """A has no bias in one layer (the converter drops zeros of dense layers), B has one."""
    model = converting.load(workshop.keras(network))
    _without_bias(layer)(model)
    a = converting.convert(model, workshop.samples(network))
    b = workshop.healthy(network)
    return workshop.pair(case, network, b, operator, a=a, keras=workshop.saved(case, model))


def _stale(*which: int, share: float) -> Callable[[Any], None]:
    """Moving statistics of the chosen normalizations (none: all) as if most of their updates had
    been lost: by that share still at the mean 0 and variance 1 that they begin with."""

    def change(model: Any) -> None:
        found = [x for x in model.layers if type(x).__name__ == "BatchNormalization"]
        for layer in [found[i] for i in which] or found:
            gamma, beta, mean, variance = layer.get_weights()
            mean, variance = (1 - share) * mean, (1 - share) * variance + share
            layer.set_weights([gamma, beta, mean, variance])

    return change


CASES = (
    Case.of("separable-per-tensor", GRANULARITY, converted, "separable", per_channel=False),
    Case.of("residual-per-tensor", GRANULARITY, converted, "residual", per_channel=False),
    Case.of(
        "logits-dense-per-tensor", GRANULARITY, converted, "logits", 5, per_channel_dense=False
    ),
    Case.of("residual-layer-of-another-seed", WEIGHTS, _patched_layer, "residual", 5),
    Case.of(
        "perceptron-layer-of-another-seed", WEIGHTS, _layer_of_another_seed, "perceptron", 3, 2
    ),
    Case.of("perceptron-another-seed", WEIGHTS, _another_seed, "perceptron"),
    Case.of("residual-another-seed", WEIGHTS, _another_seed, "residual"),
    Case.of("residual-stale-checkpoint", WEIGHTS, _stale_checkpoint, "residual"),
    Case.of("ic-channels-rolled", WEIGHTS, patched, IC, _rolled(8), 8),
    Case.of("kws-channels-rolled", WEIGHTS, patched, KWS, _rolled(4), 4),
    Case.of("residual-bias-zeroed", BIAS, patched, "residual", _zeroed(0), 0),
    Case.of("logits-bias-zeroed", BIAS, patched, "logits", _zeroed(5), 5),
    Case.of("separable-bias-zeroed", BIAS, patched, "separable", _zeroed(2), 2),
    Case.of("kws-bias-zeroed", BIAS, patched, KWS, _zeroed(6), 6),
    Case.of("residual-bias-lost", BIAS, converted, "residual", 0, change=_without_bias(1)),
    Case.of("perceptron-bias-lost", BIAS, converted, "perceptron", 2, change=_without_bias(3)),
    Case.of("perceptron-bias-too-many", BIAS, _bias_too_many, "perceptron", 3, 2),
    Case.of(
        "separable-one-norm-stale", FOLDING, converted, "separable", 2, change=_stale(2, share=0.5)
    ),
    Case.of(
        "separable-norms-stale", FOLDING, converted, "separable", None, change=_stale(share=0.3)
    ),
    Case.of("logits-one-norm-stale", FOLDING, converted, "logits", 1, change=_stale(1, share=0.5)),
)
