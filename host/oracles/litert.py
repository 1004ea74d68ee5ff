"""LiteRT on the desktop."""

from __future__ import annotations

import numpy as np

from host.base.arrays import Array
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName
from host.oracles.running import first_line, run_samples, version


def run_litert(graph: Graph, x: Array, *, reference: bool = False) -> Column:
    """LiteRT on the desktop, with its default kernels or with its reference kernels.

    Raises:
        OracleError: it accepted the model and then failed.
    """
    name: ColumnName = "litert_reference" if reference else "litert"
    label = f"ai-edge-litert {version('ai-edge-litert')}" + (" reference" if reference else "")
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError as error:
        return Column(name, None, label, f"LiteRT is not installed: {error}")
    kinds = litert.OpResolverType
    try:
        runner = litert.Interpreter(
            model_content=graph.content,
            experimental_op_resolver_type=kinds.BUILTIN_REF if reference else kinds.AUTO,
        )
        runner.allocate_tensors()
    except Exception as error:  # RuntimeError, ValueError, and what damaged names lead to
        return Column(name, None, label, f"LiteRT refuses the model: {first_line(error)}")

    def infer(sample: Array) -> Array:
        runner.reset_all_variables()
        # Not by what LiteRT says of its tensors: it does not say it where a name is not UTF-8.
        runner.set_tensor(graph.inputs[0], sample)
        runner.invoke()
        return np.asarray(runner.get_tensor(graph.outputs[0]))

    return Column(name, run_samples(infer, graph, x, label), label)
