"""The executors on this machine: samples in, outputs out.

An executor that is missing, or that refuses the model, gives a column without outputs and with the
reason; no other takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from host.errors import ModelError, OracleError
from host.models.interface import input_codes
from host.models.source import FloatModel
from host.models.tflite import Graph, Tensor
from host.quiet import captured
from host.records import Array, Column, ColumnName, Dataset, FloatArray

# Quantized values, of the tensor's own type: int8, uint8 or int16.
CodeArray = npt.NDArray[np.integer[Any]]

# What the wheel raises where TFLM refuses a model; UnicodeDecodeError, for damaged names, is a
# ValueError.
_TFLM_ERRORS = (RuntimeError, ValueError, MemoryError)
_LARGEST_ARENA = 2**30


# --- quantized samples ------------------------------------------------------------------------


def quantize(values: Array, tensor: Tensor) -> CodeArray:
    """Codes of real values: round(x / scale) + zero point, clipped to the tensor's type.

    Halves round to even, as NumPy does in TensorFlow's own examples; in float64, so that the codes
    do not depend on the machine.
    """
    q = tensor.quantization
    assert q is not None  # check_graph has seen to it
    codes = np.round(values.astype(np.float64) / q.scale) + q.zero_point
    limits = np.iinfo(tensor.numpy_dtype)
    return np.clip(codes, limits.min, limits.max).astype(tensor.numpy_dtype)


def dequantize(codes: Array, tensor: Tensor) -> FloatArray:
    """Real values, float32, of codes: scale · (code − zero point)."""
    q = tensor.quantization
    assert q is not None
    return ((codes.astype(np.float64) - q.zero_point) * q.scale).astype(np.float32)


def quantize_samples(dataset: Dataset, graph: Graph) -> Array:
    """The samples as the model's input takes them, [n, …] of its type: codes, or real values.

    These are the very bytes that every executor of the .tflite gets.
    """
    tensor = graph.input
    if tensor.dtype == "float32":
        return real_samples(dataset, graph)
    return _spread(dataset.x, tensor) if dataset.raw else quantize(dataset.x, tensor)


def real_samples(dataset: Dataset, graph: Graph) -> FloatArray:
    """The samples as float32 [n, …], for Keras; raw ones by the scale of the input's codes."""
    if not dataset.raw:
        return dataset.x.astype(np.float32)
    codes = input_codes(graph)
    return dequantize(_spread(dataset.x, codes), codes)


def _spread(x: Array, tensor: Tensor) -> CodeArray:
    """Raw samples, int8, as codes of the tensor's type: from its least to its greatest."""
    limits = np.iinfo(tensor.numpy_dtype)
    codes = (x.astype(np.int32) + 128) * ((int(limits.max) - int(limits.min)) // 255)
    return (codes + limits.min).astype(tensor.numpy_dtype)


# --- columns ----------------------------------------------------------------------------------


def run_keras(source: FloatModel, dataset: Dataset, graph: Graph) -> Column:
    """Float outputs; a raw data set is dequantized as the .tflite model ``graph`` has it.

    Raises:
        OracleError: the model fails on these samples.
        ModelError: it computes NaN or infinity for some.
    """
    try:
        outputs = source.predict(real_samples(dataset, graph))
    except Exception as error:  # TensorFlow has its own tree of exceptions
        raise OracleError(f"Keras failed on {source.file.path}: {error}") from error
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if not finite.all():
        raise ModelError(
            f"{source.file.path} computes NaN or infinite outputs for {np.sum(~finite)} samples, "
            f"the first is sample {int(np.argmin(finite))}",
            "Look at the model's training and at the samples' range.",
        )
    return Column("keras", outputs, source.version)


def run_litert(graph: Graph, x: Array, *, reference: bool = False) -> Column:
    """LiteRT on the desktop, with its default kernels or with its reference kernels.

    Raises:
        OracleError: it accepted the model and then failed.
    """
    name: ColumnName = "litert_reference" if reference else "litert"
    label = f"ai-edge-litert {_version('ai-edge-litert')}" + (" reference" if reference else "")
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
        return Column(name, None, label, f"LiteRT refuses the model: {_first_line(error)}")

    def infer(sample: Array) -> Array:
        runner.reset_all_variables()
        # Not by what LiteRT says of its tensors: it does not say it where a name is not UTF-8.
        runner.set_tensor(graph.inputs[0], sample)
        runner.invoke()
        return np.asarray(runner.get_tensor(graph.outputs[0]))

    return Column(name, _run(infer, graph, x, label), label)


def run_tflm_host(graph: Graph, x: Array) -> Column:
    """TFLM on the host: what the device must equal, bit for bit.

    Raises:
        OracleError: it accepted the model and then failed.
    """
    label = f"tflite-micro {_version('tflite-micro')}"
    try:
        with captured() as texts:
            runner = tflm_interpreter(graph)
    except ImportError as error:
        return Column("tflm_host", None, label, f"tflite-micro is not installed: {error}")
    except _TFLM_ERRORS as error:
        # The exception does not say why; what TFLM wrote to stderr does.
        reason = " ".join(texts[0].split()) or _first_line(error)
        return Column("tflm_host", None, label, f"TFLM refuses the model: {reason[:300]}")

    def infer(sample: Array) -> Array:
        runner.reset()  # every inference begins without a memory of another
        runner.set_input(sample, 0)
        runner.invoke()
        return np.asarray(runner.get_output(0))

    return Column("tflm_host", _run(infer, graph, x, label), label)


def _run(infer: Callable[[Array], Array], graph: Graph, x: Array, label: str) -> Array:
    outputs = np.empty((len(x), *graph.output.shape[1:]), graph.output.numpy_dtype)
    try:
        for index in range(len(x)):
            outputs[index] = infer(np.ascontiguousarray(x[index : index + 1]))[0]
    except Exception as error:  # both libraries' own, and NumPy's where shapes do not fit
        raise OracleError(f"{label} failed on sample {index}: {_first_line(error)}") from error
    return outputs


# --- what only TFLM on the host tells ---------------------------------------------------------


def host_arena_bytes(graph: Graph) -> int | None:
    """Bytes of arena that TFLM uses on this machine; None where TFLM is absent or refuses.

    0.8 to 3 KB above what a 32-bit target needs (64-bit pointers): a safe first guess.
    """
    zeros = np.zeros(graph.input.shape, graph.input.numpy_dtype)
    try:
        with captured() as texts:
            runner = tflm_interpreter(graph)
            runner.set_input(zeros, 0)
            runner.invoke()
            runner.print_allocations()
    except (ImportError, *_TFLM_ERRORS):
        return None
    found = re.search(r"Arena allocation total (\d+) bytes", texts[0])
    return int(found.group(1)) if found else None


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


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
