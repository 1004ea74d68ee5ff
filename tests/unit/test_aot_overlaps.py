"""How far before its input an output must begin, to be laid over it: of windows and of copies."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engines.aot.core.ir import Struct
from host.engines.aot.core.strides import (
    StridedCopy,
    copied_whole,
    copy_lead,
    fused,
    loops_over,
    strides_of,
)
from host.engines.aot.core.window import output_and_padding, overlap_lead

AXES = ("height", "width")


@st.composite
def windows(draw: st.DrawFn) -> Struct:
    fields = {"batches": draw(st.integers(1, 2))}
    fields |= {f"{end}_channels": draw(st.integers(1, 4)) for end in ("input", "output")}
    padding = draw(st.integers(0, 1))
    for axis, pad in zip(AXES, ("pad_top", "pad_left"), strict=True):
        dilation, filter_size = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        stride = draw(st.integers(1, 5))
        least = 1 if padding == 0 else (filter_size - 1) * dilation + 1
        size = draw(st.integers(least, least + 7))
        fields[f"filter_{axis}"], fields[f"dilation_{axis}"] = filter_size, dilation
        fields[f"input_{axis}"], fields[f"stride_{axis}"] = size, stride
        fields[f"output_{axis}"], fields[pad] = output_and_padding(
            size, filter_size, stride, dilation, padding
        )
    return Struct(**fields)


def reads(w: dict[str, int]) -> list[set[int]]:
    """The elements that each output position reads, in the order of the positions."""
    shape = (w["batches"], w["input_height"], w["input_width"], w["input_channels"])
    images = np.arange(np.prod(shape)).reshape(shape)
    found = []
    for number in range(w["batches"]):
        for y in range(w["output_height"]):
            for x in range(w["output_width"]):
                rows, columns = (
                    [
                        at
                        for tap in range(w[f"filter_{axis}"])
                        if 0 <= (at := start + tap * w[f"dilation_{axis}"]) < w[f"input_{axis}"]
                    ]
                    for axis, start in (
                        ("height", y * w["stride_height"] - w["pad_top"]),
                        ("width", x * w["stride_width"] - w["pad_left"]),
                    )
                )
                found.append(set(images[number][np.ix_(rows, columns)].reshape(-1).tolist()))
    return found


def destroys(w: dict[str, int], lead: int, at_once: int, reads_first: bool) -> bool:
    """Whether a kernel would read what it has overwritten, where the output begins so early."""
    read = reads(w)
    written = 0
    for begin in range(0, len(read), at_once):
        step = set().union(*read[begin : begin + at_once])
        now = min(begin + at_once, len(read)) * w["output_channels"] - lead
        # Everything below `now` is overwritten when the step is done, or while it still reads.
        if any(element < (written if reads_first else now) for element in step):
            return True
        written = now
    return False


@settings(derandomize=True, deadline=None, max_examples=300)
@given(windows(), st.integers(1, 3), st.booleans())
def test_the_lead_is_the_least_that_destroys_nothing(
    shape: Struct, at_once: int, reads_first: bool
) -> None:
    w = {name: value for name, value in shape.fields.items() if isinstance(value, int)}
    lead = overlap_lead(shape, at_once, reads_first)
    assert lead >= 0
    assert not destroys(w, lead, at_once, reads_first)
    assert lead == 0 or destroys(w, lead - 1, at_once, reads_first)


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
def test_the_lead_of_a_copy_is_the_least_that_destroys_nothing(seed: int, width: int) -> None:
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
