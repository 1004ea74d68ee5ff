"""What each executor computed for every sample: the columns of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError, first_line
from host.models.tflite import Graph

ColumnName = Literal["keras", "litert", "litert_reference", "tflm_host", "device"]
COLUMNS: tuple[ColumnName, ...] = get_args(ColumnName)
COLUMN_LABELS: dict[ColumnName, str] = {
    "keras": "Keras",
    "litert": "LiteRT",
    "litert_reference": "LiteRT reference",
    "tflm_host": "TFLM on the host",
    "device": "Device",
}
COLUMN_MEANINGS: dict[ColumnName, str] = {
    "keras": "the Keras model that the int8 model was made from",
    "litert": "the int8 model, desktop kernels",
    "litert_reference": "the int8 model, desktop reference kernels",
    "tflm_host": "the oracle: the int8 model, TFLite-Micro's kernels",
    "device": "the int8 model, on the board",
}


@dataclass(frozen=True)
class Column:
    """The outputs of one executor for every sample, or the reason why there are none.

    ``outputs`` is [n, *output shape without batch]: float32 for Keras, else the model's output
    type. ``version`` names the executor and its version.
    """

    name: ColumnName
    outputs: Array | None
    version: str
    absent: str | None = None


NO_KERAS = "the model came as a ready .tflite; its Keras original was not given (--reference)"


def first_present(columns: Mapping[ColumnName, Column], *names: ColumnName) -> Column | None:
    """The first of the named columns that has outputs; None where none has."""
    return next((columns[name] for name in names if columns[name].outputs is not None), None)


def pack_columns(columns: Mapping[ColumnName, Column]) -> dict[str, Array]:
    """Columns as arrays for ``store``. Absent ones are left out: their reason may go away."""
    arrays: dict[str, Array] = {}
    for name, column in columns.items():
        if column.outputs is not None:
            arrays[name] = column.outputs
            arrays[f"{name}.version"] = np.array(column.version)
    return arrays


def unpack_column(arrays: Mapping[str, Array], name: ColumnName) -> Column | None:
    """The column of that name, or None where it was not stored."""
    if name not in arrays:
        return None
    return Column(name, arrays[name], str(arrays[f"{name}.version"]))


def run_samples(infer: Callable[[Array], Array], graph: Graph, x: Array, label: str) -> Array:
    """Outputs [n, …] of an interpreter, ``label``, for samples [n, …] of the input's type.

    ``infer`` goes from a sample with batch size 1 to its outputs, also with one.

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
