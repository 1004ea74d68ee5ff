"""Which Keras layers an operator does the work of: by name, verified by signal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.base.arrays import Array, FloatArray
from host.diagnosis.comparison.align import words_of
from host.diagnosis.comparison.signals import sqnr_db
from host.models.tflite import Graph

# Samples that the layers are run on; and the SQNR above which two float tensors are the same.
LAYER_SAMPLES = 16
_SAME_DB = 40.0


@dataclass(frozen=True)
class KerasLayer:
    """A layer's name and its output, float32 [n, …], for the first ``LAYER_SAMPLES`` samples."""

    name: str
    output: FloatArray


def run_layers(handle: Any, x: FloatArray) -> tuple[KerasLayer, ...]:
    """Every layer's output for samples [n, …], in the order of the model, tf_keras or Keras 3;
    empty if it is not a functional model."""
    layers = [
        layer
        for layer in getattr(handle, "layers", [])
        if type(layer).__name__ != "InputLayer" and _single_output(layer)
    ]
    if not layers or not getattr(handle, "inputs", None):
        return ()
    # The class of the handle's own library: tf_keras and Keras 3 do not mix.
    library = next(c for c in type(handle).__mro__ if c.__name__ in ("Functional", "Model"))
    try:
        inner = library(handle.inputs, [layer.output for layer in layers])
        outputs = inner(x[:LAYER_SAMPLES], training=False)
    except Exception:  # a layer that is used twice, or nested, has no single output
        return ()
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return tuple(
        KerasLayer(layer.name, np.asarray(output, np.float32))
        for layer, output in zip(layers, outputs, strict=True)
    )


def _single_output(layer: Any) -> bool:
    try:
        return not isinstance(layer.output, list | tuple)
    except Exception:  # Keras raises AttributeError or ValueError where there is none
        return False


def layers_of(
    graph: Graph, floats: Mapping[int, Array], layers: Sequence[KerasLayer]
) -> dict[int, tuple[str, ...]]:
    """For each operator of ``graph``, the Keras layers that it does the work of, in their order.

    The names of fused layers stand in a tensor's name; the layer whose output is the operator's is
    recognized by its signal, which also works for layers that were renamed: ``floats`` is what the
    float model writes where ``graph`` has its tensors, [n, …] by index, for the same samples.
    """
    position = {layer.name: i for i, layer in enumerate(layers)}
    names = {}
    taken: set[str] = set()
    for operator in graph.operators:
        index = operator.outputs[0]
        named = words_of(graph.tensors[index].name) & position.keys()
        same = _same_output(floats.get(index), [x for x in layers if x.name not in taken])
        taken |= same  # by name alone, a layer may be two operators' (dense, then softmax)
        names[operator.index] = tuple(sorted(named | same, key=lambda name: position[name]))
    return names


def _same_output(values: Array | None, layers: Sequence[KerasLayer]) -> set[str]:
    """The name of the layer whose output these values are; empty where there is none."""
    ratios: dict[str, float] = {}
    for layer in layers:
        if values is not None and layer.output[0].size == values[0].size:
            count = min(len(values), len(layer.output))
            wanted, written = (
                x[:count].reshape(count, -1).astype(np.float64) for x in (layer.output, values)
            )
            ratios[layer.name] = sqnr_db(wanted, written) or 0.0
    best = max(ratios, key=lambda name: ratios[name], default=None)
    return {best} if best is not None and ratios[best] > _SAME_DB else set()
