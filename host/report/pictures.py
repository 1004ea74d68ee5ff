"""Samples as small PNG pictures, for those that are pictures."""

import base64
import io
from collections.abc import Callable

import numpy as np

from host.base.arrays import Array

# Larger pictures are thinned out: the report shows which sample it was, not its details.
MAX_SIDE = 128
MIN_SIDE = 4


def drawer(x: Array) -> Callable[[int], str] | None:
    """A function from a sample's index to a ``data:`` URI of its PNG, at one pixel per value.

    All samples, [n, …] of any real type, share the brightness scale of the whole set. None where
    they are not pictures.
    """
    shape = x.shape[1:3] if x.shape[3:] in ((), (1,), (3,)) else ()
    if len(shape) != 2 or min(shape) < MIN_SIDE or not len(x):
        return None
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    span = high - low if high > low else 1.0

    def draw(sample: int) -> str:
        from matplotlib.image import imsave

        pixels = np.asarray(x[sample], dtype=np.float64)
        stride = -(-max(pixels.shape[:2]) // MAX_SIDE)
        pixels = np.nan_to_num((pixels[::stride, ::stride] - low) / span)
        pixels = np.clip(pixels, 0, 1)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        buffer = io.BytesIO()
        imsave(buffer, np.broadcast_to(pixels, (*pixels.shape[:2], 3)), format="png")
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

    return draw
