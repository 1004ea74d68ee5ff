"""The table from which 16-bit LOGISTIC and TANH interpolate: sigmoid.h reads it."""

from __future__ import annotations

import math

import numpy as np

from host.engines.aot.core.ir import Constant

_ENTRIES = 256
_STEP = 1 / 24


def sigmoid_table() -> Constant:
    """uint16 [256]: 2^16 · σ(i / 24), as TFLite's table has it.

    Each entry is moved by σ″·step²/16, half of what a chord is off at its middle, so that the
    interpolation's greatest error is the least. TFLite's last entry is the largest uint16.
    """
    values = [_entry(i * _STEP) for i in range(_ENTRIES - 1)]
    return Constant("sigmoid", np.array([*values, 2**16 - 1], np.uint16))


def _entry(x: float) -> int:
    sigmoid = 1 / (1 + math.exp(-x))
    second = sigmoid * (1 - sigmoid) * (1 - 2 * sigmoid)
    return math.floor(2**16 * (sigmoid - second * _STEP**2 / 16) + 0.5)
