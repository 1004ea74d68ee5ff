"""Which Keras layers an operator does the work of: by name, verified by signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.base.arrays import Array, FloatArray
from host.diagnosis.align import words_of
from host.diagnosis.traces import sqnr_db
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
    """Every layer's output, in the model's order; empty for what is no functional model.

    Args:
        handle: a tf_keras or Keras 3 model.
        x: float32 [n, …].
    """
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
    found by its signal, which also finds layers that were renamed.

    Args:
        graph: the int8 model.
        floats: what the float model writes where ``graph`` has its tensors, [n, …] by index.
        layers: of the Keras model, run on the same samples.
    """
    position = {layer.name: i for i, layer in enumerate(layers)}
    found = {}
    taken: set[str] = set()
    for operator in graph.operators:
        index = operator.outputs[0]
        named = words_of(graph.tensors[index].name) & position.keys()
        same = _same_output(floats.get(index), layers, taken)
        matched = {same} if same else set()
        taken |= matched  # by name alone, a layer may be two operators' (dense, then softmax)
        found[operator.index] = tuple(sorted(named | matched, key=lambda name: position[name]))
    return found


def _same_output(values: Array | None, layers: Sequence[KerasLayer], taken: set[str]) -> str | None:
    if values is None:
        return None
    best, name = _SAME_DB, None
    for layer in layers:
        if layer.name in taken or layer.output[0].size != values[0].size:
            continue
        count = min(len(values), len(layer.output))
        wanted = layer.output[:count].reshape(count, -1).astype(np.float64)
        ratio = sqnr_db(wanted, values[:count].reshape(count, -1).astype(np.float64))
        if ratio is not None and ratio > best:
            best, name = ratio, layer.name
    return name
