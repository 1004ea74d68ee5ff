"""Putting parameters of A into B.

What is put in are real numbers and ranges. A bias is written with the scale of its operator's
input times that of its weights, so where one of those changes it is rounded again; where all that
it depends on is A's, it becomes A's own bias, code by code. The scale that the file gives a bias is
not looked at: the kernels take the product, whatever it says.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from host.base.arrays import Array
from host.diagnosis.comparison.case import Matched
from host.diagnosis.comparison.parameters import BIASED
from host.models.edit import Addition, Change, extend, patch
from host.models.tflite import Graph, Operator, Quantization


def graft(models: Matched, chosen: Collection[int]) -> Graph:
    """B with A's parameters for some of the parts, given by their positions."""
    picked = [models.parts[i] for i in sorted(chosen)]
    changes: dict[int, Change] = {}
    for part in picked:
        for index, partner in part.tensors:
            source = models.a.tensors[partner]
            if part.kind in ("range", "weights", "operators"):
                dtype = source.dtype if part.kind == "operators" else None
                changes[index] = Change(index, source.quantization, source.data, dtype)
    # DEQUANTIZE operators whose output is int8 by now only change the scale.
    operators = {
        o.index: "QUANTIZE"
        for o in models.b.operators
        if o.name == "DEQUANTIZE" and o.outputs[0] in changes and changes[o.outputs[0]].dtype
    }
    from_a = {t for part in picked if part.kind == "bias" for t, _ in part.tensors}
    for operator in models.b.operators:
        change = _bias(models, operator, changes, from_a)
        if change is not None:
            changes[change.tensor] = change
    return patch(models.b, changes.values(), operators)


def with_biases(graph: Graph) -> Graph:
    """The same model with a bias of zeros wherever an int8 operator has none.

    The converter drops a bias that is all zeros; with one on both sides, they can be exchanged.
    """
    additions = []
    for operator in graph.operators:
        places = BIASED.get(operator.name)
        if places is None or _has_bias(operator, places[2]):
            continue
        source, weights = (graph.tensors[operator.inputs[p]] for p in places[:2])
        scales = _product(source.quantization, weights.quantization)
        if weights.data is None or weights.dtype != "int8" or scales is None:
            continue
        kind = np.int64 if source.dtype == "int16" else np.int32
        zeros = np.zeros(weights.shape[operator.channel_axis], kind)
        name = f"{graph.tensors[operator.outputs[0]].name};no bias"
        additions.append(Addition(operator.index, places[2], name, _symmetric(scales), zeros))
    return extend(graph, additions) if additions else graph


def _has_bias(operator: Operator, position: int) -> bool:
    return len(operator.inputs) > position and operator.inputs[position] != -1


def _bias(
    models: Matched, operator: Operator, changes: Mapping[int, Change], from_a: Collection[int]
) -> Change | None:
    """The operator's bias as it must be now, or None where it stays as it is."""
    b, places = models.b, BIASED.get(operator.name)
    if places is None or not _has_bias(operator, places[2]):
        return None
    source, weights, index = (operator.inputs[p] for p in places)
    own = b.tensors[index]
    if own.data is None or own.quantization is None or own.data.dtype.kind != "i":
        return None
    if index in changes:  # an operator that was float
        return None
    old = [b.tensors[i].quantization for i in (source, weights)]
    new = [i in changes and changes[i].quantization for i in (source, weights)]
    ours, wanted = _product(*old), _product(new[0] or old[0], new[1] or old[1])
    if wanted is None or ours is None:
        return None
    candidates = [(own.data, ours)]
    partner = _partner(models, (source, weights, index), own.dtype)
    differing = [p for p in models.parts if p.kind == "bias" and not p.same_value]
    if partner is not None and index in from_a:
        candidates = [partner]
    elif partner is not None and all(t != index for p in differing for t, _ in p.tensors):
        candidates.append(partner)  # the same numbers, so the one that fits the scales
    fitting = [d for d, s in candidates if np.allclose(s, wanted, rtol=1e-6, atol=0)]
    data = fitting[0] if fitting else _rounded(*candidates[0], wanted)
    return None if data is own.data else Change(index, _symmetric(wanted), data)


def _partner(
    models: Matched, indices: tuple[int, int, int], dtype: str
) -> tuple[Array, tuple[float, ...]] | None:
    """A's bias and the scales that its codes stand for, where A has one of that type."""
    if any(i not in models.partner for i in indices):
        return None
    source, weights, bias = (models.a.tensors[models.partner[i]] for i in indices)
    scales = _product(source.quantization, weights.quantization)
    if bias.data is None or bias.dtype != dtype or scales is None:
        return None
    return bias.data, scales


def _product(source: Quantization | None, weights: Quantization | None) -> tuple[float, ...] | None:
    if source is None or weights is None:
        return None
    return tuple(source.scale * scale for scale in weights.scales)


def _symmetric(scales: tuple[float, ...]) -> Quantization:
    return Quantization(scales, (0,) * len(scales), 0)


def _rounded(data: Array, scales: Sequence[float], wanted: Sequence[float]) -> Array:
    """Codes for the scales wanted, of the real numbers that codes of other scales stand for."""
    limits = np.iinfo(data.dtype)
    codes = np.round(data * np.array(scales) / np.array(wanted))
    return np.asarray(np.clip(codes, limits.min, limits.max), data.dtype)
