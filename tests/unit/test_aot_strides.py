"""How far an output may be laid over the input that the kernel ``copy`` still reads."""

import itertools
import random

import numpy as np
import pytest

from host.engines.aot.core.strides import (
    StridedCopy,
    copied_whole,
    copy_lead,
    fused,
    loops_over,
    strides_of,
)


def drawn(seed: int) -> tuple[StridedCopy, int, int]:
    """A copy of part of a tensor that fills its output in order, and the sizes of both."""
    chance = random.Random(seed)
    shape = [chance.choice((1, 2, 3, 5)) for _ in range(chance.randint(1, 4))]
    strides = strides_of(shape)
    kept, start = [], 0
    for size, stride in zip(shape, strides, strict=True):
        chosen = range(size)[chance.randrange(size) :: chance.choice((1, 1, 2, -1))]
        start += chosen[0] * stride
        kept.append((len(chosen), chosen.step * stride))
    if chance.random() < 0.3:
        chance.shuffle(kept)
    sizes, sources = [n for n, _ in kept], [stride for _, stride in kept]
    copy = StridedCopy(loops_over(sizes, sources), source=start)
    return copy, int(np.prod(shape)), int(np.prod(sizes))


def steps(copy: StridedCopy, fuse: bool) -> list[tuple[int, int, int]]:
    """Source, target and length of every run, in elements and in order."""
    loops, run = (fused(copy.loops) if fuse else list(copy.loops)), 1
    if fuse and loops and loops[-1].source == loops[-1].target == 1:
        run = loops.pop().size
    return [
        (
            copy.source + sum(i * loop.source for i, loop in zip(index, loops, strict=True)),
            copy.target + sum(i * loop.target for i, loop in zip(index, loops, strict=True)),
            run,
        )
        for index in itertools.product(*(range(loop.size) for loop in loops))
    ]


@pytest.mark.parametrize("seed", range(200))
def test_a_fused_copy_moves_the_same_elements(seed: int) -> None:
    copy, _, size = drawn(seed)
    plain = [(source, target) for source, target, _ in steps(copy, fuse=False)]
    runs = steps(copy, fuse=True)
    assert plain == [(s + i, t + i) for s, t, run in runs for i in range(run)]
    assert [target for _, target in plain] == list(range(size))
    assert copied_whole(copy, size) == all(source == target for source, target in plain)


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("seed", range(200))
def test_the_lead_is_the_least_that_destroys_nothing(seed: int, width: int) -> None:
    copy, input_size, output_size = drawn(seed)
    lead = copy_lead(copy, width)
    assert right(copy, width, input_size, output_size, lead)
    assert lead == 0 or not right(copy, width, input_size, output_size, lead - 1)


def right(copy: StridedCopy, width: int, input_size: int, output_size: int, lead: int) -> bool:
    """Whether an output that begins ``lead`` bytes before the input comes out as it should."""
    data = np.random.default_rng(0).integers(0, 256, input_size * width, np.uint8)
    memory = np.zeros(lead + max(input_size, output_size) * width, np.uint8)
    memory[lead : lead + data.size] = data
    expected = np.zeros(output_size * width, np.uint8)
    for source, target, run in steps(copy, fuse=True):
        moved = slice(source * width, (source + run) * width)
        into = slice(target * width, (target + run) * width)
        expected[into] = data[moved]
        memory[into] = memory[lead + moved.start : lead + moved.stop].copy()
    return bool(np.array_equal(memory[: expected.size], expected))
