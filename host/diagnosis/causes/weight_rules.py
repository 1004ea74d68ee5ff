"""Rules on constants: other weights, other biases, batch normalization, another grid.

Biases that follow from other parameters are not suspects.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from host.diagnosis.causes.channel_order import channel_order
from host.diagnosis.causes.inquiry import Inquiry, Rule, Suspect
from host.diagnosis.comparison.case import Case
from host.diagnosis.comparison.parameters import ROUNDING, channels, half_steps, real_values, steps
from host.models.tflite import Operator, Tensor
from host.report.formats import number, percent

# Below this many weights a channel, any two channels are multiples of each other.
_TELLING_WEIGHTS = 3
# How far an input's factor may vary between output channels.
_ONE_FACTOR = 0.01

Tensors = tuple[Tensor, Tensor]  # A's and B's


@dataclass(frozen=True)
class Constants:
    """An operator whose weights or bias are other real numbers in A and B, unexplained so far.

    Attributes:
        operator: B's.
        title: of the operator, for sentences.
        first: whether it computes on the model's input itself.
        parts: positions of the parts of its weights and bias that differ.
        tensor: B's index of the first that differs.
        weights, bias: None where they are the same real numbers.
    """

    operator: Operator
    title: str
    first: bool
    parts: tuple[int, ...]
    tensor: int
    weights: Tensors | None
    bias: Tensors | None


def _open(inquiry: Inquiry) -> list[Constants]:
    """The operators whose constants nothing explains yet, in their order."""
    case = inquiry.case
    different: dict[int, list[int]] = {}
    for part in sorted((*inquiry.open("weights"), *inquiry.open("bias"))):
        if not case.parts[part].same_value:
            different.setdefault(case.operator(part).index, []).append(part)
    everyone = []
    for operator, parts in sorted(different.items()):
        tensors = {case.parts[i].kind: case.tensors(i) for i in reversed(parts)}
        everyone.append(
            Constants(
                operator=case.b.operators[operator],
                title=case.title(operator),
                first=operator in case.first_operators,
                parts=tuple(parts),
                tensor=case.parts[parts[0]].tensors[0][0],
                weights=tensors.get("weights"),
                bias=tensors.get("bias"),
            )
        )
    return everyone


def _suspect(constants: Constants, evidence: str) -> Suspect:
    index = constants.operator.index
    return Suspect(frozenset(constants.parts), (evidence,), index, constants.tensor)


def _of_each(evidence: Callable[[Case, Constants], str | None]) -> Rule:
    """A rule that names every open operator for which there is such evidence."""

    def rule(inquiry: Inquiry, /) -> list[Suspect]:
        texts = [(constants, evidence(inquiry.case, constants)) for constants in _open(inquiry)]
        return [_suspect(constants, text) for constants, text in texts if text]

    return rule


def _joined(several: list[Constants]) -> Suspect:
    """One suspect in several operators."""
    operators = ", ".join(str(c.operator.index) for c in several)
    return Suspect(
        frozenset(part for c in several for part in c.parts),
        (f"{len(several)} operators: {operators}.", *map(_evidence, several[:2])),
    )


@_of_each
def weights_in_other_order(case: Case, constants: Constants) -> str | None:
    """The first operator's weights have the input's channels in another order."""
    if not constants.first or constants.bias or not constants.weights:
        return None
    left, right = constants.weights
    name, count, width = constants.operator.name, case.b.input.shape[-1], left.shape[-1]
    arrays = [real_values(left), real_values(right)]
    arrays.append(np.broadcast_to(ROUNDING * half_steps(left, right), left.shape))
    if name == "FULLY_CONNECTED" and width % count == 0:
        arrays = [values.reshape(*left.shape[:-1], -1, count) for values in arrays]
    elif name != "CONV_2D" or width != count:
        return None  # DEPTHWISE_CONV_2D's channels are its output's, so no order of the input alone
    a, b, allowed = arrays
    order = channel_order(a, b, lambda x, y: bool((np.abs(x - y) <= allowed).all()))
    if order is None:
        return None
    return (
        f"A's weights of {constants.title} are B's with the input channels in the order "
        f"{', '.join(map(str, order))}, up to rounding."
    )


@_of_each
def bias_with_offset(case: Case, constants: Constants) -> str | None:
    """The first operator's bias is shifted as if the input were."""
    if not constants.first or constants.weights or not constants.bias:
        return None
    offset = _input_offset(case, constants.operator, *constants.bias)
    if offset is None:
        return None
    return (
        f"B's bias in {constants.title} is A's plus {number(offset, 3)} quantization steps of the "
        "input times the sum of each channel's weights: as if the input were shifted by that."
    )


@_of_each
def weights_scaled(case: Case, constants: Constants) -> str | None:
    """All of the first operator's weights have one factor, as if the input had."""
    low, high = _factors(constants) or (0.0, 1.0)
    if not constants.first or constants.bias or high - low > _ONE_FACTOR * abs(high):
        return None
    return (
        f"All weights of {constants.title} in B are A's times {number(1 / high, 3)}, and the bias "
        "is the same: as if the input were multiplied by that."
    )


def folded_otherwise(inquiry: Inquiry) -> list[Suspect]:
    """Weights differ by one factor per output channel, or only the bias does."""
    if _mostly_other_weights(inquiry):
        return []
    folded = [c for c in _open(inquiry) if _factors(c) or _is_normalization(inquiry.case, c)]
    # Shifted biases in several operators are the same stale statistics.
    return [_joined(folded)] if len(folded) > 1 else [_suspect(c, _evidence(c)) for c in folded]


