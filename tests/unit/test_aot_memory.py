"""The arena planner; outputs that lie over a dying input, or are the input itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.engines.aot import AotEngine
from host.engines.aot.lower import lower
from host.engines.aot.memory import Lifetime, arena_bytes, place, plan
from host.firmware.rendered import ALIGNMENT, ArenaBlock, aligned
from host.models import tflite
from host.models.tflite import Graph
from tests.aot import activations, binary, convolution, movement
from tests.aot.builder import ModelBuilder, Q, started
from tests.aot.views import HALF, VIEWS

lifetimes = st.builds(
    lambda nbytes, first, length: Lifetime(nbytes, first, first + length),
    st.integers(1, 2000),
    st.integers(0, 12),
    st.integers(0, 6),
)


def alive_together(a: Lifetime | ArenaBlock, b: Lifetime | ArenaBlock) -> bool:
    return a.first <= b.last and b.first <= a.last


def dense(b: ModelBuilder, x: int, units: int) -> int:
    """An operator that reads all of its input for every output, so that nothing can overlap."""
    weights = np.ones((units, int(np.prod(b.shape(x)))), np.int8)
    return convolution.fully_connected(b, x, weights, Q.tensor(0.1), None, Q.tensor(0.5))


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
    assert live <= total <= sum(aligned(w.nbytes) for w in wanted)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Lifetime], dict[tuple[int, int], int]]:
    """Lifetimes, and leads of some outputs over inputs that die where the outputs begin."""
    wanted = draw(st.lists(lifetimes, min_size=2, max_size=20))
    pairs = [
        (output, source)
        for output, a in enumerate(wanted)
        for source, b in enumerate(wanted)
        if output != source and a.first == b.last and b.first < a.first < a.last
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return wanted, {pair: draw(st.integers(0, 3000)) for pair in chosen}


@given(chains())
def test_an_output_begins_far_enough_before_the_input_it_is_laid_over(
    drawn: tuple[list[Lifetime], dict[tuple[int, int], int]],
) -> None:
    wanted, leads = drawn
    offsets = place(wanted, leads)
    for i, a in enumerate(wanted):
        for j, b in enumerate(wanted):
            if i == j or not alive_together(a, b):
                continue
            disjoint = offsets[i] + a.nbytes <= offsets[j] or offsets[j] + b.nbytes <= offsets[i]
            ahead = (i, j) in leads and offsets[i] + leads[i, j] <= offsets[j]
            behind = (j, i) in leads and offsets[j] + leads[j, i] <= offsets[i]
            assert disjoint or ahead or behind


def test_leads_save_memory() -> None:
    # 100 bytes become 100 others, twice; the second may trail the first by 16 bytes.
    wanted = [Lifetime(100, 0, 0), Lifetime(100, 0, 1), Lifetime(100, 1, 1)]
    total = [
        max(offset + 100 for offset in place(wanted, leads))
        for leads in ({}, {(1, 0): 16, (2, 1): 16}, {(1, 0): 0, (2, 1): 0})
    ]
    assert total == [212, 132, 100]


def blocks_of(content: bytes) -> dict[int, ArenaBlock]:
    graph = tflite.parse(content)
    return {block.tensor: block for block in plan(graph, lower(graph))}


def test_a_chain_uses_two_blocks_in_turn() -> None:
    b = ModelBuilder()
    tensors = [b.tensor((1, 100), Q.tensor(0.5))]
    for _ in range(4):
        tensors.append(dense(b, tensors[-1], 100))
    blocks = blocks_of(b.build(tensors[:1], tensors[-1:]))
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
    b, x = started((1, 64), Q.tensor(0.5))
    first = movement.reshape(b, x, (8, 8))
    second = movement.reshape(b, first, (1, 64))
    middle = dense(b, second, 64)
    y = binary.add(b, middle, second, Q.tensor(0.5))
    blocks = blocks_of(b.build([x], [y]))
    assert blocks[x].offset == blocks[first].offset == blocks[second].offset
    assert blocks[middle].offset != blocks[second].offset


def test_a_reshape_from_input_to_output_needs_one_block() -> None:
    b, x = started((1, 64), Q.tensor(0.5))
    y = movement.reshape(b, x, (8, 8))
    blocks = blocks_of(b.build([x], [y]))
    assert arena_bytes(tuple(blocks.values())) == 64


def test_inputs_and_outputs_outlive_their_last_use() -> None:
    b = ModelBuilder()
    x, late = b.tensor((1, 16), Q.tensor(0.5)), b.tensor((1, 16), Q.tensor(0.5))
    early = dense(b, x, 16)
    middle = dense(b, early, 16)
    y = binary.add(b, middle, late, Q.tensor(0.5))
    blocks = blocks_of(b.build([x, late], [early, y]))
    assert (blocks[late].first, blocks[late].last) == (0, 2)
    assert (blocks[early].first, blocks[early].last) == (0, 2)


def test_an_output_of_the_model_is_never_overwritten() -> None:
    b, x = started((1, 16), Q.tensor(0.5))
    early = dense(b, x, 16)
    y = binary.add(b, early, b.constant(np.zeros((1, 16), np.int8), Q.tensor(0.5)), Q.tensor(0.5))
    blocks = blocks_of(b.build([x], [early, y]))
    assert blocks[early].offset != blocks[y].offset


def arena(graph: Graph) -> int:
    return AotEngine().render(graph).arena_bytes


def test_a_chain_of_elementwise_operators_needs_one_tensor() -> None:
    b, x = started((1, 10, 10, 4), HALF)
    per_channel = b.constant(np.arange(4, dtype=np.int8), HALF)
    y = activations.unary(b, "RELU", x, HALF)
    y = binary.elementwise(b, "MUL", y, per_channel, HALF, 0)
    y = binary.elementwise(b, "SUB", per_channel, y, Q.tensor(1.0), 0)
    y = binary.elementwise(b, "ADD", y, y, HALF, 1)
    y = activations.unary(b, "LOGISTIC", y, Q.tensor(1 / 256, -128))
    graph = b.parsed([x], [y])
    assert len(lower(graph)) == 5
    assert arena(graph) == 400


def test_an_operand_that_is_still_needed_keeps_its_memory() -> None:
    b, x = started((1, 10, 10, 4), HALF)
    y = binary.elementwise(b, "MUL", activations.unary(b, "RELU", x, HALF), x, HALF, 0)
    assert arena(b.parsed([x], [y])) == 800


def test_an_operand_that_is_repeated_is_not_written_over() -> None:
    b, x = started((1, 1, 40), HALF)
    y = binary.elementwise(b, "MUL", x, b.constant(np.ones((5, 1), np.int8), HALF), HALF, 0)
    assert arena(b.parsed([x], [y])) >= 40 + 200


def test_a_slice_moves_down_within_its_input() -> None:
    b, x = started((1, 8, 10, 4), HALF)
    y = movement.slice_(b, x, [0, 2, 1, 0], [1, 6, 8, 4])
    assert arena(b.parsed([x], [y])) == 320


@pytest.mark.parametrize("name", VIEWS)
def test_what_moves_nothing_costs_nothing(name: str) -> None:
    b, x = started((1, 4, 1, 6), HALF)
    graph = b.parsed([x], [VIEWS[name](b, x)])
    (step,) = lower(graph)
    assert step.operator.name == name
    assert step.calls == ()
    assert arena(graph) == 32
