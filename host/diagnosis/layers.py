"""Operator by operator: A against B against the float model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from host.diagnosis.align import CONVERSIONS
from host.diagnosis.case import Case
from host.diagnosis.keras_layers import KerasLayer, layers_of
from host.diagnosis.records import Layer
from host.diagnosis.traces import Traces, share_differing, signal, sqnr_db
from host.models.tflite import Tensor

# Options that say how constants are stored, not what is computed.
_FORMAL = {"quantizedBiasType", "asymmetricQuantizeInputs"}


def compare_layers(
    case: Case,
    keras: Sequence[KerasLayer],
    likeness: Mapping[tuple[int, int], float | None],
    restored: Mapping[int | None, float],
) -> tuple[Layer, ...]:
    """Every operator of B with its partner, then those of A that have none.

    Args:
        case: the case.
        keras: the Keras layers, run on the first samples.
        likeness: correlation of the outputs of (A's, B's) operators.
        restored: points that each operator's parameters alone restore, by B's index.
    """
    traces = case.traces
    names = layers_of(case.b, traces.float_b, keras)
    by = {pair.b: pair for pair in case.pairs}
    layers = []
    for operator in case.b.operators:
        right = case.b.tensors[operator.outputs[0]]
        pair = by.get(operator.index)
        left = None
        if pair is not None:
            left = case.a.tensors[case.a.operators[pair.a].outputs[0]]
        mine = [p for p in case.parts if p.operator == operator.index]
        layers.append(
            Layer(
                operator=operator.index,
                operator_a=None if pair is None else pair.a,
                name=operator.name,
                tensor=right.name,
                keras=names.get(operator.index, ()),
                aligned=None if pair is None else pair.by,
                correlation=None if pair is None else likeness.get((pair.a, pair.b)),
                differences=tuple(d for p in mine for d in p.differences),
                a=None
                if left is None
                else signal(traces.a[left.index], left, traces.float_a.get(left.index)),
                b=signal(traces.b[right.index], right, traces.float_b.get(right.index)),
                restored=restored.get(operator.index),
                **_apart(traces, left, right),
            )
        )
    partners = {pair.a for pair in case.pairs}
    for operator in case.a.operators:
        if operator.index not in partners:
            left = case.a.tensors[operator.outputs[0]]
            layers.append(
                Layer(
                    operator=None,
                    operator_a=operator.index,
                    name=operator.name,
                    tensor=left.name,
                    keras=(),
                    aligned=None,
                    correlation=None,
                    differences=(),
                    a=signal(traces.a[left.index], left, traces.float_a.get(left.index)),
                    b=None,
                    differing=None,
                    sqnr_ab=None,
                    restored=None,
                )
            )
    return tuple(layers)


def _apart(traces: Traces, left: Tensor | None, right: Tensor) -> dict[str, float | None]:
    """How far an operator's two outputs are apart, beyond rounding to each other's steps."""
    if left is None:
        return {"differing": None, "sqnr_ab": None}
    a, b = left.to_real(traces.a[left.index]), right.to_real(traces.b[right.index])
    step = sum(t.quantization.scale / 2 for t in (left, right) if t.quantization is not None)
    if left.quantization == right.quantization:
        step = 0.0  # on one grid, rounding explains nothing
    return {"differing": share_differing(a, b, step), "sqnr_ab": sqnr_db(a, b)}


def formats(case: Case) -> tuple[str, ...]:
    """Sentences on operators that compute in other number formats, whose ranges have no partner."""
    found: dict[tuple[str, str], int] = {}
    for pair in case.pairs:
        left, right = case.a.operators[pair.a], case.b.operators[pair.b]
        kinds = case.a.tensors[left.outputs[0]].dtype, case.b.tensors[right.outputs[0]].dtype
        if kinds[0] != kinds[1] and kinds != ("int8", "float32"):  # float islands are suspects
            found[kinds] = found.get(kinds, 0) + 1
    return tuple(
        f"{count} operators compute in {a} in A and in {b} in B: there their ranges cannot be "
        "exchanged, and that they differ is what the two formats cost."
        for (a, b), count in found.items()
    )


def unaligned(case: Case) -> tuple[str, ...]:
    """Sentences on operators without a partner, and on partners with other options."""
    said = []
    for who, graph, known in (
        ("A", case.a, {p.a for p in case.pairs}),
        ("B", case.b, {p.b for p in case.pairs}),
    ):
        alone = [o for o in graph.operators if o.index not in known]
        for operator in alone:
            kind = "changes how numbers are written" if operator.name in CONVERSIONS else "computes"
            said.append(f"{graph.describe(operator)} of {who} {kind} and has no partner.")
    for pair in case.pairs:
        left, right = case.a.operators[pair.a], case.b.operators[pair.b]
        names = sorted(
            k
            for k in {*left.options, *right.options} - _FORMAL
            if right.options.get(k) != left.options.get(k)
        )
        if names:
            said.append(
                f"{case.b.describe(right)} has other options than its partner "
                f"({', '.join(names)}): they were not exchanged."
            )
    return tuple(said)
