"""Draws of operators that only move elements; see ``aot_models``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.aot import flatbuffer_movement as fm
from tests.aot.models import Chain

Kind = type[np.generic]
Move = Callable[[Chain], int]

_INDICES: list[Kind] = [np.int32, np.int64]
_MOST = {1: 60, 2: 30, 3: 14, 4: 9, 5: 5}


def begin(c: Chain, kind: Kind, least: int = 1, most: int = 5) -> None:
    """Begin with an input of this type, of any rank in between; sizes of 1 are frequent."""
    rank = c.whole(least, most)
    shape = [c.pick([1, c.whole(1, _MOST[rank]), c.whole(1, _MOST[rank])]) for _ in range(rank)]
    q = fm.scalar_q(kind, 2.0 ** c.real(-12, 3), c.zero_point())
    c.start(shape, q, kind)


def _axis(c: Chain, rank: int) -> int:
    return c.whole(-rank, rank - 1)


def _another(c: Chain, shape: tuple[int, ...]) -> int:
    """Another input of the model, a constant, or what is there already."""
    there = [t for t in c.tensors if c.builder.shape(t) == shape]
    if there and c.chance(0.3):
        return c.pick(there)
    if c.chance(0.5):
        c.inputs.append(fm.like(c.builder, c.last, shape))
        return c.inputs[-1]
    kind = c.builder.dtype(c.last)
    values = c.rng.integers(-128, 128, shape).astype(kind)
    return c.builder.constant(values, c.builder.q(c.last))


def _with_others(c: Chain, others: list[int]) -> list[int]:
    inputs = [c.last, *others]
    c.rng.shuffle(inputs)
    return [int(i) for i in inputs]


def _concatenation(c: Chain) -> int:
    axis = _axis(c, len(c.shape))
    others = []
    for _ in range(c.pick([0, 1, 1, 2, 3, 9])):
        shape = list(c.shape)
        shape[axis] = c.pick([shape[axis], c.whole(1, 6)])
        others.append(_another(c, tuple(shape)))
    return fm.concatenation(c.builder, _with_others(c, others), axis)


def _pack(c: Chain) -> int:
    others = [_another(c, c.shape) for _ in range(c.whole(0, 4))]
    return fm.pack(c.builder, _with_others(c, others), _axis(c, len(c.shape) + 1))


def _one_of(c: Chain, outputs: list[int]) -> int:
    """Operators that follow may use the others too."""
    chosen = c.pick(outputs)
    c.tensors += [t for t in outputs if t != chosen]
    return chosen


def _unpack(c: Chain) -> int:
    return _one_of(c, fm.unpack(c.builder, c.last, _axis(c, len(c.shape))))


def _split(c: Chain) -> int:
    axis = _axis(c, len(c.shape))
    counts = [n for n in range(1, c.shape[axis] + 1) if c.shape[axis] % n == 0]
    return _one_of(c, fm.split(c.builder, c.last, c.pick(counts), axis))


def _split_v(c: Chain) -> int:
    axis = _axis(c, len(c.shape))
    size = c.shape[axis]
    cuts = c.rng.choice(np.arange(1, max(size, 2)), min(size - 1, c.whole(0, 4)), replace=False)
    sizes = np.diff([0, *sorted(cuts.tolist()), size]).tolist()
    return _one_of(c, fm.split_v(c.builder, c.last, sizes, axis))


def _slice(c: Chain) -> int:
    begins = [c.pick([0, c.whole(0, n - 1)]) for n in c.shape]
    sizes = [c.pick([n - b, -1, c.whole(1, n - b)]) for n, b in zip(c.shape, begins, strict=True)]
    return fm.slice_(c.builder, c.last, begins, sizes, c.pick(_INDICES))


def _strided_slice(c: Chain) -> int:
    bounds: list[tuple[int, int, int]] = []
    masks = [0, 0, 0]
    for axis, n in enumerate(c.shape):
        opened = (c.chance(0.3), c.chance(0.3))
        shrunk = axis < len(c.shape) - 1 and c.chance(0.2)
        while True:
            stride = c.pick([1, 1, 1, 2, 3, n, *([] if shrunk else [-1, -2, -n])])
            first, last = c.whole(-n, n - 1), c.whole(-n - 2, n + 2)
            bound = slice(None if opened[0] else first, None if opened[1] else last, stride)
            if shrunk or len(range(n)[bound]):
                break
        bounds.append((first, last, stride))
        for i, flag in enumerate((*opened, shrunk)):
            masks[i] |= flag << axis
    begins, ends, strides = (list(values) for values in zip(*bounds, strict=True))
    packed = (masks[0], masks[1], masks[2])
    return fm.strided_slice(c.builder, c.last, begins, ends, strides, packed)


def _transpose(c: Chain) -> int:
    return fm.transpose(c.builder, c.last, c.rng.permutation(len(c.shape)).tolist())


def _reverse_v2(c: Chain) -> int:
    rank = len(c.shape)
    first = c.whole(0, rank - 1)
    axes = np.arange(first, c.whole(first, rank - 1) + 1) - c.pick([0, rank])
    return fm.reverse_v2(c.builder, c.last, c.rng.permutation(axes).tolist())


def _broadcast_to(c: Chain) -> int:
    wider = [c.whole(1, 3) for _ in range(c.whole(0, 5 - len(c.shape)))]
    return fm.broadcast_to(
        c.builder, c.last, [*wider, *(c.pick([1, c.whole(1, 6)]) if n == 1 else n for n in c.shape)]
    )


def _squeeze(c: Chain) -> int:
    """Begins again, with more sizes of 1."""
    shape = list(c.shape)
    for _ in range(c.whole(1, 5 - len(shape))):
        shape.insert(c.whole(0, len(shape)), 1)
    if max(shape) == 1:
        shape.append(2)
    c.start(shape, c.builder.q(c.last), c.builder.dtype(c.last).type)
    ones = [a for a, n in enumerate(shape) if n == 1]
    axes = [c.pick([a, a - len(shape)]) for a in ones if c.chance(0.6)]
    return fm.squeeze(c.builder, c.last, axes)


def _expand_dims(c: Chain) -> int:
    return fm.expand_dims(c.builder, c.last, _axis(c, len(c.shape) + 1))


def _paddings(c: Chain) -> list[tuple[int, int]]:
    most = 3 if len(c.shape) < 5 else 1
    return [(c.pick([0, 0, c.whole(0, most)]), c.pick([0, 0, c.whole(0, most)])) for _ in c.shape]


def _pad(c: Chain) -> int:
    return fm.pad(c.builder, c.last, _paddings(c))


def _pad_v2(c: Chain) -> int:
    return fm.pad(c.builder, c.last, _paddings(c), c.pick([-128, 127, 0, c.whole(-128, 127)]))


def _mirror_pad(c: Chain) -> int:
    mode = c.pick([0, 1])
    most = [n - 1 + mode for n in c.shape]
    paddings = [(c.pick([0, c.whole(0, min(m, 3))]), c.pick([0, c.whole(0, m)])) for m in most]
    return fm.mirror_pad(c.builder, c.last, paddings, mode, c.pick(_INDICES))


def _resize_nearest_neighbor(c: Chain) -> int:
    height, width = c.shape[1:3]
    size = (c.pick([height, 2 * height, c.whole(1, 15)]), c.pick([2 * width, c.whole(1, 15)]))
    return fm.resize_nearest_neighbor(
        c.builder, c.last, size, corners=c.chance(0.4), centers=c.chance(0.4)
    )


def _beginning(move: Move, kind: Kind, least: int, most: int) -> Move:
    def draw(c: Chain) -> int:
        begin(c, kind, least, most)
        return move(c)

    return draw


# Name, how it is drawn, least and greatest rank, and the types that TFLite-Micro's kernel has.
_KINDS: list[tuple[str, Move, int, int, tuple[Kind, ...]]] = [
    ("CONCATENATION", _concatenation, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("PACK", _pack, 1, 4, (np.int8, np.int16, np.int32, np.float32)),
    ("UNPACK", _unpack, 2, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("SPLIT", _split, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("SPLIT_V", _split_v, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("SLICE", _slice, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("STRIDED_SLICE", _strided_slice, 1, 4, (np.int8, np.int16, np.int32, np.float32)),
    ("TRANSPOSE", _transpose, 1, 5, (np.int8, np.int16, np.float32)),
    ("REVERSE_V2", _reverse_v2, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("BROADCAST_TO", _broadcast_to, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("SQUEEZE", _squeeze, 1, 3, (np.int8, np.int16, np.int32, np.float32)),
    ("EXPAND_DIMS", _expand_dims, 1, 4, (np.int8, np.int16, np.float32)),
    ("PAD any rank", _pad, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("PADV2", _pad_v2, 1, 5, (np.int8, np.int16, np.int32, np.float32)),
    ("MIRROR_PAD", _mirror_pad, 1, 5, (np.int8, np.float32)),
    ("RESIZE_NEAREST_NEIGHBOR", _resize_nearest_neighbor, 4, 4, (np.int8, np.int16, np.float32)),
]
DRAWS: dict[str, Move] = {
    name if kind == np.int8 else f"{name} {kind.__name__}": _beginning(move, kind, least, most)
    for name, move, least, most, kinds in _KINDS
    for kind in kinds
}
