"""Draws reductions."""

from __future__ import annotations

import functools

import numpy as np

from tests.aot import flatbuffer_models as fb
from tests.aot.flatbuffer_models import Q
from tests.aot.flatbuffer_reductions import arg
from tests.aot.models import Chain, Draw


def _start(c: Chain, dtype: type[np.generic] = np.int8) -> None:
    """An input of rank 1 to 5."""
    shape = [c.pick([1, c.whole(1, 5), c.size()]) for _ in range(c.whole(1, 5))]
    zero_point = c.zero_point() if dtype == np.int8 else 0
    c.start(shape, Q.tensor(2.0 ** c.real(-12, 3), zero_point), dtype)


def _reduce(name: str, dtype: type[np.generic], c: Chain) -> int:
    _start(c, dtype)
    rank = len(c.shape)
    axes = c.rng.integers(-rank, rank, c.whole(1, rank)).tolist()
    q = c.builder.q(c.last)
    if name in ("MEAN", "SUM"):
        count = 1 if name == "MEAN" else int(np.prod([c.shape[a] for a in axes]))
        # A sum may need as many octaves more as there are addends.
        octaves = c.pick([0.0, c.real(-2, 3), c.real(-12, 12)]) + c.real(0, np.log2(count))
        q = Q.tensor(q.scales[0] * 2.0**octaves, c.zero_point() if dtype == np.int8 else 0)
    return fb.reduce(c.builder, name, c.last, axes, c.chance(0.5), q)


def _arg(name: str, c: Chain) -> int:
    _start(c)
    return arg(c.builder, name, c.last, c.whole(-len(c.shape), len(c.shape) - 1))


DRAWS: dict[str, Draw] = {
    "MEAN int16": functools.partial(_reduce, "MEAN", np.int16),
    "SUM": functools.partial(_reduce, "SUM", np.int8),
    "SUM int16": functools.partial(_reduce, "SUM", np.int16),
    "REDUCE_MAX": functools.partial(_reduce, "REDUCE_MAX", np.int8),
    "REDUCE_MIN": functools.partial(_reduce, "REDUCE_MIN", np.int8),
    "ARG_MAX": functools.partial(_arg, "ARG_MAX"),
    "ARG_MIN": functools.partial(_arg, "ARG_MIN"),
}
