"""Suspects among constants: other weights, other biases, another grid, batch normalization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import numpy.typing as npt

from host.diagnosis.case import Case, Suspect, as_percent, factor, share_of
from host.diagnosis.granularity import suspects_of_granularity
from host.diagnosis.parameters import ROUNDING, channels, real_values, steps
from host.models.tflite import Operator, Tensor

Real = npt.NDArray[np.float64]

# Below this many weights a channel, any two channels are multiples of each other.
_TELLING_WEIGHTS = 3
_ALL_ORDERS = 4  # channels up to which all orders are tried


def suspects_of_values(case: Case) -> list[Suspect]:
    """What the constants point to. Biases that follow from other parameters are not suspects."""
    blamed = [s for operator in _operators(case) if (s := _other_values(case, operator))]
    return [*_merged(case, blamed), *suspects_of_granularity(case)]


def _operators(case: Case) -> list[int]:
    found = {case.parts[i].operator for kind in ("weights", "bias") for i in case.of_kind(kind)}
    return sorted(index for index in found if index is not None)


# --- other real numbers -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Constants:
    """An operator's weights and bias in A and B; None where they are the same real numbers."""

    operator: Operator
    first: bool
    weights: tuple[Tensor, Tensor] | None
    bias: tuple[Tensor, Tensor] | None
    all_weights: tuple[Tensor, Tensor] | None


def _other_values(case: Case, operator: int) -> Suspect | None:
    """The suspect for one operator whose weights or bias are other real numbers in A and B."""
    mine = [i for i, p in enumerate(case.parts) if p.operator == operator]
    different = [
        i
        for i in mine
        if case.parts[i].kind in ("weights", "bias") and not case.parts[i].same_value
    ]
    if not different:
        return None
    weights = [i for i in different if case.parts[i].kind == "weights"]
    biases = [i for i in different if case.parts[i].kind == "bias"]
    op = case.b.operators[operator]
    constants = _Constants(
        operator=op,
        first=operator in case.first_operators,
        weights=case.tensors(weights[0]) if weights else None,
        bias=case.tensors(biases[0]) if biases else None,
        all_weights=_weights(case, op),
    )
    cause, evidence = _cause(case, constants)
    tensor = case.parts[different[0]].tensors[0][0]
    return Suspect(cause, frozenset(different), operator, tensor, tuple(evidence))


def _weights(case: Case, operator: Operator) -> tuple[Tensor, Tensor] | None:
    if len(operator.inputs) < 2 or operator.inputs[1] not in case.partner:
        return None
    left = case.a.tensors[case.partner[operator.inputs[1]]]
    right = case.b.tensors[operator.inputs[1]]
    if left.data is None or right.data is None or left.dtype != right.dtype:
        return None
    return left, right


def _cause(case: Case, found: _Constants) -> tuple[str, list[str]]:
    where = case.title(found.operator.index)
    if found.weights is None:
        return _bias_cause(case, found, where)
    left, right = found.weights
    order = _channel_order(case, found.operator, left, right) if found.first else None
    if order is not None and found.bias is None:
        return "input-channel-order", [
            f"A's weights of {where} are B's with the input channels in the order "
            f"{', '.join(map(str, order))}, up to rounding."
        ]
    factors = _channel_factors(found.operator, left, right)
    if factors is not None:
        low, high = float(factors.min()), float(factors.max())
        if found.first and found.bias is None and high - low <= 0.01 * abs(high):
            return "input-scale", [
                f"All weights of {where} in B are A's times {factor(1 / high)}, and the bias is "
                f"the same: as if the input were multiplied by {factor(1 / high)}."
            ]
        return "batch-norm-folding", [
            f"In {where}, B's weights are A's times one factor for each output channel, "
            f"{factor(1 / high)} to {factor(1 / low)}, up to rounding"
            + ("; the bias differs, too." if found.bias else ".")
        ]
    apart = np.abs(real_values(left) - real_values(right)) > (steps(left) + steps(right)) / 2
    size = _relative(real_values(left), real_values(right))
    return "weights-differ", [
        f"In {where}, {as_percent(float(apart.mean()))} of the weights are further apart than "
        f"rounding explains; the difference is {as_percent(size)} of the weights' size."
    ]


def _bias_cause(case: Case, found: _Constants, where: str) -> tuple[str, list[str]]:
    assert found.bias is not None
    left, right = found.bias
    if found.first and found.all_weights is not None:
        offset = _input_offset(found)
        if offset is not None:
            return "input-offset", [
                f"B's bias in {where} is A's plus {factor(offset)} quantization steps of the input "
                "times the sum of each channel's weights: as if the input were shifted by that."
            ]
    a, b = real_values(left), real_values(right)
    if not b.any() or not a.any():
        none, other, most = ("A", "B", _most(b)) if b.any() else ("B", "A", _most(a))
        return "bias-differs", [
            f"{none}'s bias of {where} is all zeros; {other}'s goes up to {most}."
        ]
    name = case.b.tensors[found.operator.outputs[0]].name.lower()
    changed = int(np.count_nonzero(np.abs(a - b) > ROUNDING * (steps(left) + steps(right)) / 2))
    text = (
        f"In {where}, {share_of(changed, a.size)} biases are other real numbers, by up to "
        f"{_most(a - b)}, while the weights are the same."
    )
    if "batch" in name and "norm" in name and changed > a.size / 2:
        return "batch-norm-folding", [text]
    return "bias-differs", [text]


def _most(values: Real) -> str:
    return factor(float(np.abs(values).max()))


def _relative(left: Real, right: Real) -> float:
    power = float(np.square(left).sum())
    return float(np.sqrt(np.square(left - right).sum() / power)) if power else float("inf")


