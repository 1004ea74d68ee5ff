"""What lowering produces: operators as calls of kernels with known parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.models.tflite import Operator


@dataclass(frozen=True, eq=False)
class Constant:
    """A table for flash: ``values`` is int8 or int32, ``role`` what it is (``weights``, …)."""

    role: str
    values: npt.NDArray[Any]

    @property
    def data(self) -> bytes:
        """The table as it lies in the memory of a little-endian device."""
        return np.ascontiguousarray(
            self.values.astype(self.values.dtype.newbyteorder("<"))
        ).tobytes()


@dataclass(frozen=True)
class Struct:
    """A parameter struct of kernels.h. ``fields`` are in the order of its declaration."""

    fields: tuple[tuple[str, Value], ...]


Value = int | tuple[int, ...] | Constant | Struct


@dataclass(frozen=True)
class Call:
    """A kernel's call: a function and a parameter type of kernels.h, and its operands.

    Operands are tensor indices of activations, or constants (of ADD).
    """

    kernel: str
    type_name: str
    params: Struct
    operands: tuple[int | Constant, ...]


@dataclass(frozen=True)
class Lowered:
    """An operator, ready to be emitted. ``call`` is None where the output is the input (RESHAPE).

    ``inputs`` are the activations that it reads, ``output`` the one that it writes.
    """

    operator: Operator
    inputs: tuple[int, ...]
    output: int
    call: Call | None


def constants_of(lowered: Lowered) -> tuple[Constant, ...]:
    """The operator's constants, in the order in which they are emitted."""
    if lowered.call is None:
        return ()
    operands = tuple(o for o in lowered.call.operands if isinstance(o, Constant))
    return _constants_in(lowered.call.params) + operands


def _constants_in(value: Value) -> tuple[Constant, ...]:
    if isinstance(value, Constant):
        return (value,)
    if isinstance(value, Struct):
        return tuple(c for _, field in value.fields for c in _constants_in(field))
    return ()
