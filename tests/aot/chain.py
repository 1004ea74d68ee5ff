"""What grows a random model, operator by operator."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tests.aot.builder import SAME, VALID, Array, ModelBuilder, Q, Windowed

T = TypeVar("T")
Dtype = type[np.generic]

# The largest size of a dimension, by rank.
_MOST = {1: 60, 2: 30, 3: 14, 4: 9, 5: 5}


class Chain:
    """A model that grows: each step takes the last tensor."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shape = (self.pick([1, 1, 1, 2]), self.size(), self.size(), self.size())
        q = Q.tensor(2.0 ** self.real(-12, 3), self.zero_point())
        self.start(shape, q)

    def start(self, shape: Sequence[int], q: Q | None, dtype: Dtype = np.int8) -> None:
        """Begin (again) with an input of this kind."""
        self.builder = ModelBuilder()
        self.inputs = [self.builder.tensor(shape, q, dtype=dtype)]
        self.tensors = list(self.inputs)
        self.operators: list[str] = []

    def begin(self, dtype: Dtype, least: int = 1, most: int = 5) -> None:
        """Begin with an input of this type, of any rank in between; sizes of 1 are frequent."""
        rank = self.whole(least, most)
        sizes = [self.pick([1, self.whole(1, n), self.whole(1, n)]) for n in [_MOST[rank]] * rank]
        self.start(sizes, self.q_of(dtype, 2.0 ** self.real(-12, 3)), dtype)

    def begin_int16(self, least: float = -18, most: float = 3, rank: int = 4) -> None:
        """Begin with an int16 input; images are sometimes so long that sums leave an int32."""
        shape = [self.pick([1, 1, 2]), *(self.whole(1, _MOST[rank]) for _ in range(rank - 1))]
        if rank == 4 and self.chance(0.15):
            shape = [1, *self.pick([(1, 700), (600, 1)]), self.whole(1, 4)]
        self.start(shape, Q.tensor(2.0 ** self.real(least, most)), np.int16)

    def q_of(self, dtype: Dtype, scale: float) -> Q:
        """Parameters that a tensor of this type may have: only int8 has a zero point."""
        return Q.tensor(scale, self.zero_point() if np.dtype(dtype) == np.int8 else 0)

    @property
    def last(self) -> int:
        return self.tensors[-1]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.builder.shape(self.last)

    def like_last(self, tensor: int) -> bool:
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
        padding, activation = self.pick([SAME, VALID]), self.activation()
        window = Windowed(filter_size, stride, dilation, padding, activation)
        if min(window.output(self.shape[1:3])) < 1:
            window = Windowed(filter_size, stride, dilation, SAME, activation)
        return window


# Draws an operator: adds it to a model that has at least an input, and returns its output.
Draw = Callable[[Chain], int]


def begun(draw: Draw, dtype: Dtype, least: int = 1, most: int = 5) -> Draw:
    """The same draw after an input of this type, of rank ``least`` to ``most``."""

    def begin_and_draw(c: Chain) -> int:
        c.begin(dtype, least, most)
        return draw(c)

    return begin_and_draw
