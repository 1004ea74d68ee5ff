"""Operators that work out shapes, as converters leave them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.aot.builder import ModelBuilder, options


def shape(b: ModelBuilder, x: int, dtype: type[np.generic] = np.int32) -> int:
    y = b.tensor((len(b.shape(x)),), None, dtype=dtype)
    return b.operator("SHAPE", [x], [y], options("ShapeOptions"))


def reshape_to(b: ModelBuilder, x: int, wanted: int, result: Sequence[int]) -> int:
    """RESHAPE to what the tensor ``wanted`` holds; the file says ``result``."""
    y = b.tensor(result, b.q(x))
    return b.operator("RESHAPE", [x, wanted], [y], options("ReshapeOptions"))


def computed(
    b: ModelBuilder,
    name: str,
    inputs: Sequence[int | np.ndarray],
    result: np.ndarray,
    settings: Any = None,
) -> int:
    """An operator on tensors and constants whose output is to be like ``result``."""
    y = b.tensor(result.shape, None, dtype=result.dtype.type)
    indices = [x if isinstance(x, int) else b.constant(x) for x in inputs]
    return b.operator(name, indices, [y], settings)


def keras_reshape(b: ModelBuilder, x: int, target: Sequence[int]) -> int:
    """What Keras's Reshape becomes where the batch is open: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    batch = b.tensor((), None, dtype=np.int32)
    bounds = [b.constant(np.array([n], np.int32)) for n in (0, 1, 1)]
    settings = options("StridedSliceOptions", shrinkAxisMask=1)
    b.operator("STRIDED_SLICE", [shape(b, x), *bounds], [batch], settings)
    parts = [batch, *(b.constant(np.array(n, np.int32)) for n in target)]
    packed = b.tensor((len(parts),), None, dtype=np.int32)
    b.operator("PACK", parts, [packed], options("PackOptions", axis=0, valuesCount=len(parts)))
    return reshape_to(b, x, packed, (b.shape(x)[0], *target))
