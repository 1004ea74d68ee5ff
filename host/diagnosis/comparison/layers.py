"""Operator by operator: A against B against the float model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from host.diagnosis.comparison.align import CONVERSIONS, Means
from host.diagnosis.comparison.case import Case
from host.diagnosis.comparison.keras_layers import KerasLayer, layers_of
from host.diagnosis.comparison.parameters import Difference
from host.diagnosis.comparison.signals import Signal, Traces, signal, sqnr_db
from host.models.tflite import Operator, Tensor

# Options that say how constants are stored, not what is computed.
_FORMAL = {"quantizedBiasType", "asymmetricQuantizeInputs"}


@dataclass(frozen=True)
class Layer:
    """An operator of B with its partner in A."""

    operator: int | None
    """Index of the operator in B's .tflite; null where only A has it."""
    operator_a: int | None
    """Index of the operator in A's .tflite; null where only B has it."""
    name: str
    """The operator's name in the TFLite schema."""
    tensor: str
    """Name of its output tensor, B's where B has it."""
    keras: tuple[str, ...] = ()
    """Keras layers whose work the operator does; empty where unknown."""
    aligned: Means | None = None
    """What made the two operators partners: their order, their names, or the signal; null where
    there is no partner."""
    correlation: float | None = None
    """Correlation of the two outputs' real values on the samples, −1 to 1; null without a partner
    or for a constant output."""
    differences: tuple[Difference, ...] = ()
    """Parameters of its tensors that differ."""
    a: Signal | None = None
    """A's output on the samples; null where only B has the operator."""
    b: Signal | None = None
    """B's output on the samples; null where only A has the operator."""
    differing: float | None = None
    """Share of the output's values that differ by more than rounding to the steps of A and B
    explains; null without a partner."""
    sqnr_ab: float | None = None
    """Ratio of A's signal to B's difference from it, in dB; null without a partner and where there
    is no difference."""
    restored: float | None = None
    """What A's parameters of this operator alone restore, in points of equal output values of the
    model; null where nothing could be put in."""

    @property
    def diverges(self) -> bool:
        """Whether any value of the two outputs differs, by rounding or by more."""
        return bool(self.differing) or self.sqnr_ab not in (None, float("inf"))


def compare_layers(
    case: Case, keras: Sequence[KerasLayer], restored: Mapping[int | None, float]
) -> tuple[Layer, ...]:
    """Every operator of B with its partner, then those of A that have none.

    ``restored`` has the points that each operator's parameters alone restore, by B's index.
    """
    traces = case.traces
    names = layers_of(case.b, traces.float_b, keras)
    by_b = {pair.b: pair for pair in case.pairs}
    layers = []
    for operator in case.b.operators:
        right, pair = case.b.tensors[operator.outputs[0]], by_b.get(operator.index)
        layer = Layer(
            operator=operator.index,
            operator_a=None,
            name=operator.name,
            tensor=right.name,
            keras=names.get(operator.index, ()),
            differences=tuple(
                d for p in case.parts if p.operator == operator.index for d in p.differences
            ),
            b=signal(traces.b[right.index], right, traces.float_b.get(right.index)),
            restored=restored.get(operator.index),
        )
        if pair is not None:
            left = case.a.tensors[case.a.operators[pair.a].outputs[0]]
            a, b = left.to_real(traces.a[left.index]), right.to_real(traces.b[right.index])
            step = sum(t.quantization.scale / 2 for t in (left, right) if t.quantization)
            if left.quantization == right.quantization:
                step = 0.0  # on one grid, rounding explains nothing
            layer = replace(
                layer,
                operator_a=pair.a,
                aligned=pair.by,
                correlation=case.likeness.get((pair.a, pair.b)),
                a=_signal_of_a(traces, left),
                differing=float((np.abs(a - b) > step * (1 + 1e-6)).mean()),
                sqnr_ab=sqnr_db(a, b),
            )
        layers.append(layer)
    for operator in _unpaired(case.a.operators, {pair.a for pair in case.pairs}):
        left = case.a.tensors[operator.outputs[0]]
        signal_a = _signal_of_a(traces, left)
        layers.append(Layer(None, operator.index, operator.name, left.name, a=signal_a))
    return tuple(layers)


def _signal_of_a(traces: Traces, tensor: Tensor) -> Signal:
    return signal(traces.a[tensor.index], tensor, traces.float_a.get(tensor.index))


def _unpaired(operators: Sequence[Operator], paired: set[int]) -> list[Operator]:
    return [operator for operator in operators if operator.index not in paired]


def number_formats(case: Case) -> tuple[str, ...]:
    """Sentences on operators that compute in other number formats, whose ranges have no partner."""
    places = [((case.a, pair.a), (case.b, pair.b)) for pair in case.pairs]
    formats = Counter(
        tuple(g.tensors[g.operators[i].outputs[0]].dtype for g, i in both) for both in places
    )
    return tuple(
        f"{count} operators compute in {a} in A and in {b} in B. Their ranges cannot be exchanged; "
        "their difference is what the two number formats cost."
        for (a, b), count in formats.items()
        if a != b and (a, b) != ("int8", "float32")  # float operators are suspects
    )


def unaligned(case: Case) -> tuple[str, ...]:
    """Sentences on operators without a partner, and on partners with other options."""
    sentences = []
    for who, graph, paired in (
        ("A", case.a, {p.a for p in case.pairs}),
        ("B", case.b, {p.b for p in case.pairs}),
    ):
        for operator in _unpaired(graph.operators, paired):
            what = "only changes the number format" if operator.name in CONVERSIONS else "computes"
            sentences.append(f"{graph.describe(operator)} of {who} {what} and has no partner.")
    for pair in case.pairs:
        left, right = case.a.operators[pair.a], case.b.operators[pair.b]
        names = sorted(
            k
            for k in {*left.options, *right.options} - _FORMAL
            if right.options.get(k) != left.options.get(k)
        )
        if names:
            sentences.append(
                f"{case.b.describe(right)} has other options than its partner "
                f"({', '.join(names)}); options are not exchanged."
            )
    return tuple(sentences)
