"""Operators that only move elements: built, and drawn at random.

The outputs' shapes are what NumPy makes of arrays of these shapes.
"""

from collections.abc import Sequence

import numpy as np

from tests.aot.builder import ModelBuilder, options
from tests.aot.chain import Chain, Draw, Dtype, begun


def like(b: ModelBuilder, x: int, shape: Sequence[int]) -> int:
    """A tensor of this shape, otherwise like ``x``."""
    return b.tensor(shape, b.q(x), dtype=b.dtype(x).type)


def _numbers(b: ModelBuilder, values: object, dtype: type[np.generic] = np.int32) -> int:
    return b.constant(np.array(values, dtype))


def _empty(b: ModelBuilder, x: int) -> np.ndarray:
    return np.empty(b.shape(x), np.int8)


def concatenation(b: ModelBuilder, inputs: Sequence[int], axis: int, activation: int = 0) -> int:
    y = like(b, inputs[0], np.concatenate([_empty(b, x) for x in inputs], axis).shape)
    settings = options("ConcatenationOptions", axis=axis, fusedActivationFunction=activation)
    return b.operator("CONCATENATION", inputs, [y], settings, 2)


def pack(b: ModelBuilder, inputs: Sequence[int], axis: int) -> int:
    y = like(b, inputs[0], np.stack([_empty(b, x) for x in inputs], axis).shape)
    settings = options("PackOptions", axis=axis, valuesCount=len(inputs))
    return b.operator("PACK", inputs, [y], settings, 2)


def unpack(b: ModelBuilder, x: int, axis: int) -> list[int]:
    count = b.shape(x)[axis]
    outputs = [like(b, x, np.take(_empty(b, x), 0, axis).shape) for _ in range(count)]
    b.operator("UNPACK", [x], outputs, options("UnpackOptions", axis=axis, num=count), 2)
    return outputs


def split(b: ModelBuilder, x: int, count: int, axis: int) -> list[int]:
    outputs = [like(b, x, part.shape) for part in np.split(_empty(b, x), count, axis)]
    settings = options("SplitOptions", numSplits=count)
    b.operator("SPLIT", [_numbers(b, [axis]), x], outputs, settings, 2)
    return outputs


def split_v(b: ModelBuilder, x: int, sizes: Sequence[int], axis: int) -> list[int]:
    parts = np.split(_empty(b, x), np.cumsum(sizes)[:-1].tolist(), axis)
    outputs = [like(b, x, part.shape) for part in parts]
    settings = options("SplitVOptions", numSplits=len(sizes))
    b.operator("SPLIT_V", [x, _numbers(b, sizes), _numbers(b, [axis])], outputs, settings, 2)
    return outputs


def slice_(
    b: ModelBuilder,
    x: int,
    begins: Sequence[int],
    sizes: Sequence[int],
    dtype: type[np.generic] = np.int32,
) -> int:
    """A size of −1 goes to the end."""
    bounds = [slice(s, None if n < 0 else s + n) for s, n in zip(begins, sizes, strict=True)]
    y = like(b, x, _empty(b, x)[tuple(bounds)].shape)
    inputs = [x, _numbers(b, begins, dtype), _numbers(b, sizes, dtype)]
    return b.operator("SLICE", inputs, [y], options("SliceOptions"), 2)


def strided_slice(
    b: ModelBuilder,
    x: int,
    begins: Sequence[int],
    ends: Sequence[int],
    strides: Sequence[int],
    masks: tuple[int, int, int] = (0, 0, 0),
) -> int:
    """masks: begin, end, shrink axis."""
    index: list[slice | int] = []
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        first = None if masks[0] >> axis & 1 else begin
        last = None if masks[1] >> axis & 1 else end
        index.append((first or 0) if masks[2] >> axis & 1 else slice(first, last, stride))
    y = like(b, x, _empty(b, x)[tuple(index)].shape)
    settings = options(
        "StridedSliceOptions", beginMask=masks[0], endMask=masks[1], shrinkAxisMask=masks[2]
    )
    inputs = [x, _numbers(b, begins), _numbers(b, ends), _numbers(b, strides)]
    return b.operator("STRIDED_SLICE", inputs, [y], settings, 2)


def transpose(b: ModelBuilder, x: int, order: Sequence[int]) -> int:
    y = like(b, x, _empty(b, x).transpose(order).shape)
    return b.operator("TRANSPOSE", [x, _numbers(b, order)], [y], options("TransposeOptions"), 2)


def reverse_v2(b: ModelBuilder, x: int, axes: Sequence[int]) -> int:
    y = like(b, x, b.shape(x))
    return b.operator("REVERSE_V2", [x, _numbers(b, axes)], [y], options("ReverseV2Options"), 3)


def broadcast_to(b: ModelBuilder, x: int, shape: Sequence[int]) -> int:
    y = like(b, x, np.broadcast_to(_empty(b, x), shape).shape)
    return b.operator(
        "BROADCAST_TO", [x, _numbers(b, shape)], [y], options("BroadcastToOptions"), 2
    )