def _channel_factors(operator: Operator, left: Tensor, right: Tensor) -> Real | None:
    """k of each output channel with A's weights = k · B's up to rounding; None if there is none."""
    a, b = channels(left, operator), channels(right, operator)
    if a.shape[1] < _TELLING_WEIGHTS:
        return None
    power = np.square(b).sum(axis=1)
    if not power.all():
        return None
    k = (a * b).sum(axis=1) / power
    step_a, step_b = (
        operator.by_channel(np.broadcast_to(steps(t), t.shape)) for t in (left, right)
    )
    allowed = (step_a + np.abs(k)[:, np.newaxis] * step_b) / 2 * 1.1
    # A factor of zero "explains" everything, and so does a grid that is coarser than the weights.
    telling = np.square(a).sum(axis=1) > 4 * np.square(allowed).sum(axis=1)
    fits = (np.abs(a - k[:, np.newaxis] * b) <= allowed).all()
    return k if fits and telling.mean() > 0.5 and (np.abs(k) > 1e-9).all() else None


def _input_offset(found: _Constants) -> float | None:
    """Steps of the input by which B's bias is shifted, or None where that is no explanation."""
    assert found.bias is not None and found.all_weights is not None
    left, right = found.bias
    shift = (real_values(right) - real_values(left)).ravel()
    sums = channels(found.all_weights[0], found.operator).sum(axis=1)
    if len(sums) != len(shift) or len(sums) < 2 or not np.square(sums).sum():
        return None
    offset = float((shift * sums).sum() / np.square(sums).sum())
    allowed = ROUNDING * (steps(left) + steps(right)).ravel() / 2 + 0.02 * np.abs(shift).max()
    if not (np.abs(shift - offset * sums) <= allowed).all():
        return None
    weights = found.all_weights[1].quantization
    bias = right.quantization
    if weights is None or bias is None:
        return None
    return offset * weights.scales[0] / bias.scales[0]  # the bias's scale is input's · weights'


def _channel_order(
    case: Case, operator: Operator, left: Tensor, right: Tensor
) -> tuple[int, ...] | None:
    """An order of B's input channels in which its weights are A's; None where there is none."""
    count = case.b.input.shape[-1]
    a, b = (_by_input_channel(operator, t, count) for t in (left, right))
    if a is None or b is None or count < 2:
        return None
    allowed = _by_input_channel_steps(operator, left, right, count)
    for order in _orders(a, b, count):
        if order != tuple(range(count)) and _same(a, b[..., order], allowed):
            return order
    return None


def _orders(a: Real, b: Real, count: int) -> Sequence[tuple[int, ...]]:
    if count <= _ALL_ORDERS:
        return list(permutations(range(count)))
    rows_a, rows_b = a.reshape(-1, count).T, b.reshape(-1, count).T
    apart = np.square(rows_a[:, np.newaxis] - rows_b[np.newaxis]).sum(axis=2)
    order = tuple(int(i) for i in apart.argmin(axis=1))
    return [order] if len(set(order)) == count else []


def _same(a: Real, b: Real, allowed: Real) -> bool:
    return bool((np.abs(a - b) <= allowed).all())


def _by_input_channel(operator: Operator, tensor: Tensor, count: int) -> Real | None:
    return _last_axis(operator, real_values(tensor), count)


def _last_axis(operator: Operator, values: Real, count: int) -> Real | None:
    """Weights with the model's input channels along the last axis."""
    if operator.name == "DEPTHWISE_CONV_2D":
        return None  # its channels are its output's: an order there is no order of the input alone
    if operator.name == "CONV_2D" and values.shape[-1] == count:
        return values
    if operator.name == "FULLY_CONNECTED" and values.shape[-1] % count == 0:
        return values.reshape(*values.shape[:-1], -1, count)
    return None


def _by_input_channel_steps(operator: Operator, left: Tensor, right: Tensor, count: int) -> Real:
    both = ROUNDING * (steps(left) + steps(right)) / 2
    found = _last_axis(operator, np.broadcast_to(both, left.shape), count)
    assert found is not None
    return found


# --- one cause in several operators -----------------------------------------------------------


def _merged(case: Case, suspects: list[Suspect]) -> list[Suspect]:
    """One suspect where a cause holds for most of the model, or is one cause by nature."""
    weighted = sum(1 for p in case.pairs if _has_constants(case.b.operators[p.b], case))
    result = suspects
    norms = [s for s in result if s.cause == "batch-norm-folding"]
    if len(norms) > 1:
        # Zeroed or shifted biases beside them are the same stale statistics.
        result = _join("batch-norm-folding", norms, result)
    others = [s for s in result if s.cause == "weights-differ"]
    if len(others) > 1 and len(others) >= weighted / 2:
        mine = [
            s for s in result if s.cause in ("weights-differ", "bias-differs", "batch-norm-folding")
        ]
        result = _join("weights-differ", mine, result)
    return result


def _has_constants(operator: Operator, case: Case) -> bool:
    return any(
        i in case.partner and case.b.tensors[i].data is not None and case.b.tensors[i].quantization
        for i in operator.inputs
        if i != -1
    )


def _join(cause: str, joined: list[Suspect], everyone: list[Suspect]) -> list[Suspect]:
    operators = sorted({s.operator for s in joined if s.operator is not None})
    one = replace(
        joined[0],
        cause=cause,
        parts=frozenset().union(*(s.parts for s in joined)),
        operator=None if len(operators) > 1 else joined[0].operator,
        tensor=None if len(operators) > 1 else joined[0].tensor,
        evidence=(
            f"{len(operators)} operators: {', '.join(map(str, operators))}.",
            *(s.evidence[0] for s in joined[:2]),
        ),
    )
    return [one, *(s for s in everyone if s not in joined)]
