"""TFLite-Micro on the host: what the device must equal, bit for bit."""

import re
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from host.base import isolated
from host.base.arrays import Array
from host.base.errors import CrashError, OracleError, first_line
from host.base.quiet import captured
from host.base.versions import package_version
from host.models.feeds import Feed, single
from host.models.tflite import Graph
from host.oracles.columns import Column, run_samples

# What the wheel raises where TFLM refuses a model; UnicodeDecodeError, for damaged names, is a
# ValueError.
_TFLM_ERRORS = (RuntimeError, ValueError, MemoryError)
_LARGEST_ARENA = 2**30
# SOFTMAX of int8 divides by the sum of a row's exponentials. From here on it would shift by 32
# bits, and the wheel aborts instead.
_SOFTMAX_LIMIT = 512

P = ParamSpec("P")
T = TypeVar("T")


def alone(
    graphs: Sequence[Graph], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """``isolated.call`` of a function that runs the graphs: a strange model may crash the wheel.

    Raises:
        OracleError: it crashed; with the cause, where one is known.
    """
    try:
        return isolated.call(function, *args, **kwargs)
    except CrashError as error:
        for graph in graphs:
            for operator in graph.operators:
                values = graph.tensors[operator.inputs[0]].shape[-1:] if operator.inputs else ()
                if operator.name == "SOFTMAX" and values >= (_SOFTMAX_LIMIT,):
                    raise OracleError(
                        f"{error.message}: TFLM on the host aborts where the exponentials of a row "
                        f"add up to {_SOFTMAX_LIMIT} or more, as those of nearly equal values do, "
                        f"and {graph.describe(operator)} has rows of {values[0]}",
                        "Give samples that the model tells apart; or take SOFTMAX off its end, "
                        "which changes no prediction.",
                    ) from error
        raise


def run_tflm_host(graph: Graph, x: Array) -> Column:
    """TFLM on the host: what the device must equal, bit for bit.

    Raises:
        OracleError: it accepted the model and then failed.
    """
    label = f"tflite-micro {package_version('tflite-micro') or 'not installed'}"
    try:
        with captured() as texts:
            runner = tflm_interpreter(graph)
    except ImportError as error:
        return Column("tflm_host", None, label, f"tflite-micro is not installed: {error}")
    except _TFLM_ERRORS as error:
        # The exception does not say why; what TFLM wrote to stderr does.
        reason = " ".join(texts[0].split()) or first_line(error)
        return Column("tflm_host", None, label, f"TFLM refuses the model: {reason[:300]}")

    def infer(sample: Array) -> Array:
        runner.reset()  # every inference begins without a memory of another
        runner.set_input(sample, 0)
        runner.invoke()
        return np.asarray(runner.get_output(0))

    return Column("tflm_host", run_samples(infer, graph, x, label), label)


def tflm_written(
    graph: Graph, feeds: Sequence[Feed], tensors: Sequence[int]
) -> list[dict[int, Array]]:
    """What TFLM on the host writes into tensors, by index and in their full shape, for each sample.

    Raises:
        OracleError: TFLM is absent, refuses the model, or fails on a sample.
    """
    try:
        runner = tflm_interpreter(graph, preserve=True)
    except Exception as error:  # ImportError, and what the wheel raises on refusal
        raise OracleError(f"TFLM on the host cannot run the model: {error}") from error
    try:
        return [_written(runner, graph, feed, tensors) for feed in feeds]
    except Exception as error:  # the wheel's own, and NumPy's where shapes do not fit
        raise OracleError(f"TFLM on the host failed: {error}") from error


def _written(runner: Any, graph: Graph, feed: Feed, tensors: Sequence[int]) -> dict[int, Array]:
    runner.reset()  # every inference begins without a memory of another
    for number, value in enumerate(feed):
        runner.set_input(np.ascontiguousarray(value), number)
    runner.invoke()
    written = {}
    for index in tensors:
        tensor = graph.tensors[index]
        data = runner.GetTensor(index, 0)["tensor_data"]
        written[index] = np.array(data, tensor.numpy_dtype).reshape(tensor.shape)
    return written


def tflm_tensors(graph: Graph, x: Array, tensors: Sequence[int]) -> dict[int, Array]:
    """What TFLM on the host writes into tensors of a model with one input, by index, for samples
    [n, …] of its type: [n, *shape without batch].

    Raises:
        OracleError: TFLM is absent, refuses the model, or fails on a sample.
    """
    rows = tflm_written(graph, single(graph, x), tensors)
    shapes = {i: (len(x), *graph.tensors[i].shape[1:]) for i in tensors}
    return {i: np.stack([row[i] for row in rows]).reshape(shapes[i]) for i in tensors}


def host_arena_bytes(graph: Graph) -> int | None:
    """Bytes of arena that TFLM uses on this machine; None where TFLM is absent or refuses.

    0.8 to 3 KB above what a 32-bit target needs (64-bit pointers): a safe first guess.
    """
    try:
        with captured() as texts:
            tflm_interpreter(graph).print_allocations()
    except (ImportError, *_TFLM_ERRORS):
        return None
    total = re.search(r"Arena allocation total (\d+) bytes", texts[0])
    return int(total.group(1)) if total else None


def tflm_interpreter(graph: Graph, *, preserve: bool = False) -> Any:
    """The wheel's interpreter; with ``preserve`` it keeps every tensor for ``GetTensor``.

    Raises:
        ImportError: there is no wheel for this machine.
        RuntimeError, ValueError, MemoryError: TFLM refuses the model.
    """
    from tflite_micro import runtime

    kinds = runtime.InterpreterConfig
    # The wheel crashes the process where the arena is too small, so it gets room for every tensor
    # at once, twice, for the scratch buffers, and for its own records of tensors and operators.
    tensors = sum(t.nbytes + 4096 for t in graph.tensors if t.data is None)
    arena = 2 * tensors + len(graph.content) + 2**20
    if arena > _LARGEST_ARENA:
        raise MemoryError(f"its tensors need about {tensors} bytes")
    return runtime.Interpreter.from_bytes(
        graph.content,
        arena_size=arena,
        intrepreter_config=kinds.kPreserveAllTensors if preserve else kinds.kAllocationRecording,
    )
