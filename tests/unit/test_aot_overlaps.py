"""How far before its input a window operator's output must begin, to be laid over it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engines.aot.core.ir import Struct
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
