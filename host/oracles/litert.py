"""LiteRT on the desktop."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError, first_line
from host.base.versions import package_version
from host.models.tflite import Graph
from host.oracles.columns import Column, ColumnName, run_samples


def run_litert(graph: Graph, x: Array, *, reference: bool = False) -> Column:
    """LiteRT on the desktop, with its default kernels or with its reference kernels.

    Raises:
        OracleError: it accepted the model and then failed.
    """
    name: ColumnName = "litert_reference" if reference else "litert"
    label = f"ai-edge-litert {package_version('ai-edge-litert')}" + " reference" * reference
    try:
        runner = _interpreter(graph, reference=reference)
    except ImportError as error:
        return Column(name, None, label, f"LiteRT is not installed: {error}")
    except Exception as error:  # RuntimeError, ValueError, and what damaged names lead to
        return Column(name, None, label, f"LiteRT refuses the model: {first_line(error)}")

    def infer(sample: Array) -> Array:
        runner.reset_all_variables()
        # Not by what LiteRT says of its tensors: it does not say it where a name is not UTF-8.
        runner.set_tensor(graph.inputs[0], sample)
        runner.invoke()
        return np.asarray(runner.get_tensor(graph.outputs[0]))

    return Column(name, run_samples(infer, graph, x, label), label)


def litert_tensors(
    graph: Graph, x: Array, tensors: Sequence[int], *, reference: bool = False
) -> dict[int, Array]:
    """What LiteRT, or its reference kernels, write into tensors; otherwise as ``tflm_tensors``.

    Raises:
        OracleError: LiteRT is absent or refuses the model.
    """
    try:
        runner = _interpreter(graph, reference=reference, preserve=True)
    except Exception as error:  # ImportError, RuntimeError, ValueError
        raise OracleError(f"LiteRT cannot run the model: {error}") from error
    wanted = [graph.tensors[i] for i in tensors]
    written = {t.index: np.empty((len(x), *t.shape[1:]), t.numpy_dtype) for t in wanted}
    for row in range(len(x)):
        runner.set_tensor(graph.inputs[0], np.ascontiguousarray(x[row : row + 1]))
        runner.invoke()
        for index, values in written.items():
            values[row] = runner.get_tensor(index).reshape(values.shape[1:])
    return written


def _interpreter(graph: Graph, *, reference: bool = False, preserve: bool = False) -> Any:
    from ai_edge_litert import interpreter as litert

    kinds = litert.OpResolverType
    runner = litert.Interpreter(
        model_content=graph.content,
        experimental_op_resolver_type=kinds.BUILTIN_REF if reference else kinds.AUTO,
        experimental_preserve_all_tensors=preserve,
    )
    runner.allocate_tensors()
    return runner
