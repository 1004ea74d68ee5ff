"""The whole comparison, in order: align, look, suspect, intervene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from host.base.arrays import Array, FloatArray
from host.diagnosis.causes.feeding import input_parts
from host.diagnosis.causes.float_operators import float_parts
from host.diagnosis.causes.inquiry import Suspect
from host.diagnosis.causes.registry import CAUSES, inquire
from host.diagnosis.comparison.case import Case, match
from host.diagnosis.comparison.graft import with_biases
from host.diagnosis.comparison.interventions import Experiment, Intervention, play
from host.diagnosis.comparison.keras_layers import KerasLayer, run_layers
from host.diagnosis.comparison.layers import Layer, compare_layers, number_formats, unaligned
from host.diagnosis.comparison.parameters import PartKind
from host.diagnosis.comparison.signals import Samples, similarity, trace
from host.models.source import FloatModel as Source
from host.models.tflite import Graph
from host.quantize.conversion import convert_float
from host.report.document import Part
from host.report.formats import percent
from host.verdict.statistics import Interval
from host.verdict.tasks import accuracy, decide

# Samples on which operators are exchanged one by one: two runs of TFLM an operator.
OPERATOR_SAMPLES = 100
# What restores less than this many points restores nothing.
_LEAST_EFFECT = 1e-9
_GROUPS: Mapping[str, PartKind] = {
    "activation ranges": "range",
    "weights": "weights",
    "biases": "bias",
    "float operators": "operators",
    "input samples": "input",
}


@dataclass(frozen=True)
class FloatModel:
    """What both models were made of.

    ``graph`` is its float .tflite; its Keras layers ran on the first samples, ``outputs`` are for
    all of them, [n, …].
    """

    graph: Graph
    layers: tuple[KerasLayer, ...]
    outputs: Array


def run_float(source: Source, x: FloatArray) -> FloatModel:
    """The Keras model as a float .tflite, its layers' outputs and its own, on samples [n, …].

    Raises:
        ModelError: it cannot be converted.
        ToolMissingError: that needs TensorFlow.
    """
    return FloatModel(convert_float(source), run_layers(source.handle, x), source.predict(x))


@dataclass(frozen=True)
class Material:
    """All that is compared.

    Attributes:
        labels: int64 [n] class numbers, or None.
        classes: whether the outputs are a list of classes.
        x_calibration: float32 representative data, or None.
        device, device_name: what a device made of B on the samples that are meant, or None.
    """

    a: Graph
    b: Graph
    samples: Samples
    labels: Array | None
    classes: bool
    reference: FloatModel | None = None
    x_calibration: FloatArray | None = None
    device: Array | None = None
    device_name: str | None = None


@dataclass(frozen=True)
class Accuracies:
    """Share of right predictions, 0 to 1; null without labels or without the model."""

    float: Interval | None
    a: Interval | None
    b: Interval | None


@dataclass(frozen=True)
class Agreement:
    """How far the outputs of A and B agree on the samples."""

    samples: int
    equal_outputs: float
    """Share of output values that are equal."""
    equal_samples: float
    """Share of samples whose output values are all equal."""
    equal_predictions: float | None
    """Share of samples with the same predicted class; null without classes."""
    mean_steps: float
    """Mean difference of the output values, in quantization steps of A's output (of B's, where A's
    is float)."""
    max_steps: float
    """Largest difference of the output values, in the same steps."""
    accuracy: Accuracies


@dataclass(frozen=True)
class Finding:
    """A cause that an intervention has shown."""

    cause: str
    """The cause's identifier, see docs/explain.md."""
    operator: int | None
    """Index of the operator in B's .tflite; null where it is not one operator's."""
    tensor: str | None
    """B's name of the tensor concerned; null where it is not one tensor's."""
    effect: float
    """What the intervention restored, in points of equal output values."""
    evidence: tuple[str, ...]
    """What was measured, in sentences."""
    remedy: str


class Analysis(Part):
    """Why the outputs of A and B differ. Every operator index is B's unless it says otherwise."""

    findings: tuple[Finding, ...]
    """Causes that an intervention has shown, the largest effect first; empty where none was."""
    agreement: Agreement
    """How far the outputs of A and B agree on the samples."""
    equal_after_all: float | None
    """Share of equal output values with all of A's parameters in B; null where nothing could be put
    in."""
    interventions: tuple[Intervention, ...]
    """What was put from A into B, and what TFLite-Micro on the host then computed."""
    layers: tuple[Layer, ...]
    """Every operator of B in its order, then those that only A has."""
    unaligned: tuple[str, ...]
    """What has no partner in the other model, in sentences."""
    notes: tuple[str, ...]
    """What could not be said, and why; differences that are not findings."""
    conditions: Mapping[str, int]
    """What the numbers hold under: the seed, and on how many samples what was run."""


