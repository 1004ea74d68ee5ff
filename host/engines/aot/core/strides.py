"""Copies between NumPy's views of two tensors: what a kernel reads and writes, in few loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from host.base.arrays import Array
from host.engines.aot.core.ir import Call, Constant, Struct
from host.engines.aot.core.operator_context import require
from host.models.tflite import Tensor

DIMS = 5  # kMaxDims of shapes.h
_ORIGIN = np.zeros(8, np.uint8)  # where every ``layout`` begins


def layout(shape: Sequence[int], width: int = 1) -> Array:
    """A dense tensor of elements of ``width`` bytes, to make views of. It has no memory: only where
    a view begins and its strides mean anything."""
    strides = [width * math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return as_strided(_ORIGIN[:width].view(f"V{width}"), tuple(shape), strides)


@dataclass(frozen=True)
class Loop:
    """Its steps, and how far each goes on in a source and in a target."""

    size: int
    source: int
    target: int


def fused(sizes: Sequence[int], sources: Sequence[int], targets: Sequence[int]) -> list[Loop]:
    """Nested loops, outermost first: none of one step, and neighbours as one where they can be."""
    result: list[Loop] = []
    for size, source, target in zip(sizes, sources, targets, strict=True):
        whole = size * source, size * target
        if size > 1 and result and (result[-1].source, result[-1].target) == whole:
            result[-1] = Loop(result[-1].size * size, source, target)
        elif size > 1:
            result.append(Loop(size, source, target))
    return result


def filled(values: Sequence[int], fill: int, dims: int = DIMS) -> tuple[int, ...]:
    """One value for each dimension that a kernel has, the missing ones in front."""
    return (fill,) * (dims - len(values)) + tuple(values)


@dataclass(frozen=True)
class StridedCopy:
    """Loops around runs of so many bytes, and where source and target begin; all in bytes."""

    loops: tuple[Loop, ...]
    run: int
    source: int = 0
    target: int = 0

    @classmethod
    def between(cls, source: Array, target: Array) -> StridedCopy:
        """From a view of one ``layout`` to a view of another; their shapes are equal."""
        loops, run = fused(source.shape, source.strides, target.strides), source.itemsize
        if loops and loops[-1].source == loops[-1].target == run:
            run *= loops.pop().size
        begins = (view.__array_interface__["data"][0] for view in (source, target))
        origin = _ORIGIN.__array_interface__["data"][0]
        return cls(tuple(loops), run, *(begin - origin for begin in begins))

    def call(self, operand: int | Constant, y: Tensor) -> Call:
        """A call of the kernel ``copy``, which writes all or part of a tensor.

        Raises:
            RefusalError: more loops than the kernel has.
        """
        too_many = f"moves elements along more than {DIMS} separate dimensions"
        require(len(self.loops) <= DIMS, too_many)
        params = Struct(
            sizes=filled([loop.size for loop in self.loops], 1),
            input_strides=filled([loop.source for loop in self.loops], 0),
            output_strides=filled([loop.target for loop in self.loops], 0),
            input_offset=self.source,
            output_offset=self.target,
            run=self.run,
        )
        return Call("copy", "Copy", params, (operand,), y.index)

    def lead(self) -> int:
        """How many bytes before its input the kernel's output must begin, at least.

        At every step, what is written so far must end before the first byte that is still to be
        read.
        """
        reads = self.source + _positions([(loop.size, loop.source) for loop in self.loops])
        writes = self.target + _positions([(loop.size, loop.target) for loop in self.loops])
        written = np.maximum.accumulate(writes + self.run)
        unread = np.minimum.accumulate(reads[::-1])[::-1]
        return max(0, int((written[:-1] - unread[1:]).max(initial=0)))


def _positions(loops: Sequence[tuple[int, int]]) -> Array:
    """Where each step is, in the order of the steps; of each loop the size and the stride."""
    total = np.zeros(1, np.int64)
    for size, stride in loops:
        total = (total[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
    return total
