"""Where every tensor lies in the arena.

Greedy by size: the largest tensors are placed first, each at the lowest offset at which no tensor
lies that is alive at the same time (Pisarchyk and Lee 2020, arXiv:2001.03288, section 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from host.engines.aot.ir import Lowered
from host.models.tflite import Graph
from host.records import ArenaBlock

ALIGNMENT = 16  # bytes; what vector loads of a Cortex-M55 want


@dataclass(frozen=True)
class Lifetime:
    """Memory that is needed from operator ``first`` to operator ``last``, inclusive."""

    nbytes: int
    first: int
    last: int


def plan(graph: Graph, lowered: Sequence[Lowered]) -> tuple[ArenaBlock, ...]:
    """Blocks of all activations, by tensor index. A RESHAPE's output has its input's offset.

    Model inputs are alive from operator 0, model outputs to the last one.
    """
    roots = _roots(lowered)
    spans = _spans(graph, lowered)
    groups: dict[int, list[int]] = {}
    for tensor in sorted(spans):
        groups.setdefault(roots.get(tensor, tensor), []).append(tensor)
    # Tensors that share memory are alive from the first's beginning to the last's end.
    lifetimes = [
        Lifetime(
            graph.tensors[members[0]].nbytes,
            min(spans[m][0] for m in members),
            max(spans[m][1] for m in members),
        )
        for members in groups.values()
    ]
    blocks = [
        ArenaBlock(
            tensor=member,
            name=graph.tensors[member].name,
            offset=offset,
            nbytes=lifetime.nbytes,
            first=spans[member][0],
            last=spans[member][1],
        )
        for members, lifetime, offset in zip(
            groups.values(), lifetimes, place(lifetimes), strict=True
        )
        for member in members
    ]
    return tuple(sorted(blocks, key=lambda block: block.tensor))


def place(lifetimes: Sequence[Lifetime]) -> list[int]:
    """An aligned offset for each, such that none overlap in both time and memory."""
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    by_size = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].nbytes, i))
    for index in by_size:
        wanted = lifetimes[index]
        taken = sorted(
            (offsets[other], offsets[other] + lifetimes[other].nbytes)
            for other in placed
            if lifetimes[other].first <= wanted.last and wanted.first <= lifetimes[other].last
        )
        offset = 0
        for start, end in taken:
            if offset + wanted.nbytes <= start:
                break
            offset = max(offset, align(end))
        offsets[index] = offset
        placed.append(index)
    return offsets


def align(nbytes: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def arena_bytes(blocks: Sequence[ArenaBlock]) -> int:
    """Size of the arena that holds these blocks."""
    return align(max(block.offset + block.nbytes for block in blocks))


def _roots(lowered: Sequence[Lowered]) -> dict[int, int]:
    """For each tensor that is laid over another: the first of the chain."""
    roots: dict[int, int] = {}
    for step in lowered:
        if step.call is None:
            roots[step.output] = roots.get(step.inputs[0], step.inputs[0])
    return roots


def _spans(graph: Graph, lowered: Sequence[Lowered]) -> dict[int, tuple[int, int]]:
    """First and last operator of each activation's life."""
    spans = dict.fromkeys(graph.inputs, (0, 0))
    for position, step in enumerate(lowered):
        for index in step.inputs:
            spans[index] = (spans[index][0], position)
        spans[step.output] = (position, position)
    end = len(lowered) - 1
    for index in graph.outputs:
        spans[index] = (spans[index][0], end)
    return spans
