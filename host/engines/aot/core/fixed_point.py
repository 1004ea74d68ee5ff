"""The integer arithmetic of TFLite's quantized operators, on Python's integers.

Qi.f is an int32 with i bits before the point and f = 31 − i behind it. The polynomials and every
rounding step are those that TFLite-Micro's results depend on; the firmware's kernels have the same
in C++ where a device must compute them. Sources: quantization.py, and gemmlowp's fixed-point
documentation (https://github.com/google/gemmlowp/blob/master/fixedpoint).
"""

import math

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.quantization import INT32_MAX, Multiplier

_ONE_Q2 = 1 << 29
_SIGMOID_STEP = 1 / 24


def high_multiply(a: int, b: int, bits: int = 32) -> int:
    """round(a · b / 2^(bits − 1)), halves towards plus infinity, saturated to so many bits."""
    return min((a * b + (1 << (bits - 2))) >> (bits - 1), (1 << (bits - 1)) - 1)


def shift_right(x: int, exponent: int) -> int:
    """round(x / 2^exponent), halves away from zero."""
    magnitude = (abs(x) + (1 << exponent >> 1)) >> exponent
    return -magnitude if x < 0 else magnitude


def shift_left(x: int, by: int, bits: int = 32) -> int:
    """x · 2^by, saturated to so many bits."""
    limit = 1 << (bits - 1)
    return max(-limit, min(x << by, limit - 1))


def scale(x: int, multiplier: Multiplier) -> int:
    """x · mantissa · 2^(shift − 31), rounded twice; bits shifted out at the top are lost."""
    mantissa, shift = multiplier
    if shift > 0:
        return high_multiply(wrapped(x << shift, 32), mantissa)
    return shift_right(high_multiply(x, mantissa), -shift)


def wrapped(x: int, bits: int) -> int:
    """x modulo 2^bits, as a signed integer of so many bits."""
    half = 1 << (bits - 1)
    return (x + half) % (2 * half) - half


def exponential(x: int, integer_bits: int) -> int:
    """e^x in Q0.31 for x ≤ 0 in Q(integer_bits): a remainder in [−1/4, 0), and a factor a bit."""
    # e^(−2^i) in Q0.31 for i = −2 … 4.
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    if x == 0:
        return INT32_MAX
    quarter = 1 << (29 - integer_bits)
    near_zero = (x & (quarter - 1)) - quarter
    result = _exponential_near_zero(shift_left(near_zero, integer_bits))
    rest = near_zero - x
    for i in range(integer_bits + 2):
        if rest & (quarter << i):
            result = high_multiply(result, factors[i])
    return result


def _exponential_near_zero(x: int) -> int:
    """e^x in Q0.31 for x in Q0.31, −1/4 ≤ x < 0: Taylor's polynomial around −1/8."""
    minus_eighth, third = 1895147668, 715827883
    t = x + (1 << 28)
    t2 = high_multiply(t, t)
    t3 = high_multiply(t2, t)
    quarter = shift_right(high_multiply(t2, t2), 2)
    # t²/2 + t³/6 + t⁴/24
    tail = shift_right(high_multiply(quarter + t3, third) + t2, 1)
    return minus_eighth + high_multiply(minus_eighth, t + tail)


def _reciprocal(x: int) -> int:
    """2 / (1 + x) in Q2.29 for x in Q0.31, 0 ≤ x < 1: three steps of Newton's method."""
    half = (x + INT32_MAX + 1) // 2
    y = 1515870810 + high_multiply(half, -1010580540)  # 48/17 − 32/17 · half
    for _ in range(3):
        error = _ONE_Q2 - high_multiply(half, y)
        y += shift_left(high_multiply(y, error), 2)
    return y


def logistic(x: int, integer_bits: int) -> int:
    """1 / (1 + e^−x) in Q0.31 for x in Q(integer_bits)."""
    if x == 0:
        return 1 << 30
    positive = shift_left(_reciprocal(exponential(-abs(x), integer_bits)), 1)
    return positive if x > 0 else INT32_MAX - positive


def tanh(x: int, integer_bits: int) -> int:
    """Tanh x in Q0.31 for x in Q(integer_bits): (1 − e^−2x) / (1 + e^−2x), with x's sign."""
    if x == 0:
        return 0
    # The same bits with one more before the point are twice as much.
    y = _reciprocal(exponential(-abs(x), integer_bits + 1))
    positive = shift_left(y - _ONE_Q2, 2)
    return positive if x > 0 else -positive


def sigmoid_table() -> npt.NDArray[np.uint16]:
    """[256]: 2^16 · σ(i / 24), from which 16-bit LOGISTIC and TANH interpolate; see sigmoid.h.

    As TFLite's table: each entry is moved by σ″·step²/16, half of what a chord is off at its
    middle, so that the interpolation's greatest error is the least. The last is the largest uint16.
    """
    entries = []
    for i in range(255):
        sigmoid = 1 / (1 + math.exp(-i * _SIGMOID_STEP))
        second = sigmoid * (1 - sigmoid) * (1 - 2 * sigmoid)
        entries.append(math.floor(2**16 * (sigmoid - second * _SIGMOID_STEP**2 / 16) + 0.5))
    return np.array([*entries, 2**16 - 1], np.uint16)
