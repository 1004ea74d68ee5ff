"""How far before its input an output must begin, to be laid over it: of windows and of copies."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.base.arrays import Array
from host.engines.aot.core.ir import Struct
from host.engines.aot.core.strides import Loop, StridedCopy, layout
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


def drawn(seed: int, width: int = 1) -> tuple[StridedCopy, Array, Array]:
    """A copy of part of a tensor that fills its output in order; and what both hold, in bytes."""
    chance = random.Random(seed)
    shape = [chance.choice((1, 2, 3, 5)) for _ in range(chance.randint(1, 4))]
    part = tuple(slice(chance.randrange(size), None, chance.choice((1, 1, 2))) for size in shape)
    turned = tuple(slice(None, None, chance.choice((1, 1, -1))) for _ in shape)
    order = list(range(len(shape)))
    if chance.random() < 0.3:
        chance.shuffle(order)
    view = layout(shape, width)[part][turned].transpose(order)
    copy = StridedCopy.between(view, layout(view.shape, width))
    count = int(np.prod(shape))
    data = np.random.default_rng(0).integers(0, 256, (*shape, width), np.uint8)
    moved = data[part][turned].transpose(*order, len(order))
    return copy, data.reshape(count * width), moved.reshape(-1)


def steps(copy: StridedCopy) -> list[tuple[int, int]]:
    """Where each run begins in the source and in the target, in bytes and in order."""
    return [
        (
            copy.source + sum(i * loop.source for i, loop in zip(index, copy.loops, strict=True)),
            copy.target + sum(i * loop.target for i, loop in zip(index, copy.loops, strict=True)),
        )
        for index in itertools.product(*(range(loop.size) for loop in copy.loops))
    ]


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("seed", range(200))
def test_a_copy_moves_what_the_view_shows_as_early_as_it_may(seed: int, width: int) -> None:
    copy, data, moved = drawn(seed, width)
    lead = copy.lead()
    assert right(copy, data, moved, lead)
    assert lead == 0 or not right(copy, data, moved, lead - 1)


def right(copy: StridedCopy, data: Array, moved: Array, lead: int) -> bool:
    """Whether an output that begins ``lead`` bytes before the input comes out as it should."""
    memory = np.zeros(lead + max(data.size, moved.size), np.uint8)
    memory[lead : lead + data.size] = data
    for source, target in steps(copy):
        run = memory[lead + source : lead + source + copy.run].copy()
        memory[target : target + copy.run] = run
    return bool(np.array_equal(memory[: moved.size], moved))


def test_neighbouring_dimensions_are_one_loop() -> None:
    whole = layout((2, 3, 4, 5))
    assert StridedCopy.between(whole, whole) == StridedCopy((), 120)
    rows = StridedCopy.between(whole[:, :, 1:3], layout((2, 3, 2, 5)))
    assert rows == StridedCopy((Loop(6, 20, 10),), run=10, source=5)
