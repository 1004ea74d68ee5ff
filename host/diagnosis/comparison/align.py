"""Which operator of one model does the work of which operator of another.

By order first: the longest common subsequence of operators of one kind and of the same shapes;
where several are as long, the one whose names fit best. What is left over is paired by name, then
by signal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from host.models.tflite import Graph, Operator

# They change how numbers are written, not the numbers: a model may have more of them.
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")
# A name is worth less than being in order, so it only chooses between equal operators.
_NAME_WORTH = 0.25
# How alike two operators' outputs must be to be taken for the same: by correlation of their
# signals, by the share of common words in their names.
_LEAST = {"signal": 0.9, "name": 0.5}

Means = Literal["order", "name", "signal"]
# Correlation of the outputs of an operator of A and one of B, by (A's, B's) index; None or absent
# where it is not known.
Similarity = Mapping[tuple[int, int], float | None]


@dataclass(frozen=True)
class Pair:
    """Operators ``a`` and ``b``, by index, and what made them partners."""

    a: int
    b: int
    by: Means


def align(a: Graph, b: Graph, similarity: Similarity | None = None) -> tuple[Pair, ...]:
    """Pair the operators of two models, quantized or float; in the order of ``b``.

    ``similarity`` is that of their outputs, where both have run.
    """
    pairs = [Pair(i, j, "order") for i, j in _common(a, b)]
    pairs += _left_over(a, b, pairs, "name", lambda i, j: _alike(a, b, i, j))
    if similarity is not None:
        pairs = _verified(a, b, pairs, similarity)
        pairs += _left_over(a, b, pairs, "signal", lambda i, j: similarity.get((i, j)) or 0.0)
    return tuple(sorted(pairs, key=lambda pair: pair.b))


def words_of(name: str) -> frozenset[str]:
    """The parts of a tensor's name that say which layer it is.

    The converter joins the names of fused layers with ``;`` and tfmot puts ``quant_`` before them.
    """
    parts = re.split(r"[/;:]", name)
    return frozenset(part.removeprefix("quant_") for part in parts if part)


def _key(graph: Graph, operator: Operator) -> tuple[object, ...]:
    """What two operators must have in common to be partners: kind, outputs' and weights' shapes."""
    outputs = tuple(graph.tensors[i].shape for i in operator.outputs)
    weights = tuple(
        graph.tensors[i].shape
        for i in operator.inputs[1:2]  # biases may be absent on one side
        if i != -1 and graph.tensors[i].data is not None
    )
    return (operator.name, outputs, weights)


def _common(a: Graph, b: Graph) -> list[tuple[int, int]]:
    """The heaviest common subsequence, by dynamic programming."""
    keys_a = [_key(a, o) for o in a.operators]
    keys_b = [_key(b, o) for o in b.operators]
    best = np.zeros((len(keys_a) + 1, len(keys_b) + 1))
    for i, key_a in enumerate(keys_a):
        for j, key_b in enumerate(keys_b):
            paired = 0.0
            if key_a == key_b:
                paired = best[i, j] + 1 + _NAME_WORTH * _alike(a, b, i, j)
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], paired)
    common = []
    i, j = len(keys_a), len(keys_b)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            common.append((i, j))
    return common[::-1]


def _alike(a: Graph, b: Graph, i: int, j: int) -> float:
    """Share of common words in the names of two operators' outputs, 0..1."""
    left, right = (
        {word for t in o.outputs[:1] for word in words_of(graph.tensors[t].name)}
        for graph, o in ((a, a.operators[i]), (b, b.operators[j]))
    )
    return len(left & right) / len(left | right) if left | right else 0.0


def _left_over(
    a: Graph, b: Graph, pairs: Sequence[Pair], by: Means, alike: Callable[[int, int], float]
) -> list[Pair]:
    """Pairs among the operators that have no partner yet: of one kind and shape, most alike."""
    free_a = {o.index for o in a.operators} - {p.a for p in pairs}
    free_b = {o.index for o in b.operators} - {p.b for p in pairs}
    candidates = sorted(
        (
            (alike(i, j), i, j)
            for i in free_a
            for j in free_b
            if _key(a, a.operators[i]) == _key(b, b.operators[j])
        ),
        reverse=True,
    )
    more: list[Pair] = []
    for likeness, i, j in candidates:
        if likeness >= _LEAST[by] and i in free_a and j in free_b:
            free_a.remove(i)
            free_b.remove(j)
            more.append(Pair(i, j, by))
    return more


def _verified(a: Graph, b: Graph, pairs: Sequence[Pair], similarity: Similarity) -> list[Pair]:
    """Swap partners where the signals say that two operators of one kind changed places."""
    kept = list(pairs)
    for x in range(len(kept)):
        for y in range(x + 1, len(kept)):
            p, q = kept[x], kept[y]
            if _key(a, a.operators[p.a]) != _key(a, a.operators[q.a]):
                continue
            now = [similarity.get(places) for places in ((p.a, p.b), (q.a, q.b))]
            swapped = [similarity.get(places) for places in ((p.a, q.b), (q.a, p.b))]
            if None in now or None in swapped:
                continue
            # Both must be much better: behind a fault, any two signals are unlike.
            if min(swapped) >= _LEAST["signal"] > max(now):  # type: ignore[type-var, operator]
                kept[x], kept[y] = Pair(p.a, q.b, "signal"), Pair(q.a, p.b, "signal")
    return kept
