"""Samples as what they are: images as pictures, windows of signals as lines, spectrograms as heat
maps. Each is small: the report shows which sample it was, not its details."""

import base64
import io
from collections.abc import Callable

import numpy as np

from host.base.arrays import Array

# Larger pictures are thinned out, and longer signals.
MAX_SIDE = 128
MIN_SIDE = 4
# Of fewer values, a row is a table's, not a signal's.
MIN_TIMES = 16
# More channels than this make a heat map.
MAX_SIGNALS = 8
# As wide to high, from here on one channel of values is no photograph.
_LONG = 2.0
_WIDTH, _HEIGHT = 84, 80
# Okabe and Ito's colours, which the colour-blind can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")


def drawer(x: Array) -> Callable[[int], str] | None:
    """A function from a sample's index to a ``data:`` URI of its picture.

    All samples, [n, …] of any real type, share the scale of the whole set. None where they are none
    of the three.
    """
    if not len(x):
        return None
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    span = high - low if high > low else 1.0

    def scaled(sample: int) -> Array:
        values = np.asarray(x[sample], dtype=np.float64)
        return np.asarray(np.clip(np.nan_to_num((values - low) / span), 0, 1))

    shape = x.shape[1:]
    if len(shape) == 1 and shape[0] >= MIN_TIMES:
        return lambda sample: _lines(scaled(sample)[:, None])
    if len(shape) == 2 and shape[1] <= MAX_SIGNALS and shape[0] >= max(MIN_TIMES, 2 * shape[1]):
        return lambda sample: _lines(scaled(sample))
    if shape[2:] not in ((), (1,), (3,)) or len(shape) < 2 or min(shape[:2]) < MIN_SIDE:
        return None
    if shape[2:] != (3,) and (low < 0 or max(shape[:2]) >= _LONG * min(shape[:2])):
        return lambda sample: _heat_map(scaled(sample).reshape(shape[:2]))
    return lambda sample: _picture(scaled(sample))


def _lines(values: Array) -> str:
    """A line for each column of [time, channels], 0 to 1, as SVG."""
    stride = -(-len(values) // (2 * MAX_SIDE))
    values = values[::stride]
    places = np.linspace(0, _WIDTH, len(values))
    heights = _HEIGHT * (1 - values)
    lines = "".join(
        '<polyline fill="none" stroke-width="1.5" stroke="{}" points="{}"/>'.format(
            _COLOURS[channel % len(_COLOURS)],
            " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(places, column, strict=True)),
        )
        for channel, column in enumerate(heights.T)
    )
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -2 {_WIDTH} {_HEIGHT + 4}">'
        f'<rect y="-2" width="100%" height="100%" fill="#fff"/>{lines}</svg>'
    )
    return _uri("image/svg+xml", text.encode())


def _heat_map(values: Array) -> str:
    """[rows, columns], 0 to 1, in a colour scale, with time to the right where that is longer."""
    from matplotlib import colormaps

    if len(values) > values.shape[1]:
        values = values.T[::-1]  # low frequencies below
    return _picture(colormaps["viridis"](values)[..., :3])


def _picture(pixels: Array) -> str:
    """[rows, columns], or with 1 or 3 colours, 0 to 1, as PNG, at one pixel per value."""
    from matplotlib.image import imsave

    stride = -(-max(pixels.shape[:2]) // MAX_SIDE)
    pixels = pixels[::stride, ::stride]
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    buffer = io.BytesIO()
    imsave(buffer, np.broadcast_to(pixels, (*pixels.shape[:2], 3)), format="png")
    return _uri("image/png", buffer.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
