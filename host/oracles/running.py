"""What the interpreters on this machine have in common."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError
from host.models.tflite import Graph


def run_samples(infer: Callable[[Array], Array], graph: Graph, x: Array, label: str) -> Array:
    """Outputs [n, …] of an interpreter, sample by sample.

    Args:
        infer: from a sample with batch size 1 to its outputs, also with one.
        graph: the model.
        x: [n, …] of the input's type.
        label: names the interpreter in messages.

    Raises:
        OracleError: it fails on a sample.
    """
    outputs = np.empty((len(x), *graph.output.shape[1:]), graph.output.numpy_dtype)
    try:
        for index in range(len(x)):
            outputs[index] = infer(np.ascontiguousarray(x[index : index + 1]))[0]
    except Exception as error:  # both libraries' own, and NumPy's where shapes do not fit
        raise OracleError(f"{label} failed on sample {index}: {first_line(error)}") from error
    return outputs


def version(package: str) -> str:
    """The version of an installed package, or "not installed"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def first_line(error: Exception) -> str:
    """The first line of an exception's message, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