def tile(b: ModelBuilder, x: int, times: Sequence[int]) -> int:
    y = like(b, x, np.tile(_empty(b, x), times).shape)
    return b.operator("TILE", [x, _numbers(b, times)], [y], options("TileOptions"), 2)


def squeeze(b: ModelBuilder, x: int, axes: Sequence[int]) -> int:
    """No axes: all of size 1."""
    y = like(b, x, _empty(b, x).squeeze(tuple(axes) or None).shape)
    return b.operator("SQUEEZE", [x], [y], options("SqueezeOptions", squeezeDims=list(axes)))


def expand_dims(b: ModelBuilder, x: int, axis: int) -> int:
    y = like(b, x, np.expand_dims(_empty(b, x), axis).shape)
    return b.operator("EXPAND_DIMS", [x, _numbers(b, [axis])], [y], options("ExpandDimsOptions"))


def pad(
    b: ModelBuilder, x: int, paddings: Sequence[tuple[int, int]], value: float | None = None
) -> int:
    """PAD, or PADV2 where there is a value to pad with."""
    y = like(b, x, np.pad(_empty(b, x), paddings).shape)
    inputs = [x, _numbers(b, paddings)]
    if value is None:
        return b.operator("PAD", inputs, [y], options("PadOptions"), 2)
    filling = b.constant(np.array([value], b.dtype(x)), b.q(x))
    return b.operator("PADV2", [*inputs, filling], [y], options("PadV2Options"), 2)


def mirror_pad(
    b: ModelBuilder,
    x: int,
    paddings: Sequence[tuple[int, int]],
    mode: int,
    dtype: type[np.generic] = np.int32,
) -> int:
    """mode: 0 is REFLECT, 1 is SYMMETRIC."""
    y = like(b, x, np.pad(_empty(b, x), paddings).shape)
    inputs = [x, _numbers(b, paddings, dtype)]
    return b.operator("MIRROR_PAD", inputs, [y], options("MirrorPadOptions", mode=mode), 2)


def resize_nearest_neighbor(
    b: ModelBuilder, x: int, size: Sequence[int], corners: bool, centers: bool
) -> int:
    batch, _, _, channels = b.shape(x)
    y = like(b, x, (batch, *size, channels))
    settings = options(
        "ResizeNearestNeighborOptions", alignCorners=corners, halfPixelCenters=centers
    )
    return b.operator("RESIZE_NEAREST_NEIGHBOR", [x, _numbers(b, size)], [y], settings, 3)


def reshape(b: ModelBuilder, x: int, shape: Sequence[int]) -> int:
    y = like(b, x, shape)
    settings = options("ReshapeOptions", newShape=list(shape))
    return b.operator("RESHAPE", [x, b.constant(np.array(shape, np.int32))], [y], settings)


def _pad(c: Chain) -> int:
    paddings = [(c.pick([0, 0, 1, 2]), c.pick([0, 0, 1, 3])) for _ in c.shape]
    return pad(c.builder, c.last, paddings)


