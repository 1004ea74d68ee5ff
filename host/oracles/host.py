"""Every executor of a .tflite model on this machine."""

from __future__ import annotations

from host.base.arrays import Array
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName
from host.oracles.litert import run_litert
from host.oracles.tflm_host import run_tflm_host


def host_columns(graph: Graph, x: Array) -> dict[ColumnName, Column]:
    """Run every executor of the .tflite model on this machine.

    Args:
        graph: the model.
        x: the samples as its input takes them, from ``quantize_samples``.

    Raises:
        OracleError: an executor accepted the model and then failed.
    """
    return {
        "litert": run_litert(graph, x),
        "litert_reference": run_litert(graph, x, reference=True),
        "tflm_host": run_tflm_host(graph, x),
    }
