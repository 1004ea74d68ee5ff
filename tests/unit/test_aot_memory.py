"""The arena planner."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.engines.aot.lower import lower
from host.engines.aot.memory import ALIGNMENT, Lifetime, align, arena_bytes, place, plan
from host.models import tflite
from host.models.tflite import Graph
from host.records import ArenaBlock
from tests import flatbuffer_models as fb
from tests.flatbuffer_models import ModelBuilder, Q

lifetimes = st.builds(
    lambda nbytes, first, length: Lifetime(nbytes, first, first + length),
    st.integers(1, 2000),
    st.integers(0, 12),
    st.integers(0, 6),
)


def alive_together(a: Lifetime | ArenaBlock, b: Lifetime | ArenaBlock) -> bool:
    return a.first <= b.last and b.first <= a.last


def overlaps(blocks: tuple[ArenaBlock, ...]) -> list[tuple[int, int]]:
    """Pairs of tensors that share some bytes, but not all, while both are alive."""
    return [
        (a.tensor, b.tensor)
        for i, a in enumerate(blocks)
        for b in blocks[i + 1 :]
        if alive_together(a, b)
        and a.offset < b.offset + b.nbytes
        and b.offset < a.offset + a.nbytes
        and (a.offset, a.nbytes) != (b.offset, b.nbytes)
    ]


@given(st.lists(lifetimes, min_size=1, max_size=30))
def test_what_lives_together_does_not_overlap(wanted: list[Lifetime]) -> None:
    offsets = place(wanted)
    assert all(offset >= 0 and offset % ALIGNMENT == 0 for offset in offsets)
    for i, a in enumerate(wanted):
        for j in range(i):
            b = wanted[j]
            if alive_together(a, b):
                disjoint = (
                    offsets[i] + a.nbytes <= offsets[j] or offsets[j] + b.nbytes <= offsets[i]
                )
                assert disjoint, (a, offsets[i], b, offsets[j])


@given(st.lists(lifetimes, min_size=1, max_size=30))
def test_total_lies_between_the_largest_live_set_and_the_sum(wanted: list[Lifetime]) -> None:
    offsets = place(wanted)
    total = max(o + w.nbytes for o, w in zip(offsets, wanted, strict=True))
    live = max(
        sum(w.nbytes for w in wanted if w.first <= time <= w.last)
        for time in {w.first for w in wanted}
    )
    assert live <= total <= sum(align(w.nbytes) for w in wanted)


def blocks_of(content: bytes) -> tuple[Graph, dict[int, ArenaBlock]]:
    graph = tflite.parse(content)
    blocks = plan(graph, lower(graph))
    assert not overlaps(blocks)
    return graph, {block.tensor: block for block in blocks}


def test_a_chain_uses_two_blocks_in_turn() -> None:
    b = ModelBuilder()
    tensors = [b.tensor((1, 100), Q.tensor(0.5))]
    for _ in range(4):
        tensors.append(fb.quantize(b, tensors[-1], Q.tensor(0.5)))
    _, blocks = blocks_of(b.build(tensors[:1], tensors[-1:]))
    assert [blocks[t].offset for t in tensors] == [0, 112, 0, 112, 0]
    assert arena_bytes(tuple(blocks.values())) == 224
    assert [(blocks[t].first, blocks[t].last) for t in tensors] == [
        (0, 0),
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 3),
    ]


def test_reshapes_share_their_inputs_block_for_as_long_as_one_of_them_lives() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 64), Q.tensor(0.5))
    first = fb.reshape(b, x, (8, 8))
    second = fb.reshape(b, first, (1, 4, 4, 4))
    middle = fb.quantize(b, second, Q.tensor(0.5))
    y = fb.add(b, middle, second, Q.tensor(0.5))
    _, blocks = blocks_of(b.build([x], [y]))
    assert blocks[x].offset == blocks[first].offset == blocks[second].offset
    assert len({blocks[t].offset for t in (second, middle, y)}) == 3


def test_a_reshape_from_input_to_output_needs_one_block() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 64), Q.tensor(0.5))
    y = fb.reshape(b, x, (8, 8))
    _, blocks = blocks_of(b.build([x], [y]))
    assert arena_bytes(tuple(blocks.values())) == 64


def test_inputs_and_outputs_outlive_their_last_use() -> None:
    b = ModelBuilder()
    x, late = b.tensor((1, 16), Q.tensor(0.5)), b.tensor((1, 16), Q.tensor(0.5))
    early = fb.quantize(b, x, Q.tensor(0.5))
    middle = fb.quantize(b, early, Q.tensor(0.5))
    y = fb.add(b, middle, late, Q.tensor(0.5))
    _, blocks = blocks_of(b.build([x, late], [early, y]))
    assert (blocks[late].first, blocks[late].last) == (0, 2)
    assert (blocks[early].first, blocks[early].last) == (0, 2)
