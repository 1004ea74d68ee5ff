"""Where every tensor lies in the arena.

Greedy: one tensor after the other goes to the lowest offset at which it disturbs none that is alive
at the same time (Pisarchyk and Lee 2020, arXiv:2001.03288, section 5.2). An output may be laid over
an input that dies with its operator, as far as the kernel reads ahead of what it writes (Blacker,
Bridges and Hadfield 2020, arXiv:2010.01668). Which order is best is found by trying: first by size,
then with random exchanges.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from host.engines.aot.core.ir import Lowered
from host.firmware.rendered import ArenaBlock, aligned
from host.models.tflite import Graph

# Steps of the search, so that planning takes well under a second: tries · blocks².
_EFFORT = 300_000
_MOST_TRIES = 400


@dataclass(frozen=True)
class Lifetime:
    """Memory that is needed from operator ``first`` to operator ``last``, inclusive."""

    nbytes: int
    first: int
    last: int


# (output, input) → lead: the two may overlap where the output begins at least so many bytes before
# the input. Both are positions in a list of lifetimes.
Leads = Mapping[tuple[int, int], int]


def plan(graph: Graph, lowered: Sequence[Lowered]) -> tuple[ArenaBlock, ...]:
    """Blocks of all activations, and of scratch memory, whose tensor is ``scratch_key``.

    Model inputs are alive from operator 0, model outputs to the last one. What is another tensor in
    another shape has its offset.
    """
    roots, spans = _roots(lowered), _spans(graph, lowered)
    groups: dict[int, list[int]] = {}
    for key in spans:
        groups.setdefault(roots.get(key, key), []).append(key)
    # Tensors that share memory are alive from the first's beginning to the last's end.
    lifetimes = {
        root: Lifetime(
            graph.tensors[root].nbytes if root >= 0 else lowered[scratch_key(root)].scratch,
            min(spans[key][0] for key in keys),
            max(spans[key][1] for key in keys),
        )
        for root, keys in groups.items()
    }
    numbers = {root: number for number, root in enumerate(lifetimes)}
    offsets = place(list(lifetimes.values()), _leads(graph, lowered, lifetimes, roots, numbers))
    blocks = [
        ArenaBlock(
            key,
            graph.tensors[key].name if key >= 0 else "scratch",
            offsets[numbers[root]],
            lifetimes[root].nbytes,
            *spans[key],
        )
        for root, keys in groups.items()
        for key in keys
    ]
    return tuple(sorted(blocks, key=lambda block: block.tensor))


def scratch_key(position: int) -> int:
    """What stands for a tensor index in the block of an operator's scratch memory; and back."""
    return -1 - position


def place(lifetimes: Sequence[Lifetime], leads: Leads | None = None) -> list[int]:
    """An aligned offset for each, such that none disturbs another."""
    leads = leads or {}
    # Of equal sizes the last one first: an output begins before the input that it is laid over.
    order = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].nbytes, -i))
    best, total = _place_in(order, lifetimes, leads)
    largest_live = _largest_live(lifetimes) if not leads else 0
    tried = {tuple(order): (best, total)}
    chance = random.Random(0)
    for _ in range(min(_MOST_TRIES, _EFFORT // len(lifetimes) ** 2) if len(order) > 1 else 0):
        if total <= largest_live or len(tried) == math.factorial(len(order)):
            break
        trial = list(order)
        for _ in range(chance.choice((1, 1, 2, 4))):
            i, j = chance.randrange(len(trial)), chance.randrange(len(trial))
            trial[i], trial[j] = trial[j], trial[i]
        if (key := tuple(trial)) not in tried:
            tried[key] = _place_in(trial, lifetimes, leads)
        offsets, size = tried[key]
        if size <= total:
            order = trial
        if size < total:
            best, total = offsets, size
    return best


def _place_in(
    order: Sequence[int], lifetimes: Sequence[Lifetime], leads: Leads
) -> tuple[list[int], int]:
    """Offsets where blocks are placed in this order, and the size of all."""
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    for index in order:
        wanted = lifetimes[index]
        # Where the block must not begin: strictly between the two.
        closed = []
        for other in placed:
            life = lifetimes[other]
            if life.first > wanted.last or wanted.first > life.last:
                continue
            at = offsets[other]
            low, high = at - wanted.nbytes, at + life.nbytes
            if (index, other) in leads:
                low = max(low, at - leads[index, other])
            elif (other, index) in leads:
                high = min(high, at + leads[other, index])
            if low < high:
                closed.append((low, high))
        offset = 0
        for low, high in sorted(closed):
            if low < offset < high:
                offset = aligned(high)
        offsets[index] = offset
        placed.append(index)
    return offsets, max(o + life.nbytes for o, life in zip(offsets, lifetimes, strict=True))


def _largest_live(lifetimes: Sequence[Lifetime]) -> int:
    """The most bytes that are alive at one time; no plan without overlaps is smaller."""
    return max(
        sum(life.nbytes for life in lifetimes if life.first <= time <= life.last)
        for time in {life.first for life in lifetimes}
    )


def arena_bytes(blocks: Sequence[ArenaBlock]) -> int:
    """Size of the arena that holds these blocks."""
    return aligned(max(block.offset + block.bytes for block in blocks))


def _roots(lowered: Sequence[Lowered]) -> dict[int, int]:
    """For each tensor that is laid over another: the first of the chain."""
    roots: dict[int, int] = {}
    for step in lowered:
        if not step.calls:
            for output in step.outputs:
                roots[output] = roots.get(step.inputs[0], step.inputs[0])
    return roots


def _spans(graph: Graph, lowered: Sequence[Lowered]) -> dict[int, tuple[int, int]]:
    """First and last operator of the life of each activation, and then of scratch memory."""
    spans = dict.fromkeys(graph.inputs, (0, 0))
    for position, step in enumerate(lowered):
        for index in step.inputs:
            spans[index] = (spans[index][0], position)
        for index in step.outputs:
            spans[index] = (position, position)
    for index in graph.outputs:
        spans[index] = (spans[index][0], len(lowered) - 1)
    scratch = {scratch_key(i): (i, i) for i, step in enumerate(lowered) if step.scratch}
    return {**dict(sorted(spans.items())), **scratch}


def _leads(
    graph: Graph,
    lowered: Sequence[Lowered],
    lifetimes: Mapping[int, Lifetime],
    roots: Mapping[int, int],
    numbers: Mapping[int, int],
) -> dict[tuple[int, int], int]:
    """Which outputs may be laid over which inputs, by their numbers."""
    kept = {roots.get(index, index) for index in graph.outputs}
    leads: dict[tuple[int, int], int] = {}
    for position, step in enumerate(lowered):
        for tensor in step.overlaid:
            source = roots.get(tensor, tensor)
            if source in kept or lifetimes[source].last != position:
                continue
            pair = numbers[step.outputs[0]], numbers[source]
            leads[pair] = max(leads.get(pair, 0), step.lead)
    return leads
