"""Random int8 models of one to four operators, and inputs for them, from a seed.

Hypothesis draws only the seed: left to draw every parameter, it keeps close to what it has tried
before, and whole combinations (a dilation with a large image, a sum that just fails to clip) do not
come up in a few hundred models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tests.aot import flatbuffer_models as fb
from tests.aot.flatbuffer_models import ModelBuilder, Q, Windowed

Array = npt.NDArray[Any]
T = TypeVar("T")

MAX_ELEMENTS = 4000
RUNS = 4


@dataclass(frozen=True)
class DrawnModel:
    """A .tflite file, and inputs [RUNS, *shape] for each of its inputs."""

    content: bytes
    inputs: tuple[Array, ...]
    operators: tuple[str, ...]


class Chain:
    """A model that grows: each step takes the last tensor."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shape = (self.pick([1, 1, 1, 2]), self.size(), self.size(), self.size())
        q = Q.tensor(2.0 ** self.real(-12, 3), self.zero_point())
        self.start(shape, q)

    def start(self, shape: Sequence[int], q: Q | None, dtype: type[np.generic] = np.int8) -> None:
        """Begin (again) with an input of this kind."""
        self.builder = ModelBuilder()
        self.inputs = [self.builder.tensor(shape, q, dtype=dtype)]
        self.tensors = list(self.inputs)
        self.operators: list[str] = []

    @property
    def last(self) -> int:
        return self.tensors[-1]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.builder.shape(self.last)

    def like_last(self, tensor: int) -> bool:
        """Whether a tensor has the last one's shape and type."""
        same = self.builder.dtype(tensor) == self.builder.dtype(self.last)
        return same and self.builder.shape(tensor) == self.shape

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.rng.integers(len(values)))]

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return self.real(0, 1) < probability

    def size(self) -> int:
        return self.whole(1, 9)

    def zero_point(self) -> int:
        return self.pick([-128, 127, 0, *(self.whole(-128, 127) for _ in range(4))])

    def activation(self) -> int:
        return self.pick([0, 0, 0, 1, 2, 3])

    def near(self, tensor: int) -> Q:
        """A quantization whose scale is within a few octaves of a tensor's, mostly."""
        octaves = self.pick([0.0, self.real(-3, 3), self.real(-3, 3), self.real(-12, 12)])
        return Q.tensor(self.builder.q(tensor).scales[0] * 2.0**octaves, self.zero_point())

    def weighted(
        self, shape: tuple[int, ...], depth: int, channels: int, axis: int
    ) -> tuple[Array, Q, Array | None, Q]:
        """Weights, their scales, a bias or none, and the output's quantization.

        Sums mostly spread over the output's range; else everything clips, or nothing is left, or
        the multiplier exceeds 1. ``depth`` is how many products make a sum.
        """
        kind = self.pick(["any", "any", "small", "extreme"])
        if kind == "extreme":
            weights = self.rng.choice(np.array([-128, -127, 127], np.int8), shape)
        else:
            bound = {"any": 128, "small": 4}[kind]
            weights = self.rng.integers(-bound, bound, shape, dtype=np.int8)
        spread = {"any": 74, "small": 2.3, "extreme": 127}[kind] * 90 * depth**0.5
        base = self.real(-12, -2)
        count = self.pick([1, channels])
        wq = Q.symmetric([2.0 ** (base + self.real(-2, 2)) for _ in range(count)], axis)
        # log2 of the output's steps for each unit of a sum.
        usual = self.real(2, 7) - float(np.log2(spread))
        exponent = usual if self.chance(0.75) else self.pick([self.real(-34, -11), self.real(0, 9)])
        scale = self.builder.q(self.last).scales[0] * 2.0 ** (base - exponent)
        # Not beyond what float32 and its products hold.
        q = Q.tensor(min(max(scale, 2.0**-60), 2.0**60), self.zero_point())
        bias = None
        if self.chance(0.2):
            edges = np.array([-(2**31), 2**31 - 1, 2**30, -1, 0], np.int32)
            bias = self.rng.choice(edges, channels)
        elif self.chance(0.75):
            bias = self.rng.integers(-int(spread), int(spread) + 1, channels, dtype=np.int32)
        return weights, wq, bias, q

    def window(self, dilated: bool) -> Windowed:
        """A window that fits."""
        filter_size = (self.whole(1, 5), self.whole(1, 5))
        stride = (self.whole(1, 3), self.whole(1, 3))
        if self.chance(0.2):  # over the filter's size, often
            stride = (self.whole(1, 6), self.whole(1, 6))
        dilation = (1, 1)
        if dilated and self.chance(0.5):
            dilation = (self.whole(1, 3), self.whole(1, 3))
        padding, activation = self.pick([fb.SAME, fb.VALID]), self.activation()
        window = Windowed(filter_size, stride, dilation, padding, activation)
        if min(window.output(self.shape[1:3])) < 1:
            window = Windowed(filter_size, stride, dilation, fb.SAME, activation)
        return window


