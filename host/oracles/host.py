"""Every executor of a .tflite model on this machine."""

from collections.abc import Callable, Mapping
from functools import partial

from host.base.arrays import Array
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName
from host.oracles.litert import litert_tensors, run_litert
from host.oracles.tflm_host import run_tflm_host, tflm_tensors

EXECUTORS: Mapping[ColumnName, Callable[[Graph, Array], Column]] = {
    "litert": run_litert,
    "litert_reference": partial(run_litert, reference=True),
    "tflm_host": run_tflm_host,
}


def first_on_the_desktop(graph: Graph, x: Array) -> int | None:
    """The first operator whose output by LiteRT's reference kernels differs from TFLM's.

    Args:
        graph: the model.
        x: one sample as its input takes it, [1, …].

    Returns:
        Its index; None where no operator's output differs.

    Raises:
        OracleError: one of them is absent, refuses the model, or fails on the sample.
    """
    tensors = [index for operator in graph.operators for index in operator.outputs]
    theirs = litert_tensors(graph, x, tensors, reference=True)
    ours = tflm_tensors(graph, x, tensors)
    differing = (
        operator.index
        for operator in graph.operators
        if any(theirs[index].tobytes() != ours[index].tobytes() for index in operator.outputs)
    )
    return next(differing, None)


def host_columns(graph: Graph, x: Array) -> dict[ColumnName, Column]:
    """Run every executor on samples as the model's input takes them, from ``quantize_samples``.

    Raises:
        OracleError: an executor accepted the model and then failed.
    """
    return {name: run(graph, x) for name, run in EXECUTORS.items()}
