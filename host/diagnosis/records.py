"""The values that ``explain`` passes on, in the order in which they come about.

A is the model that is taken as right, B the one that is asked about. Every intervention changes B
towards A; every operator index without a letter is B's. Shares are 0..1; effects are points, that
is percent of all output values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host.base.arrays import Array
from host.models.tflite import Graph
from host.verdict.statistics import Interval

ParameterKind = Literal["range", "weights", "bias"]
InterventionKind = Literal["group", "operator", "cause", "input", "all"]


@dataclass(frozen=True)
class Subject:
    """A or B: an int8 model, where it came from, and what a device made of it.

    Attributes:
        label: how the user named it.
        source: file, folder or route, in words.
        x, y: the samples [n, …] of a run's folder, and their labels or targets; None without.
        device: [n, …] outputs that a device gave for ``x``, or None.
        device_name: the engine and its version on that device.
        deployed: float32 [n, …], the samples as the deployment feeds them, where they differ.
    """

    label: str
    source: str
    graph: Graph
    x: Array | None = None
    y: Array | None = None
    device: Array | None = None
    device_name: str | None = None
    deployed: Array | None = None


@dataclass(frozen=True)
class Agreement:
    """How far A and B agree on the samples.

    ``equal_outputs`` counts output values, ``equal_samples`` samples with every value equal,
    ``equal_predictions`` classes (None without classes). Differences are in the
    steps of A's output (of B's, where A's is float).
    """

    samples: int
    equal_outputs: float
    equal_samples: float
    equal_predictions: float | None
    mean_steps: float
    max_steps: float
    accuracy: Mapping[Literal["float", "a", "b"], Interval | None]


@dataclass(frozen=True)
class Difference:
    """What differs in one tensor's parameters, before anything is run.

    Attributes:
        kind: of an activation ("range"), of weights or of a bias.
        tensor: index in B; ``name`` is B's.
        scales_a, scales_b: how many scales (1: per tensor); ``scale_a``, ``scale_b`` their median.
        zero_point_a, zero_point_b: of an activation; 0 for constants.
        codes: share of the constant's codes that differ; 0 for an activation.
        largest: the largest difference of the constant's codes; for an activation 0.
        real: the largest difference in real units, divided by what rounding explains (half a step
            of each): at most 1 where both are roundings of the same numbers. None for activations.
    """

    kind: ParameterKind
    tensor: int
    name: str
    scales_a: int
    scales_b: int
    scale_a: float
    scale_b: float
    zero_point_a: int
    zero_point_b: int
    codes: float
    largest: int
    real: float | None


@dataclass(frozen=True)
class Signal:
    """What one operator's output does on the samples.

    Attributes:
        sqnr: signal to quantization noise against the float model in dB; None without one;
            infinity where there is no noise.
        codes: how many of the 256 codes occur.
        low, high: share of values at the lowest and the highest code.
        outside: share of the float model's values outside the representable range; None without.
    """

    sqnr: float | None
    codes: int
    low: float
    high: float
    outside: float | None


@dataclass(frozen=True)
class Layer:
    """One operator of B with its partner in A.

    Attributes:
        operator, operator_a: indices in B's and A's .tflite; None on one side where unaligned.
        name: the operator's name, as in the schema.
        tensor: B's output tensor's name (A's where B has none).
        keras: the Keras layers that the operator does the work of; empty where unknown.
        aligned: what made them partners: their order, their names, or the signal; None: nothing.
        correlation: of the two outputs' real values on the samples, −1..1; None where unaligned
            or constant.
        a, b: the outputs' signals.
        differing: share of the values that differ by more than half a step of B; None unaligned.
        sqnr_ab: of B's signal against A's, dB.
        restored: points of equal outputs that A's parameters of this operator alone restore.
    """

    operator: int | None
    operator_a: int | None
    name: str
    tensor: str
    keras: tuple[str, ...]
    aligned: Literal["order", "name", "signal"] | None
    correlation: float | None
    differences: tuple[Difference, ...]
    a: Signal | None
    b: Signal | None
    differing: float | None
    sqnr_ab: float | None
    restored: float | None


@dataclass(frozen=True)
class Intervention:
    """Parameters of A put into B, and what TFLM on the host then computes.

    Attributes:
        name: what was put in, in words; a cause's identifier where it is one.
        parameters: how many tensors' parameters that changes.
        alone: points of equal outputs that it restores by itself.
        added: points that it adds where the interventions of its kind are made one after the
            other, in the order listed; None where that was not measured.
        share: its mean over all orders (Shapley 1953); None where that was not measured.
        equal: share of equal outputs after it alone.
        equal_added: share of equal outputs after it and those before it; None as ``added``.
    """

    kind: InterventionKind
    name: str
    parameters: int
    alone: float
    added: float | None
    share: float | None
    equal: float
    equal_added: float | None


@dataclass(frozen=True)
class Finding:
    """A cause that an intervention has shown.

    Attributes:
        cause: an identifier of ``host.diagnosis.causes.CAUSES``.
        operator: index in B, or None where it is not one operator's.
        tensor: B's name of the tensor concerned, or None.
        effect: what the intervention restored, in points of equal outputs.
        evidence: sentences with numbers.
        remedy: what to do.
    """

    cause: str
    operator: int | None
    tensor: str | None
    effect: float
    evidence: tuple[str, ...]
    remedy: str


@dataclass(frozen=True)
class Explanation:
    """All there is to say about A and B.

    Attributes:
        equal_after_all: share of equal outputs with all of A's parameters in B; None where nothing
            could be put in.
        first_difference: position in ``layers`` of the first whose values are not all equal; None
            for none.
        unaligned: what has no partner, in sentences.
        notes: what could not be said, and why; differences that are no findings.
        reference: the float model, in words, or None.
        conditions: versions and settings that the numbers hold under.
    """

    a: Subject
    b: Subject
    dataset: str
    reference: str | None
    agreement: Agreement
    layers: tuple[Layer, ...]
    interventions: tuple[Intervention, ...]
    equal_after_all: float | None
    findings: tuple[Finding, ...]
    first_difference: int | None
    unaligned: tuple[str, ...]
    notes: tuple[str, ...]
    conditions: Mapping[str, str]
    folder: Path
    command: str
