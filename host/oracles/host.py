"""Every executor of a .tflite model on this machine."""

from collections.abc import Callable, Mapping
from functools import partial

from host.base.arrays import Array
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName
from host.oracles.litert import run_litert
from host.oracles.tflm_host import run_tflm_host

EXECUTORS: Mapping[ColumnName, Callable[[Graph, Array], Column]] = {
    "litert": run_litert,
    "litert_reference": partial(run_litert, reference=True),
    "tflm_host": run_tflm_host,
}


def host_columns(graph: Graph, x: Array) -> dict[ColumnName, Column]:
    """Run every executor on samples as the model's input takes them, from ``quantize_samples``.

    Raises:
        OracleError: an executor accepted the model and then failed.
    """
    return {name: run(graph, x) for name, run in EXECUTORS.items()}