def draw_reshape(c: Chain) -> int:
    size = int(np.prod(c.shape))
    first = c.pick([d for d in range(1, size + 1) if size % d == 0])
    rest = size // first
    second = c.pick([d for d in range(1, rest + 1) if rest % d == 0])
    image = (1, first, second, rest // second)
    shapes = [(first, rest), (1, first, rest), image, image, (*image[1:3], 1, image[3], 1)]
    return reshape(c.builder, c.last, c.pick(shapes))


_INDICES: list[Dtype] = [np.int32, np.int64]


def _axis(c: Chain, rank: int) -> int:
    return c.whole(-rank, rank - 1)


def _another(c: Chain, shape: tuple[int, ...]) -> int:
    """Another input of the model, a constant, or what is there already."""
    there = [t for t in c.tensors if c.builder.shape(t) == shape]
    if there and c.chance(0.3):
        return c.pick(there)
    if c.chance(0.5):
        c.inputs.append(like(c.builder, c.last, shape))
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
    return concatenation(c.builder, _with_others(c, others), axis)


def _pack(c: Chain) -> int:
    others = [_another(c, c.shape) for _ in range(c.whole(0, 4))]
    return pack(c.builder, _with_others(c, others), _axis(c, len(c.shape) + 1))


def _one_of(c: Chain, outputs: list[int]) -> int:
    """Operators that follow may use the others too."""
    chosen = c.pick(outputs)
    c.tensors += [t for t in outputs if t != chosen]
    return chosen


def _unpack(c: Chain) -> int:
    return _one_of(c, unpack(c.builder, c.last, _axis(c, len(c.shape))))


def _split(c: Chain) -> int:
    axis = _axis(c, len(c.shape))
    counts = [n for n in range(1, c.shape[axis] + 1) if c.shape[axis] % n == 0]
    return _one_of(c, split(c.builder, c.last, c.pick(counts), axis))


def _split_v(c: Chain) -> int:
    axis = _axis(c, len(c.shape))
    size = c.shape[axis]
    cuts = c.rng.choice(np.arange(1, max(size, 2)), min(size - 1, c.whole(0, 4)), replace=False)
    sizes = np.diff([0, *sorted(cuts.tolist()), size]).tolist()
    return _one_of(c, split_v(c.builder, c.last, sizes, axis))


def _slice(c: Chain) -> int:
    begins = [c.pick([0, c.whole(0, n - 1)]) for n in c.shape]
    sizes = [c.pick([n - b, -1, c.whole(1, n - b)]) for n, b in zip(c.shape, begins, strict=True)]
    return slice_(c.builder, c.last, begins, sizes, c.pick(_INDICES))


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
    return strided_slice(c.builder, c.last, begins, ends, strides, packed)


def _transpose(c: Chain) -> int:
    return transpose(c.builder, c.last, c.rng.permutation(len(c.shape)).tolist())


def _reverse_v2(c: Chain) -> int:
    rank = len(c.shape)
    first = c.whole(0, rank - 1)
    axes = np.arange(first, c.whole(first, rank - 1) + 1) - c.pick([0, rank])
    return reverse_v2(c.builder, c.last, c.rng.permutation(axes).tolist())


def _broadcast_to(c: Chain) -> int:
    wider = [c.whole(1, 3) for _ in range(c.whole(0, 5 - len(c.shape)))]
    shape = [*wider, *(c.pick([1, c.whole(1, 6)]) if n == 1 else n for n in c.shape)]
    return broadcast_to(c.builder, c.last, shape)


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
    return squeeze(c.builder, c.last, axes)


def _expand_dims(c: Chain) -> int:
    return expand_dims(c.builder, c.last, _axis(c, len(c.shape) + 1))


def _paddings(c: Chain) -> list[tuple[int, int]]:
    most = 3 if len(c.shape) < 5 else 1
    return [(c.pick([0, 0, c.whole(0, most)]), c.pick([0, 0, c.whole(0, most)])) for _ in c.shape]


def _pad_v2(c: Chain) -> int:
    return pad(c.builder, c.last, _paddings(c), c.pick([-128, 127, 0, c.whole(-128, 127)]))


def _mirror_pad(c: Chain) -> int:
    mode = c.pick([0, 1])
    most = [n - 1 + mode for n in c.shape]
    paddings = [(c.pick([0, c.whole(0, min(m, 3))]), c.pick([0, c.whole(0, m)])) for m in most]
    return mirror_pad(c.builder, c.last, paddings, mode, c.pick(_INDICES))


def _resize_nearest_neighbor(c: Chain) -> int:
    height, width = c.shape[1:3]
    size = (c.pick([height, 2 * height, c.whole(1, 15)]), c.pick([2 * width, c.whole(1, 15)]))
    return resize_nearest_neighbor(
        c.builder, c.last, size, corners=c.chance(0.4), centers=c.chance(0.4)
    )


_MOVED: tuple[Dtype, ...] = (np.int8, np.int16, np.int32, np.float32)
# Name, how it is drawn, least and greatest rank, and the types that TFLite-Micro's kernel has.
_KINDS: list[tuple[str, Draw, int, int, tuple[Dtype, ...]]] = [
    ("CONCATENATION", _concatenation, 1, 5, _MOVED),
    ("PACK", _pack, 1, 4, _MOVED),
    ("UNPACK", _unpack, 2, 5, _MOVED),
    ("SPLIT", _split, 1, 5, _MOVED),
    ("SPLIT_V", _split_v, 1, 5, _MOVED),
    ("SLICE", _slice, 1, 5, _MOVED),
    ("STRIDED_SLICE", _strided_slice, 1, 4, _MOVED),
    ("TRANSPOSE", _transpose, 1, 5, (np.int8, np.int16, np.float32)),
    ("REVERSE_V2", _reverse_v2, 1, 5, _MOVED),
    ("BROADCAST_TO", _broadcast_to, 1, 5, _MOVED),
    ("SQUEEZE", _squeeze, 1, 3, _MOVED),
    ("EXPAND_DIMS", _expand_dims, 1, 4, (np.int8, np.int16, np.float32)),
    ("PAD any rank", lambda c: pad(c.builder, c.last, _paddings(c)), 1, 5, _MOVED),
    ("PADV2", _pad_v2, 1, 5, _MOVED),
    ("MIRROR_PAD", _mirror_pad, 1, 5, (np.int8, np.float32)),
    ("RESIZE_NEAREST_NEIGHBOR", _resize_nearest_neighbor, 4, 4, (np.int8, np.int16, np.float32)),
]

FOLLOWERS: dict[str, Draw] = {"PAD": _pad, "RESHAPE": draw_reshape}
DRAWS: dict[str, Draw] = {
    name if kind == np.int8 else f"{name} {kind.__name__}": begun(draw, kind, least, most)
    for name, draw, least, most, kinds in _KINDS
    for kind in kinds
}
