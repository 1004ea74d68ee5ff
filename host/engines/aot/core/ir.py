"""What lowering produces: operators as calls of kernels with known parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from host.base.arrays import Array
from host.models.tflite import Operator


@dataclass(frozen=True, eq=False)
class Constant:
    """A table for flash: its values, and what it is (``weights``, …)."""

    role: str
    values: Array

    @cached_property
    def data(self) -> bytes:
        """The table as it lies in the memory of a little-endian device."""
        return self.values.astype(self.values.dtype.newbyteorder("<")).tobytes()


class Struct:
    """A parameter struct of kernels.h. ``fields`` are in the order of its declaration."""

    def __init__(self, **fields: Value) -> None:
        self.fields = fields


Value = int | float | tuple[int, ...] | Constant | Struct


@dataclass(frozen=True)
class Call:
    """A kernel's call: ``aot::kernel(params, operands…, output[, scratch])``.

    ``kernel`` and ``type_name`` are a function and a parameter struct of kernels.h; operands are
    tensor indices of activations, or constants; ``output`` is a tensor index. Pointers have the
    tensors' element types, and int8_t where they are to the operator's scratch memory.
    """

    kernel: str
    type_name: str
    params: Struct
    operands: tuple[int | Constant, ...]
    output: int


@dataclass(frozen=True)
class Lowered:
    """An operator, ready to be emitted.

    ``inputs`` are the activations that it reads, ``outputs`` the tensors that it writes. Without
    calls its output is its first input, seen in another shape, and costs nothing. ``scratch`` is in
    bytes, and holds nothing from one operator to the next; every call gets it.

    The output may be laid over any of ``overlaid``, inputs that nobody needs afterwards: the kernel
    destroys nothing that it still has to read, as long as the output begins at least ``lead`` bytes
    before the input; 0 where both may begin at the same place.
    """

    operator: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: tuple[Call, ...]
    scratch: int = 0
    overlaid: tuple[int, ...] = ()
    lead: int = 0


def constants_of(lowered: Lowered) -> tuple[Constant, ...]:
    """The operator's constants, in the order in which they are emitted."""
    values = (value for call in lowered.calls for value in (call.params, *call.operands))
    return tuple(constant for value in values for constant in _constants_in(value))


def _constants_in(value: Value) -> tuple[Constant, ...]:
    if isinstance(value, Constant):
        return (value,)
    if isinstance(value, Struct):
        return tuple(c for field in value.fields.values() for c in _constants_in(field))
    return ()
