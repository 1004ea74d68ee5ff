"""Weights in the order in which kernels read them, and biases: see rows.h and convolution.h."""

import numpy as np

from host.base.arrays import Array

# The place of each of four elements: that in which the DSP extension widens bytes.
_ORDER = [0, 2, 1, 3]


def pack_rows(weights: Array) -> tuple[Array, int]:
    """Pairs of rows as the int16 of rows.h, and how many of a pair's two rows hold weights.

    ``weights``: int8, [groups, rows, size]. Pairs do not cross from one group to the next. A pair
    is w + 256 · v. That does not fit an int16 where v is −128 and w negative, as TFLite's own
    converter never writes it; then every row has a pair of its own, with v = 0.
    """
    groups, rows, size = weights.shape
    wide = np.zeros((groups, rows, -(-size // 8) * 8), np.int32)
    wide[:, :, :size] = weights
    wide = wide.reshape(groups, rows, -1, 4)[..., _ORDER]
    if rows % 2:
        wide = np.concatenate((wide, np.zeros_like(wide[:, :1])), axis=1)
    pairs = wide[:, 0::2] + 256 * wide[:, 1::2]
    if pairs.min() >= -(2**15):
        return pairs.astype(np.int16), 2
    return wide[:, :rows].astype(np.int16), 1


def pack_channels(weights: Array) -> Array:
    """Weights of the kernel depthwise_conv_2d; ``weights`` is int8, [taps, channels]."""
    taps, channels = weights.shape
    filled = np.zeros((-(-taps // 2) * 2, -(-channels // 4) * 4), np.int8)
    filled[:taps, :channels] = weights
    # [taps of two, tap, blocks, half, channel] → [block, two taps, half, tap, channel]
    blocks = filled.reshape(len(filled) // 2, 2, -1, 2, 2)
    return blocks.transpose(2, 0, 3, 1, 4)


def fold_zero_point(bias: Array | None, weights: Array, zero_point: int) -> Array:
    """int64 [channels]: a bias, 0 without one, with the input's zero point z folded in.

    Σ w·(x − z) = Σ w·x − z·Σ w. ``weights`` is [channels, …]. As an int32 it wraps around, as sums
    do in TFLite.
    """
    sums = weights.reshape(len(weights), -1).sum(axis=1, dtype=np.int64)
    return np.asarray((0 if bias is None else bias.astype(np.int64)) - zero_point * sums)