def other_weights(inquiry: Inquiry) -> list[Suspect]:
    """Weights are other real numbers: of an operator, or of most, with their biases."""
    if _mostly_other_weights(inquiry):
        return [_joined(_open(inquiry))]
    return [_suspect(c, _evidence(c)) for c in _open(inquiry) if c.weights]


def other_bias(inquiry: Inquiry) -> list[Suspect]:
    """A bias is another real number while the weights are the same."""
    return [_suspect(c, _evidence(c)) for c in _open(inquiry)]


def _mostly_other_weights(inquiry: Inquiry) -> bool:
    """Whether at least half of the operators have other weights, by no factor."""
    case = inquiry.case
    other = [c for c in _open(inquiry) if c.weights and not _factors(c)]
    constants = {
        i for i in case.partner if (t := case.b.tensors[i]).data is not None and t.quantization
    }
    weighted = sum(1 for pair in case.pairs if constants & {*case.b.operators[pair.b].inputs})
    return len(other) > 1 and len(other) >= weighted / 2


def _is_normalization(case: Case, constants: Constants) -> bool:
    """Whether a bias changed as batch normalization of other statistics changes it: in most
    channels, behind an operator of that name."""
    if constants.weights or not constants.bias:
        return False
    a, b = map(real_values, constants.bias)
    name = case.b.tensors[constants.operator.outputs[0]].name.lower()
    named = "batch" in name and "norm" in name
    return bool(named and a.any() and b.any() and _changed(*constants.bias) > a.size / 2)


def _changed(left: Tensor, right: Tensor) -> int:
    """How many values are further apart than rounding explains."""
    apart = np.abs(real_values(left) - real_values(right))
    return int(np.count_nonzero(apart > ROUNDING * half_steps(left, right)))


def _evidence(constants: Constants) -> str:
    if constants.weights is None:
        return _bias_evidence(constants)
    factors = _factors(constants)
    if factors is not None:
        also = "; the bias differs, too" if constants.bias else ""
        return (
            f"In {constants.title}, B's weights are A's times one factor for each output channel, "
            f"{number(1 / factors[1], 3)} to {number(1 / factors[0], 3)}, up to rounding{also}."
        )
    left, right = constants.weights
    apart = np.abs(real_values(left) - real_values(right))
    power = float(np.square(real_values(left)).sum())
    size = float(np.sqrt(np.square(apart).sum() / power)) if power else float("inf")
    return (
        f"In {constants.title}, {percent(float((apart > half_steps(left, right)).mean()))} of the "
        "weights are further apart than rounding explains; the difference is "
        f"{number(100 * size, 3)} % of the weights' size."
    )


def _bias_evidence(constants: Constants) -> str:
    assert constants.bias is not None
    a, b = map(real_values, constants.bias)
    if not b.any() or not a.any():
        zero, other, most = ("A", "B", b) if b.any() else ("B", "A", a)
        return (
            f"{zero}'s bias of {constants.title} is all zeros; {other}'s goes up to "
            f"{number(float(np.abs(most).max()), 3)}."
        )
    return (
        f"In {constants.title}, {_changed(*constants.bias)} of {a.size} biases are other real "
        f"numbers, by up to {number(float(np.abs(a - b).max()), 3)}, while the weights are the "
        "same."
    )


def _factors(constants: Constants) -> tuple[float, float] | None:
    """The least and the largest k of an output channel with A's weights = k · B's up to rounding;
    None where there is none."""
    if constants.weights is None:
        return None
    left, right = constants.weights
    a, b = (channels(tensor, constants.operator) for tensor in constants.weights)
    if a.shape[1] < _TELLING_WEIGHTS:
        return None
    power = np.square(b).sum(axis=1)
    if not power.all():
        return None
    k = (a * b).sum(axis=1) / power
    step_a, step_b = (
        constants.operator.by_channel(np.broadcast_to(steps(t), t.shape)) for t in (left, right)
    )
    allowed = (step_a + np.abs(k)[:, np.newaxis] * step_b) / 2 * 1.1
    # A factor of zero "explains" everything, and so does a grid that is coarser than the weights.
    telling = np.square(a).sum(axis=1) > 4 * np.square(allowed).sum(axis=1)
    fits = (np.abs(a - k[:, np.newaxis] * b) <= allowed).all()
    if not fits or telling.mean() <= 0.5 or (np.abs(k) <= 1e-9).any():
        return None
    return float(k.min()), float(k.max())


def _input_offset(case: Case, operator: Operator, left: Tensor, right: Tensor) -> float | None:
    """Steps of the input by which B's bias is shifted, or None where that explains nothing."""
    index = operator.inputs[1]
    if index not in case.partner:
        return None
    theirs, weights = case.a.tensors[case.partner[index]], case.b.tensors[index]
    if theirs.data is None or weights.data is None or theirs.dtype != weights.dtype:
        return None
    shift = (real_values(right) - real_values(left)).ravel()
    sums = channels(theirs, operator).sum(axis=1)
    if len(sums) != len(shift) or len(sums) < 2 or not np.square(sums).sum():
        return None
    offset = float((shift * sums).sum() / np.square(sums).sum())
    allowed = ROUNDING * half_steps(left, right).ravel() + 0.02 * np.abs(shift).max()
    fits = (np.abs(shift - offset * sums) <= allowed).all()
    if not fits or weights.quantization is None or right.quantization is None:
        return None
    # The bias's scale is the input's times the weights'.
    return offset * weights.quantization.scales[0] / right.quantization.scales[0]
