"""The outputs of every operator: quantized by TFLM on the host, float by LiteRT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError
from host.models.feeds import Feed, single
from host.models.tflite import Graph
from host.oracles.tflm_host import tflm_interpreter


def tflm_written(
    graph: Graph, feeds: Sequence[Feed], tensors: Sequence[int]
) -> list[dict[int, Array]]:
    """What TFLM on the host writes into the given tensors, for each sample.

    Args:
        graph: a model that TFLM runs.
        feeds: the samples.
        tensors: indices; each gives an array of the tensor's full shape.

    Raises:
        OracleError: TFLM is absent, refuses the model, or fails on a sample.
    """
    return list(_tflm_samples(graph, feeds, tensors))


def _tflm_samples(
    graph: Graph, feeds: Sequence[Feed], tensors: Sequence[int]
) -> Iterator[dict[int, Array]]:
    try:
        runner = tflm_interpreter(graph, preserve=True)
    except Exception as error:  # ImportError, and what the wheel raises on refusal
        raise OracleError(f"TFLM on the host cannot run the model: {error}") from error
    try:
        for feed in feeds:
            runner.reset()  # every inference begins without a memory of another
            for number, value in enumerate(feed):
                runner.set_input(np.ascontiguousarray(value), number)
            runner.invoke()
            yield {i: _read(runner.GetTensor(i, 0), graph, i) for i in tensors}
    except Exception as error:  # the wheel's own, and NumPy's where shapes do not fit
        raise OracleError(f"TFLM on the host failed: {error}") from error


def tflm_tensors(graph: Graph, x: Array, tensors: Sequence[int]) -> dict[int, Array]:
    """What TFLM on the host writes into the given tensors of a model with one input.

    Args:
        graph: a model that TFLM runs.
        x: [n, …] of the input tensor's type.
        tensors: indices; each gives an array [n, *shape without batch].

    Raises:
        OracleError: TFLM is absent, refuses the model, or fails on a sample.
    """
    found = {i: np.empty((len(x), *graph.tensors[i].shape[1:]), _dtype(graph, i)) for i in tensors}
    for row, written in enumerate(_tflm_samples(graph, single(graph, x), tensors)):
        for index, values in found.items():
            values[row] = written[index].reshape(values.shape[1:])
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


def _read(given: dict[str, Array], graph: Graph, index: int) -> Array:
    """A tensor as the wheel gives it, in the shape that the file says."""
    tensor = graph.tensors[index]
    return np.array(given["tensor_data"], tensor.numpy_dtype).reshape(tensor.shape)


def _dtype(graph: Graph, index: int) -> np.dtype[np.generic]:
    return graph.tensors[index].numpy_dtype