def _conv_2d(c: Chain) -> int:
    window = c.window(dilated=True)
    channels = c.shape[3]
    groups = c.pick([1, *(g for g in range(1, channels + 1) if channels % g == 0)])
    out = groups * c.whole(1, max(1, 9 // groups))
    shape = (out, *window.filter, channels // groups)
    weights, wq, bias, q = c.weighted(shape, int(np.prod(shape[1:])), out, 0)
    return fb.conv_2d(c.builder, c.last, window, weights, wq, bias, q)


def _depthwise_conv_2d(c: Chain) -> int:
    window = c.window(dilated=True)
    out = c.shape[3] * c.pick([1, 1, 2, 3, 4, 5, 6])
    shape = (1, *window.filter, out)
    weights, wq, bias, q = c.weighted(shape, int(np.prod(window.filter)), out, 3)
    return fb.depthwise_conv_2d(c.builder, c.last, window, weights, wq, bias, q)


def _fully_connected(c: Chain) -> int:
    keep = c.chance(0.5)
    depth = c.shape[-1] if keep else int(np.prod(c.shape[1:]))
    units = c.size()
    weights, wq, bias, q = c.weighted((units, depth), depth, units, 0)
    return fb.fully_connected(c.builder, c.last, weights, wq, bias, q, c.activation(), keep)


def _average_pool_2d(c: Chain) -> int:
    return fb.pool_2d(c.builder, "AVERAGE_POOL_2D", c.last, c.window(dilated=False))


def _max_pool_2d(c: Chain) -> int:
    return fb.pool_2d(c.builder, "MAX_POOL_2D", c.last, c.window(dilated=False))


def _mean(c: Chain) -> int:
    rank = len(c.shape)
    axes = c.rng.integers(-rank, rank, c.whole(1, rank)).tolist()
    # Without, a mean over all axes would be a scalar, for which no other operator has a use.
    keep = c.chance(0.5) or len({a % rank for a in axes}) == rank
    return fb.reduce(c.builder, "MEAN", c.last, axes, keep, c.near(c.last))


def _add(c: Chain) -> int:
    kind = c.pick(["self", "earlier", "input", "constant", "broadcast", "broadcast"])
    if kind == "self":
        other = c.last
    elif kind == "earlier":
        other = c.pick([t for t in c.tensors if c.like_last(t)])
    elif kind == "input":
        other = c.builder.tensor(c.shape, c.near(c.last))
        c.inputs.append(other)
    else:
        shape = c.shape
        if kind == "broadcast":
            shape = tuple(c.pick([1, n]) for n in shape)[c.whole(0, len(shape) - 1) :]
        other = c.builder.constant(c.rng.integers(-128, 128, shape, np.int8), c.near(c.last))
    left, right = (c.last, other) if c.chance(0.5) else (other, c.last)
    larger = max(c.builder.q(left).scales[0], c.builder.q(right).scales[0])
    q = Q.tensor(larger * 2.0 ** c.pick([c.real(-1, 2), c.real(-8, 6)]), c.zero_point())
    return fb.add(c.builder, left, right, q, c.activation())


def _pad(c: Chain) -> int:
    paddings = [(c.pick([0, 0, 1, 2]), c.pick([0, 0, 1, 3])) for _ in c.shape]
    return fb.pad(c.builder, c.last, paddings, c.builder.q(c.last))


def _reshape(c: Chain) -> int:
    size = int(np.prod(c.shape))
    first = c.pick([d for d in range(1, size + 1) if size % d == 0])
    rest = size // first
    second = c.pick([d for d in range(1, rest + 1) if rest % d == 0])
    image = (1, first, second, rest // second)
    shapes = [(first, rest), (1, first, rest), image, image, (*image[1:3], 1, image[3], 1)]
    return fb.reshape(c.builder, c.last, c.pick(shapes))


def _softmax(c: Chain) -> int:
    # Below beta · scale = 2^-26, TFLite-Micro aborts, and the test with it.
    if c.builder.q(c.last).scales[0] < 2.0**-23:
        return _reshape(c)
    return fb.softmax(c.builder, c.last, c.pick([1.0, 0.25, 1.7, 10.0]))


def _quantize(c: Chain) -> int:
    return fb.quantize(c.builder, c.last, c.near(c.last))


# Draws an operator: adds it to a model that has at least an input, and returns its output.
Draw = Callable[[Chain], int]

# Those that can follow any other: one int8 activation in, one out.
FOLLOWERS: dict[str, Draw] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _average_pool_2d,
    "MAX_POOL_2D": _max_pool_2d,
    "MEAN": _mean,
    "ADD": _add,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "QUANTIZE": _quantize,
}
_IMAGES = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"}


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
