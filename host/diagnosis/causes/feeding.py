"""Rules on what is fed: samples of the deployment against the samples that were meant."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from host.base.arrays import Array, RealArray
from host.diagnosis.causes.channel_order import channel_order
from host.diagnosis.causes.inquiry import Inquiry, Rule, Suspect
from host.diagnosis.comparison.parameters import Part
from host.diagnosis.comparison.signals import Samples
from host.models.tflite import Tensor
from host.report.formats import number, percent

# Share of values that may miss the fit: those that were clipped on the way.
_MISSES = 0.01
_SAME_SCALE = 0.005  # how near to 1 a factor counts as 1


@dataclass(frozen=True)
class Fed:
    """What B's deployment feeds and what is meant, in real units.

    Attributes:
        meant, fed: [n, …].
        allowed: how far equal samples may be apart: float32's rounding, or half a step for codes.
        tensor: B's input.
    """

    meant: RealArray
    fed: RealArray
    allowed: float
    tensor: Tensor


def input_parts(samples: Samples, tensor: Tensor) -> tuple[Part, ...]:
    """The part that stands for B's own samples, where those differ from the ones meant; ``tensor``
    is B's input."""
    fed = _in_real_units(samples, tensor)
    if samples.deployed is None or _same(fed.meant, fed.fed, fed.allowed):
        return ()
    return (Part("input", None, ((tensor.index, tensor.index),)),)


def _in_real_units(samples: Samples, tensor: Tensor) -> Fed:
    fed = samples.fed
    if fed.dtype.kind == "f" or tensor.quantization is None:
        allowed = 1e-5 * max(1.0, float(np.abs(fed).max(initial=0.0)))
    else:
        allowed = 0.51 * tensor.quantization.scale
    return Fed(samples.meant.astype(np.float64), tensor.to_real(fed), allowed, tensor)


def _of_samples(evidence: Callable[[Fed], str | None]) -> Rule:
    """A rule that blames what is fed, if nothing explains it yet and there is such evidence."""

    def rule(inquiry: Inquiry, /) -> list[Suspect]:
        case, parts = inquiry.case, inquiry.open("input")
        text = evidence(_in_real_units(case.samples, case.b.input)) if parts else None
        return [Suspect(frozenset(parts), (text,), tensor=case.b.input.index)] if text else []

    return rule


@_of_samples
def fed_in_other_order(x: Fed) -> str | None:
    """The deployment feeds the channels in another order."""
    if x.meant.ndim < 3:
        return None
    order = channel_order(x.fed, x.meant, lambda left, right: _same(left, right, x.allowed))
    if order is None:
        return None
    return (
        f"The deployment feeds channels {', '.join(map(str, order))} of the samples as its "
        f"channels 0 to {len(order) - 1}."
    )


@_of_samples
def fed_with_offset(x: Fed) -> str | None:
    """The deployment feeds the samples plus a constant."""
    fit = _affine(x.meant, x.fed, x.allowed)
    if fit is None or abs(fit[0] - 1) >= _SAME_SCALE:
        return None
    q = x.tensor.quantization
    steps = "" if q is None else f" ({fit[1] / q.scale:.2g} quantization steps of B's input)"
    return f"The deployment feeds the samples plus {number(fit[1], 3)}{steps}."


@_of_samples
def fed_scaled(x: Fed) -> str | None:
    """The deployment feeds the samples times a constant, of all channels or of each."""
    fit = _affine(x.meant, x.fed, x.allowed)
    if fit is not None:
        shift = f" plus {number(fit[1], 3)}" if abs(fit[1]) > x.allowed else ""
        return f"The deployment feeds the samples times {number(fit[0], 3)}{shift}."
    if x.meant.ndim < 3 or x.meant.shape[-1] < 2:
        return None
    channels = range(x.meant.shape[-1])
    fits = [_affine(x.meant[..., i], x.fed[..., i], x.allowed) for i in channels]
    if None in fits:
        return None
    texts = [f"{number(k, 3)}·x + {number(c, 3)}" for k, c in filter(None, fits[:4])]
    return f"The deployment scales each channel by itself: {'; '.join(texts)}."


@_of_samples
def fed_otherwise(x: Fed) -> str | None:
    """The deployment feeds other samples, whatever they are."""
    apart = np.abs(x.meant - x.fed)
    return (
        f"{percent(float((apart > x.allowed).mean()))} of the values that the deployment feeds are "
        f"different, by up to {number(float(apart.max()), 3)}."
    )


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
