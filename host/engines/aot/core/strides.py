"""Walks over tensors: what a kernel reads and writes, step by step, with as few loops as it can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.engines.aot.core.ir import Call, Constant, Struct
from host.engines.aot.core.operator_context import Site
from host.models.tflite import Tensor

# The types that most of TFLite-Micro's kernels move.
MOVED = ("int8", "int16", "int32", "float32")
DIMS = 5  # kMaxDims of shapes.h


@dataclass(frozen=True)
class Dim:
    """One loop: its steps, and how far each goes on in a source and in a target, in elements."""

    size: int
    source: int
    target: int


@dataclass(frozen=True)
class Walk:
    """Nested loops, outermost first, and where they begin, in elements."""

    dims: tuple[Dim, ...]
    source: int = 0
    target: int = 0


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements between neighbours along each dimension of a dense tensor."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def fused(dims: Sequence[Dim]) -> list[Dim]:
    """The same walk without loops of one step, and with neighbours as one loop where they can."""
    result: list[Dim] = []
    for dim in dims:
        if dim.size == 1:
            continue
        if result:
            outer = result[-1]
            if (outer.source, outer.target) == (dim.source * dim.size, dim.target * dim.size):
                result[-1] = Dim(outer.size * dim.size, dim.source, dim.target)
                continue
        result.append(dim)
    return result


def filled(values: Sequence[int], fill: int) -> tuple[int, ...]:
    """One value for each dimension that a kernel walks, the missing ones in front."""
    return (fill,) * (DIMS - len(values)) + tuple(values)


def copied_whole(walk: Walk, size: int) -> bool:
    """True where the walk moves ``size`` elements, each to its own place."""
    dims = fused(walk.dims)
    begins = walk.source == walk.target == 0
    return begins and (dims == [Dim(size, 1, 1)] or (not dims and size == 1))


def copy_params(site: Site, walk: Walk, width: int) -> Struct:
    """The struct ``Copy`` for elements of ``width`` bytes.

    Raises:
        OperatorError: more loops than the kernel has.
    """
    loops, run = _runs(walk, width)
    if len(loops) > DIMS:
        raise site.refuse(f"moves elements along more than {DIMS} separate dimensions")
    return Struct(
        (
            ("sizes", filled([d.size for d in loops], 1)),
            ("input_strides", filled([d.source for d in loops], 0)),
            ("output_strides", filled([d.target for d in loops], 0)),
            ("input_offset", walk.source * width),
            ("output_offset", walk.target * width),
            ("run", run),
        )
    )


def copy_call(site: Site, operand: int | Constant, walk: Walk, y: Tensor) -> Call:
    """A call of the kernel ``copy``, which writes all or part of a tensor."""
    params = copy_params(site, walk, y.numpy_dtype.itemsize)
    return Call("copy", "Copy", params, (operand,), y.index)


def copy_lead(walk: Walk, width: int) -> int:
    """How many bytes before its input the output of the kernel ``copy`` must begin, at least.

    At every step, what is written so far must end before the first byte that is still to be read.
    """
    loops, run = _runs(walk, width)
    reads = _positions([d.size for d in loops], [d.source for d in loops]) + walk.source * width
    writes = _positions([d.size for d in loops], [d.target for d in loops]) + walk.target * width
    written = np.maximum.accumulate(writes + run)
    unread = np.minimum.accumulate(reads[::-1])[::-1]
    return max(0, int((written[:-1] - unread[1:]).max(initial=0)))


def _runs(walk: Walk, width: int) -> tuple[list[Dim], int]:
    """The loops over runs, with strides in bytes, and the bytes of a run."""
    loops, run = fused(walk.dims), 1
    if loops and loops[-1].source == loops[-1].target == 1:
        run = loops.pop().size
    return [Dim(d.size, d.source * width, d.target * width) for d in loops], run * width


def _positions(sizes: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Where each step of a walk is, in the order of the steps."""
    total = np.zeros(1, np.int64)
    for size, stride in zip(sizes, strides, strict=True):
        total = (total[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
    return total
