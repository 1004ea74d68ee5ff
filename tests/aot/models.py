"""Random int8 models of one to four operators, and inputs for them, from a seed.

Hypothesis draws only the seed: left to draw every parameter, it keeps close to what it has tried
before, and whole combinations (a dilation with a large image, a sum that just fails to clip) do not
come up in a few hundred models.
"""

from dataclasses import dataclass

import numpy as np

from tests.aot import (
    activations,
    batch_matmul,
    binary,
    convolution,
    movement,
    quantize,
    recurrent,
    reduction,
    upscaling,
)
from tests.aot.builder import Array
from tests.aot.chain import Chain, Draw

MAX_ELEMENTS = 4000
RUNS = 4


@dataclass(frozen=True)
class DrawnModel:
    """A .tflite file, and inputs [RUNS, *shape] for each of its inputs."""

    content: bytes
    inputs: tuple[Array, ...]
    operators: tuple[str, ...]


# Those that can follow any other: one int8 activation in, one out.
FOLLOWERS: dict[str, Draw] = {
    **convolution.FOLLOWERS,
    **reduction.FOLLOWERS,
    **binary.FOLLOWERS,
    **movement.FOLLOWERS,
    **activations.FOLLOWERS,
    **quantize.FOLLOWERS,
}
_IMAGES = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"}
# By the operator that is to be seen; "SPLIT int16" where there are several kinds.
DRAWS: dict[str, Draw] = {
    **FOLLOWERS,
    **activations.DRAWS,
    **batch_matmul.DRAWS,
    **binary.DRAWS,
    **convolution.DRAWS,
    **movement.DRAWS,
    **quantize.DRAWS,
    **recurrent.DRAWS,
    **reduction.DRAWS,
    **upscaling.DRAWS,
}


def drawn_model(name: str, first: Draw, seed: int) -> DrawnModel:
    """A model that begins with the operator ``name``, which ``first`` draws."""
    c = Chain(seed)
    for position in range(c.whole(1, 4)):
        names = [n for n in FOLLOWERS if len(c.shape) == 4 or n not in _IMAGES]
        chosen = c.pick(names)
        # Before the list is looked up: `first` may begin a new one.
        output = FOLLOWERS[chosen](c) if position else first(c)
        c.tensors.append(output)
        c.operators.append(chosen if position else name)
        ends = c.builder.dtype(c.last) != np.int8 or not c.shape
        if ends or int(np.prod(c.shape)) > MAX_ELEMENTS:
            break
    outputs = [c.last]
    if c.chance(0.3) and len(c.tensors) > 2:
        outputs.append(c.tensors[1])
    inputs = tuple(_inputs(c, i) for i in c.inputs)
    return DrawnModel(c.builder.build(c.inputs, outputs), inputs, tuple(c.operators))


def _inputs(c: Chain, index: int) -> Array:
    """Two of random values; one of extremes; one of the zero point or a constant extreme.

    Floats are spread beyond what int8 holds at a scale of 1/16.
    """
    shape, dtype = c.builder.shape(index), c.builder.dtype(index)
    if dtype == np.float32:
        return c.rng.normal(0, 5, (RUNS, *shape)).astype(np.float32)
    limits = np.iinfo(dtype)
    runs = c.rng.integers(limits.min, limits.max, (RUNS, *shape), dtype, endpoint=True)
    runs[2] = c.rng.choice(np.array([limits.min, limits.max], dtype), shape)
    zero_point = c.builder.q(index).zero_points[0]
    runs[3] = c.rng.choice(np.array([limits.min, limits.max, zero_point], dtype))
    return runs
