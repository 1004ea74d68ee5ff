"""Models whose operators move nothing."""

from collections.abc import Callable

from tests.aot import movement
from tests.aot.builder import ModelBuilder, Q

HALF = Q.tensor(0.5, 3)
Step = Callable[[ModelBuilder, int], int]

VIEWS: dict[str, Step] = {
    "TRANSPOSE": lambda b, x: movement.transpose(b, x, (1, 3, 0, 2)),
    "SLICE": lambda b, x: movement.slice_(b, x, [0] * 4, [1, -1, 1, 6]),
    "STRIDED_SLICE": lambda b, x: movement.strided_slice(
        b, x, [0] * 4, [1, 4, 1, 6], [1] * 4, (0, 9, 1)
    ),
    "PAD": lambda b, x: movement.pad(b, x, [(0, 0)] * 4),
    "PADV2": lambda b, x: movement.pad(b, x, [(0, 0)] * 4, 7),
    "MIRROR_PAD": lambda b, x: movement.mirror_pad(b, x, [(0, 0)] * 4, 0),
    "CONCATENATION": lambda b, x: movement.concatenation(b, [x], 1),
    "PACK": lambda b, x: movement.pack(b, [x], 2),
    "UNPACK": lambda b, x: movement.unpack(b, x, 2)[0],
    "SPLIT": lambda b, x: movement.split(b, x, 1, 1)[0],
    "SPLIT_V": lambda b, x: movement.split_v(b, x, [4], 1)[0],
    "SQUEEZE": lambda b, x: movement.squeeze(b, x, []),
    "EXPAND_DIMS": lambda b, x: movement.expand_dims(b, x, 0),
    "RESHAPE": lambda b, x: movement.reshape(b, x, (3, 8)),
    "BROADCAST_TO": lambda b, x: movement.broadcast_to(b, x, (1, 4, 1, 6)),
    "TILE": lambda b, x: movement.tile(b, x, (1, 1, 1, 1)),
    "RESIZE_NEAREST_NEIGHBOR": lambda b, x: movement.resize_nearest_neighbor(
        b, x, (4, 1), False, True
    ),
}
