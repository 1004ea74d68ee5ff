"""Putting parameters of A into B.

What is put in are real numbers and ranges. A bias is written with the scale of its operator's
input times that of its weights, so where one of those changes it is rounded anew; where all that
it depends on is A's, it becomes A's own bias, code by code. The scale that the file gives a bias is
not looked at: the kernels take the product, whatever it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from host.base.arrays import Array
from host.diagnosis.align import Pair
from host.diagnosis.parameters import BIASED, Part, partners
from host.models.edit import Addition, Change, extend, patch
from host.models.tflite import Graph, Operator, Quantization


def graft(
    a: Graph, b: Graph, pairs: Sequence[Pair], parts: Sequence[Part], chosen: Collection[int]
) -> Graph:
    """B with A's parameters for some parts.

    Args:
        a, b: the models.
        pairs: which operators correspond.
        parts: all that differs, as ``parameters.parts`` returned it.
        chosen: positions in ``parts`` of those to take from A.
    """
    picked = [parts[i] for i in sorted(chosen)]
    changes: dict[int, Change] = {}
    operators: dict[int, str] = {}
    for part in picked:
        for index, partner in part.tensors:
            source = a.tensors[partner]
            if part.kind in ("range", "weights"):
                changes[index] = Change(index, source.quantization, source.data)
            elif part.kind == "operators":
                changes[index] = Change(index, source.quantization, source.data, source.dtype)
    for part in picked:
        if part.kind == "operators" and part.operator is not None:
            operators |= _without_floats(b, changes)
    values = {t for part in picked if part.kind == "bias" for t, _ in part.tensors}
    known = partners(a, b, pairs)
    different = {t for p in parts if p.kind == "bias" and not p.same_value for t, _ in p.tensors}
    for operator in b.operators:
        change = _bias(a, b, operator, known, changes, values, different)
        if change is not None:
            changes[change.tensor] = change
    return patch(b, changes.values(), operators)


def with_biases(graph: Graph) -> Graph:
    """The same model with a bias of zeros wherever an int8 operator has none.

    The converter drops a bias that is all zeros; with one on both sides, they can be exchanged.
    """
    additions = []
    for operator in graph.operators:
        places = BIASED.get(operator.name)
        if places is None or not _lacks_bias(operator, places[2]):
            continue
        source, weights = (graph.tensors[operator.inputs[p]] for p in places[:2])
        scales = _product(source.quantization, weights.quantization)
        if weights.data is None or weights.dtype != "int8" or scales is None:
            continue
        kind = np.int64 if source.dtype == "int16" else np.int32
        zeros = np.zeros(weights.shape[operator.channel_axis], kind)
        quantization = Quantization(scales, (0,) * len(scales), 0)
        name = f"{graph.tensors[operator.outputs[0]].name};no bias"
        additions.append(Addition(operator.index, places[2], name, quantization, zeros))
    return extend(graph, additions) if additions else graph


def _lacks_bias(operator: Operator, position: int) -> bool:
    return len(operator.inputs) <= position or operator.inputs[position] == -1


def _without_floats(b: Graph, changes: Mapping[int, Change]) -> dict[int, str]:
    """DEQUANTIZE operators whose output is int8 by now only change the scale: QUANTIZE."""
    return {
        o.index: "QUANTIZE"
        for o in b.operators
        if o.name == "DEQUANTIZE" and o.outputs[0] in changes and changes[o.outputs[0]].dtype
    }


def _bias(
    a: Graph,
    b: Graph,
    operator: Operator,
    known: Mapping[int, int],
    changes: Mapping[int, Change],
    from_a: Collection[int],
    different: Collection[int],
) -> Change | None:
    """The operator's bias as it must be now, or None where it stays as it is."""
    places = BIASED.get(operator.name)
    if places is None or _lacks_bias(operator, places[2]):
        return None
    source, weights, index = (operator.inputs[p] for p in places)
    own = b.tensors[index]
    if own.data is None or own.quantization is None or own.data.dtype.kind != "i":
        return None
    if index in changes:  # an operator that was float
        return None
    wanted = _product(_quantization(b, changes, source), _quantization(b, changes, weights))
    ours = _product(b.tensors[source].quantization, b.tensors[weights].quantization)
    if wanted is None or ours is None:
        return None
    candidates = [(own.data, ours)]
    partner = _partner(a, known, (source, weights, index), own.dtype)
    if partner is not None and index in from_a:
        candidates = [partner]
    elif partner is not None and index not in different:
        candidates.append(partner)  # the same numbers, so the one that fits the scales
    data = next((d for d, scales in candidates if _close(scales, wanted)), None)
    if data is None:
        data = _rounded(*candidates[0], wanted)
    if data is own.data:
        return None
    return Change(index, Quantization(wanted, (0,) * len(wanted), 0), data)


def _partner(
    a: Graph, known: Mapping[int, int], indices: tuple[int, int, int], dtype: str
) -> tuple[Array, tuple[float, ...]] | None:
    """A's bias and the scales that its codes stand for, where A has one of that type."""
    if any(i not in known for i in indices):
        return None
    source, weights, bias = (a.tensors[known[i]] for i in indices)
    scales = _product(source.quantization, weights.quantization)
    if bias.data is None or bias.dtype != dtype or scales is None:
        return None
    return bias.data, scales


def _quantization(b: Graph, changes: Mapping[int, Change], index: int) -> Quantization | None:
    change = changes.get(index)
    return (change.quantization if change else None) or b.tensors[index].quantization


def _product(source: Quantization | None, weights: Quantization | None) -> tuple[float, ...] | None:
    if source is None or weights is None:
        return None
    return tuple(source.scale * scale for scale in weights.scales)


def _close(left: Sequence[float], right: Sequence[float]) -> bool:
    scales = np.broadcast_arrays(np.array(left), np.array(right))
    return bool(np.allclose(scales[0], scales[1], rtol=1e-6, atol=0))


def _rounded(data: Array, scales: Sequence[float], wanted: Sequence[float]) -> Array:
    """Codes for the scales wanted, of the real numbers that codes of other scales stand for."""
    limits = np.iinfo(data.dtype)
    codes = np.round(data * np.array(scales) / np.array(wanted))
    return np.asarray(np.clip(codes, limits.min, limits.max), data.dtype)
