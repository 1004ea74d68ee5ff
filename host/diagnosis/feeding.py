"""Suspects in what is fed: samples of the deployment against the samples that were meant."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.diagnosis.case import Suspect, as_percent, factor
from host.diagnosis.parameters import Part
from host.models.tflite import Tensor

Real = npt.NDArray[np.float64]

_ALL_ORDERS = 4
# Share of values that may miss the fit: those that were clipped on the way.
_MISSES = 0.01


def input_part(x: Array, deployed: Array | None, tensor: Tensor) -> Part | None:
    """The part that stands for B's own samples, where those differ from the ones meant.

    Args:
        x: the samples that are meant, float32 [n, …].
        deployed: what B's deployment is fed: real values, or int8 codes of B's input.
        tensor: B's input.
    """
    if deployed is None or _same(x, tensor.to_real(deployed), _tolerance(deployed, tensor)):
        return None
    return Part("input", None, ((tensor.index, tensor.index),))


def suspect_of_feeding(x: Array, deployed: Array, tensor: Tensor, part: int) -> Suspect:
    """What turns the samples that are meant into those that the deployment feeds."""
    meant, fed = x.astype(np.float64), tensor.to_real(deployed)
    allowed = _tolerance(deployed, tensor)
    cause, evidence = _transformation(meant, fed, allowed, tensor)
    return Suspect(cause, frozenset({part}), None, tensor.index, (evidence,))


def _transformation(meant: Real, fed: Real, allowed: float, tensor: Tensor) -> tuple[str, str]:
    order = _channel_order(meant, fed, allowed)
    if order is not None:
        return "input-channel-order", (
            f"The deployment feeds channels {', '.join(map(str, order))} of the samples as its "
            f"channels 0 to {len(order) - 1}."
        )
    fit = _affine(meant, fed, allowed)
    if fit is not None:
        scale, offset = fit
        in_steps = "" if tensor.quantization is None else _steps(offset, tensor.quantization.scale)
        if abs(scale - 1) < 0.005:
            return "input-offset", (
                f"The deployment feeds the samples plus {factor(offset)}{in_steps}."
            )
        shift = f" plus {factor(offset)}" if abs(offset) > allowed else ""
        return "input-scale", f"The deployment feeds the samples times {factor(scale)}{shift}."
    channels = _affine_channels(meant, fed, allowed)
    if channels is not None:
        texts = [f"{factor(k)}·x + {factor(c)}" for k, c in channels[:4]]
        return "input-scale", f"The deployment scales each channel by itself: {'; '.join(texts)}."
    apart = float((np.abs(meant - fed) > allowed).mean())
    return "input-differs", (
        f"{as_percent(apart)} of the values that the deployment feeds are others, by up to "
        f"{factor(float(np.abs(meant - fed).max()))}."
    )


def _steps(offset: float, scale: float) -> str:
    count = offset / scale
    return f" ({count:.2g} quantization steps of B's input)"


def _tolerance(deployed: Array, tensor: Tensor) -> float:
    """How far equal samples may be apart: float32's rounding, or half a step for codes."""
    if deployed.dtype.kind == "f" or tensor.quantization is None:
        return 1e-5 * max(1.0, float(np.abs(deployed).max(initial=0.0)))
    return 0.51 * tensor.quantization.scale


def _same(left: Array, right: Real, allowed: float) -> bool:
    return bool((np.abs(left.astype(np.float64) - right) <= allowed).mean() >= 1 - _MISSES)


def _channel_order(meant: Real, fed: Real, allowed: float) -> tuple[int, ...] | None:
    count = meant.shape[-1]
    if count < 2 or meant.ndim < 3:
        return None
    if count <= _ALL_ORDERS:
        candidates = list(permutations(range(count)))
    else:
        left, right = meant.reshape(-1, count)[:1000].T, fed.reshape(-1, count)[:1000].T
        apart = np.abs(right[:, np.newaxis] - left[np.newaxis]).sum(axis=2)
        candidates = [tuple(int(i) for i in apart.argmin(axis=1))]
    for order in candidates:
        if order != tuple(range(count)) and _same(meant[..., order], fed, allowed):
            return order
    return None


def _affine(meant: Real, fed: Real, allowed: float) -> tuple[float, float] | None:
    """k and c with fed = k · meant + c, or None. Values at the ends of what is fed may be clipped,
    so they do not count in the fit."""
    inside = (fed > fed.min()) & (fed < fed.max())
    x, y = meant[inside], fed[inside]
    if len(x) < 10 or x.std() == 0:
        x, y = meant.ravel(), fed.ravel()
    if x.std() == 0:
        return None
    k, c = (float(v) for v in np.polyfit(x, y, 1))
    if not k:
        return None
    fitted = np.clip(k * meant + c, fed.min(), fed.max())
    # The fit itself is off by a part of what the values are off.
    near = max(1.5 * allowed, 1e-3 * abs(k) * float(x.std()))
    return (k, c) if _same(fitted, fed, near) else None


def _affine_channels(meant: Real, fed: Real, allowed: float) -> list[tuple[float, float]] | None:
    if meant.ndim < 3 or meant.shape[-1] < 2:
        return None
    fits = [_affine(meant[..., i], fed[..., i], allowed) for i in range(meant.shape[-1])]
    return [f for f in fits if f is not None] if None not in fits else None
