"""The outputs of every operator: int8 by TFLM on the host, float by LiteRT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from host.errors import OracleError
from host.models.tflite import Graph
from host.oracles import tflm_interpreter
from host.records import Array


def tflm_tensors(graph: Graph, x: Array, tensors: Sequence[int]) -> dict[int, Array]:
    """What TFLM on the host writes into the given tensors.

    Args:
        graph: a model that TFLM runs.
        x: [n, …] of the input tensor's type.
        tensors: indices; each gives an array [n, *shape without batch].

    Raises:
        OracleError: TFLM is absent or refuses the model.
    """
    try:
        runner = tflm_interpreter(graph, preserve=True)
    except Exception as error:  # ImportError, and what the wheel raises on refusal
        raise OracleError(f"TFLM on the host cannot run the model: {error}") from error

    def infer(sample: Array) -> None:
        runner.set_input(sample, 0)
        runner.invoke()

    found = {i: np.empty((len(x), *graph.tensors[i].shape[1:]), _dtype(graph, i)) for i in tensors}
    for row in range(len(x)):
        infer(np.ascontiguousarray(x[row : row + 1]))
        for index, values in found.items():
            values[row] = np.asarray(runner.GetTensor(index, 0)["tensor_data"]).reshape(
                values.shape[1:]
            )
    return found


def litert_tensors(graph: Graph, x: Array, tensors: Sequence[int]) -> dict[int, Array]:
    """What LiteRT writes into the given tensors of a float model; otherwise as ``tflm_tensors``.

    Raises:
        OracleError: LiteRT is absent or refuses the model.
    """
    try:
        from ai_edge_litert import interpreter as litert

        runner = litert.Interpreter(
            model_content=graph.content, experimental_preserve_all_tensors=True
        )
        runner.allocate_tensors()
    except Exception as error:  # ImportError, RuntimeError, ValueError
        raise OracleError(f"LiteRT cannot run the float model: {error}") from error
    found = {i: np.empty((len(x), *graph.tensors[i].shape[1:]), _dtype(graph, i)) for i in tensors}
    for row in range(len(x)):
        runner.set_tensor(graph.inputs[0], np.ascontiguousarray(x[row : row + 1]))
        runner.invoke()
        for index, values in found.items():
            values[row] = runner.get_tensor(index).reshape(values.shape[1:])
    return found


def _dtype(graph: Graph, index: int) -> np.dtype[np.generic]:
    return graph.tensors[index].numpy_dtype
