"""Copies along strides: what a kernel reads and writes, step by step, in as few loops as it can."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.engines.aot.core.ir import Call, Constant, Struct
from host.engines.aot.core.operator_context import require
from host.models.tflite import Tensor

DIMS = 5  # kMaxDims of shapes.h


@dataclass(frozen=True)
class Loop:
    """Its steps, and how far each goes on in a source and in a target, in elements."""

    size: int
    source: int
    target: int


@dataclass(frozen=True)
class StridedCopy:
    """Nested loops, outermost first, and where they begin, in elements."""

    loops: Sequence[Loop]
    source: int = 0
    target: int = 0


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each dimension of a dense tensor."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def loops_over(
    sizes: Sequence[int], sources: Sequence[int], targets: Sequence[int] | None = None
) -> list[Loop]:
    """A loop for each dimension; without ``targets``, they fill a dense tensor in its order."""
    targets = strides_of(sizes) if targets is None else targets
    return [Loop(*values) for values in zip(sizes, sources, targets, strict=True)]


def fused(loops: Sequence[Loop]) -> list[Loop]:
    """The same steps without loops of one step, and with neighbours as one loop where they can."""
    result: list[Loop] = []
    for loop in loops:
        if loop.size == 1:
            continue
        if result:
            outer = result[-1]
            if (outer.source, outer.target) == (loop.source * loop.size, loop.target * loop.size):
                result[-1] = Loop(outer.size * loop.size, loop.source, loop.target)
                continue
        result.append(loop)
    return result


def filled(values: Sequence[int], fill: int, dims: int = DIMS) -> tuple[int, ...]:
    """One value for each dimension that a kernel has, the missing ones in front."""
    return (fill,) * (dims - len(values)) + tuple(values)


def copied_whole(copy: StridedCopy, size: int) -> bool:
    """True where ``size`` elements are copied, each to its own place."""
    loops = fused(copy.loops)
    begins = copy.source == copy.target == 0
    return begins and (loops == [Loop(size, 1, 1)] or (not loops and size == 1))


def copy_call(operand: int | Constant, copy: StridedCopy, y: Tensor) -> Call:
    """A call of the kernel ``copy``, which writes all or part of a tensor.

    Raises:
        RefusalError: more loops than the kernel has.
    """
    width = y.numpy_dtype.itemsize
    loops, run = _runs(copy, width)
    too_many = f"moves elements along more than {DIMS} separate dimensions"
    require(len(loops) <= DIMS, too_many)
    params = Struct(
        sizes=filled([loop.size for loop in loops], 1),
        input_strides=filled([loop.source for loop in loops], 0),
        output_strides=filled([loop.target for loop in loops], 0),
        input_offset=copy.source * width,
        output_offset=copy.target * width,
        run=run,
    )
    return Call("copy", "Copy", params, (operand,), y.index)


def copy_lead(copy: StridedCopy, width: int) -> int:
    """How many bytes before its input the output of the kernel ``copy`` must begin, at least.

    At every step, what is written so far must end before the first byte that is still to be read.
    """
    loops, run = _runs(copy, width)
    sizes = [loop.size for loop in loops]
    reads = _positions(sizes, [loop.source for loop in loops]) + copy.source * width
    writes = _positions(sizes, [loop.target for loop in loops]) + copy.target * width
    written = np.maximum.accumulate(writes + run)
    unread = np.minimum.accumulate(reads[::-1])[::-1]
    return max(0, int((written[:-1] - unread[1:]).max(initial=0)))


def _runs(copy: StridedCopy, width: int) -> tuple[list[Loop], int]:
    """The loops over runs, with strides in bytes, and the bytes of a run."""
    loops, run = fused(copy.loops), 1
    if loops and loops[-1].source == loops[-1].target == 1:
        run = loops.pop().size
    return [Loop(n.size, n.source * width, n.target * width) for n in loops], run * width


def _positions(sizes: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Where each step is, in the order of the steps."""
    total = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        total = (total[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
    return total