def analyse(material: Material) -> Analysis:
    """Compare A and B.

    Raises:
        OracleError: TFLM on the host is absent or refuses one of them.
    """
    m = replace(material, a=with_biases(material.a), b=with_biases(material.b))
    case = _case(m)
    inquiry = inquire(case)
    experiment = Experiment(case, case.samples)
    suspects = [suspect for suspect in inquiry.suspects if suspect.parts]
    causes = play("cause", [(s.cause, s.parts) for s in suspects], experiment.equal)
    kinds = [(name, frozenset(case.of_kind(kind))) for name, kind in _GROUPS.items()]
    groups = play("group", [kind for kind in kinds if kind[1]], experiment.equal)
    operators, restored = _by_operator(case)
    measured = [_measured(*pair, len(suspects)) for pair in zip(suspects, causes, strict=True)]
    measured += [suspect for suspect in inquiry.suspects if not suspect.parts]
    looked = (("Layers", case.traces.count), ("Single operators", OPERATOR_SAMPLES))
    limits = [
        f"{what} were looked at on the first {count} samples."
        for what, count in looked
        if case.parts and count < len(m.samples.meant)
    ]
    findings = [_finding(case, s) for s in measured if s.effect and s.effect > _LEAST_EFFECT]
    samples = len(m.samples.meant)
    return Analysis(
        agreement=_agreement(experiment, m),
        layers=compare_layers(case, m.reference.layers if m.reference else (), restored),
        interventions=(*groups, *operators, *causes),
        equal_after_all=experiment.equal(range(len(case.parts))) if case.parts else None,
        findings=tuple(sorted(findings, key=lambda finding: -finding.effect)),
        unaligned=unaligned(case),
        notes=(*inquiry.notes, *number_formats(case), *limits),
        conditions={
            "samples": samples,
            "samples of layers": case.traces.count,
            "samples of single operators": min(samples, OPERATOR_SAMPLES),
        },
    )


def _case(m: Material) -> Case:
    """What can be said before any intervention."""
    reference = m.reference.graph if m.reference else None
    traces = trace(m.a, m.b, reference, m.samples)
    likeness = similarity(m.a, m.b, traces)
    matched = match(m.a, m.b, likeness)
    fed = input_parts(m.samples, m.b.input)
    return Case(
        a=m.a,
        b=m.b,
        pairs=matched.pairs,
        parts=(*matched.parts, *float_parts(matched), *fed),
        traces=traces,
        likeness=likeness,
        samples=m.samples if fed else m.samples.undeployed(),
        x_calibration=m.x_calibration,
        device=m.device,
        device_name=m.device_name,
    )


def _measured(suspect: Suspect, result: Intervention, suspects: int) -> Suspect:
    """With what putting its parts in has shown; ``suspects`` is how many there are."""
    evidence = (
        f"With A's values for it alone in B, equal outputs go from {percent(result.start)} to "
        f"{percent(result.equal)}."
    )
    effect = result.alone if result.share is None else result.share
    if suspects > 1:
        evidence += f" Over all orders with the other causes it restores {effect:.2g} points."
    return replace(suspect, effect=effect, evidence=(*suspect.evidence, evidence))


def _finding(case: Case, suspect: Suspect) -> Finding:
    return Finding(
        cause=suspect.cause,
        operator=suspect.operator,
        tensor=None if suspect.tensor is None else case.b.tensors[suspect.tensor].name,
        effect=suspect.effect or 0.0,
        evidence=suspect.evidence,
        remedy=CAUSES[suspect.cause].remedy,
    )


def _by_operator(case: Case) -> tuple[Sequence[Intervention], dict[int | None, float]]:
    """Every operator's parts alone, and added from the input on; over the first samples."""
    experiment = Experiment(case, case.samples.first(OPERATOR_SAMPLES))
    owners = sorted({p.operator for p in case.parts}, key=lambda o: -1 if o is None else o)
    players = [
        (case.title(o), frozenset(i for i, p in enumerate(case.parts) if p.operator == o))
        for o in owners
    ]
    played = play("operator", players, experiment.equal)
    return played, {o: result.alone for o, result in zip(owners, played, strict=True)}


def _agreement(experiment: Experiment, m: Material) -> Agreement:
    a, b = experiment.wanted, experiment.outputs()
    original = m.reference.outputs if m.reference else None
    apart = np.abs(a - b)
    return Agreement(
        samples=len(a),
        equal_outputs=float((apart == 0).mean()),
        equal_samples=float((apart == 0).all(axis=1).mean()),
        equal_predictions=float((decide(a) == decide(b)).mean()) if m.classes else None,
        mean_steps=float(apart.mean()),
        max_steps=float(apart.max()),
        accuracy=Accuracies(
            *(
                accuracy(None if outputs is None else decide(outputs), m.labels)
                for outputs in (original, a, b)
            )
        ),
    )
