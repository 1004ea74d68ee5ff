"""Rules on what is fed: samples of the deployment against the samples that were meant."""

from __future__ import annotations

import numpy as np

from host.base.arrays import Array, RealArray
from host.diagnosis.causes.channel_order import channel_order
from host.diagnosis.causes.inquiry import Inquiry, Suspect
from host.diagnosis.comparison.case import Case
from host.diagnosis.comparison.parameters import Part
from host.diagnosis.comparison.signals import Samples
from host.models.tflite import Tensor
from host.report.formats import number, percent

# Share of values that may miss the fit: those that were clipped on the way.
_MISSES = 0.01
_SAME_SCALE = 0.005  # how near to 1 a factor counts as 1


def input_parts(samples: Samples, tensor: Tensor) -> tuple[Part, ...]:
    """The part that stands for B's own samples, where those differ from the ones meant.

    Args:
        samples: what is meant and what B's deployment feeds.
        tensor: B's input.
    """
    meant, fed, allowed = _in_real_units(samples, tensor)
    if samples.deployed is None or _same(meant, fed, allowed):
        return ()
    return (Part("input", None, ((tensor.index, tensor.index),)),)


def fed_in_other_order(inquiry: Inquiry) -> list[Suspect]:
    """The deployment feeds the channels in another order."""
    parts, meant, fed, allowed = _open(inquiry)
    if not parts or meant.ndim < 3:
        return []
    order = channel_order(fed, meant, lambda x, y: _same(x, y, allowed))
    if order is None:
        return []
    return _suspect(
        inquiry.case,
        f"The deployment feeds channels {', '.join(map(str, order))} of the samples as its "
        f"channels 0 to {len(order) - 1}.",
    )


def fed_with_offset(inquiry: Inquiry) -> list[Suspect]:
    """The deployment feeds the samples plus a constant."""
    parts, meant, fed, allowed = _open(inquiry)
    fit = _affine(meant, fed, allowed) if parts else None
    if fit is None or abs(fit[0] - 1) >= _SAME_SCALE:
        return []
    q = inquiry.case.b.input.quantization
    steps = "" if q is None else f" ({fit[1] / q.scale:.2g} quantization steps of B's input)"
    return _suspect(
        inquiry.case, f"The deployment feeds the samples plus {number(fit[1], 3)}{steps}."
    )


def fed_scaled(inquiry: Inquiry) -> list[Suspect]:
    """The deployment feeds the samples times a constant, of all channels or of each."""
    parts, meant, fed, allowed = _open(inquiry)
    if not parts:
        return []
    fit = _affine(meant, fed, allowed)
    if fit is not None:
        shift = f" plus {number(fit[1], 3)}" if abs(fit[1]) > allowed else ""
        return _suspect(
            inquiry.case, f"The deployment feeds the samples times {number(fit[0], 3)}{shift}."
        )
    if meant.ndim < 3 or meant.shape[-1] < 2:
        return []
    fits = [_affine(meant[..., i], fed[..., i], allowed) for i in range(meant.shape[-1])]
    texts = [f"{number(k, 3)}·x + {number(c, 3)}" for k, c in filter(None, fits)]
    if len(texts) < len(fits):
        return []
    return _suspect(
        inquiry.case, f"The deployment scales each channel by itself: {'; '.join(texts[:4])}."
    )


def fed_otherwise(inquiry: Inquiry) -> list[Suspect]:
    """The deployment feeds other samples, whatever they are."""
    parts, meant, fed, allowed = _open(inquiry)
    if not parts:
        return []
    apart = np.abs(meant - fed)
    return _suspect(
        inquiry.case,
        f"{percent(float((apart > allowed).mean()))} of the values that the deployment feeds are "
        f"different, by up to {number(float(apart.max()), 3)}.",
    )


def _open(inquiry: Inquiry) -> tuple[list[int], RealArray, RealArray, float]:
    """The part that nothing explains yet, if any; what is meant, what is fed, how far equal samples
    may be apart."""
    case = inquiry.case
    return inquiry.open("input"), *_in_real_units(case.samples, case.b.input)


def _in_real_units(samples: Samples, tensor: Tensor) -> tuple[RealArray, RealArray, float]:
    """What is meant and what is fed, and how far equal samples may be apart: float32's rounding,
    or half a step for codes."""
    fed = samples.fed
    if fed.dtype.kind == "f" or tensor.quantization is None:
        allowed = 1e-5 * max(1.0, float(np.abs(fed).max(initial=0.0)))
    else:
        allowed = 0.51 * tensor.quantization.scale
    return samples.meant.astype(np.float64), tensor.to_real(fed), allowed


def _suspect(case: Case, evidence: str) -> list[Suspect]:
    return [Suspect(frozenset(case.of_kind("input")), (evidence,), tensor=case.b.input.index)]


def _same(left: Array, right: Array, allowed: float) -> bool:
    return bool((np.abs(left - right) <= allowed).mean() >= 1 - _MISSES)


def _affine(meant: RealArray, fed: RealArray, allowed: float) -> tuple[float, float] | None:
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
