"""The whole comparison, in order: align, look, suspect, intervene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from host.base.arrays import Array
from host.diagnosis.align import align
from host.diagnosis.case import Case, Suspect, as_percent
from host.diagnosis.causes import CAUSES
from host.diagnosis.device import device_findings
from host.diagnosis.experiment import Experiment, Player, play
from host.diagnosis.feeding import input_part, suspect_of_feeding
from host.diagnosis.graft import with_biases
from host.diagnosis.islands import island_parts, suspects_of_islands
from host.diagnosis.keras_layers import KerasLayer
from host.diagnosis.layers import compare_layers, formats, unaligned
from host.diagnosis.parameters import Part, parts
from host.diagnosis.ranges import suspects_of_ranges
from host.diagnosis.records import Agreement, Finding, Intervention, Layer
from host.diagnosis.traces import similarity, trace
from host.diagnosis.values import suspects_of_values
from host.models.tflite import Graph
from host.verdict.gaps import accuracy, decide
from host.verdict.statistics import Interval

# Samples on which operators are exchanged one by one: two runs of TFLM an operator.
OPERATOR_SAMPLES = 100
# What restores less than this many points restores nothing.
_LEAST_EFFECT = 1e-9
_GROUPS = (
    ("activation ranges", "range"),
    ("weights", "weights"),
    ("biases", "bias"),
    ("float operators", "operators"),
    ("input samples", "input"),
)


@dataclass(frozen=True)
class Material:
    """All that is compared.

    Attributes:
        a, b: the models.
        reference: the float model as a float .tflite, or None.
        keras: its layers, run on the first samples; empty without one.
        float_outputs: its outputs for all samples, [n, …], or None.
        x: float32 [n, …] real values, or int8 codes where ``raw``.
        labels: int64 [n] class numbers, or None.
        classes: whether the outputs are a list of classes.
        x_calibration: float32 representative data, or None.
        deployed: what B's deployment is fed, or None.
        device, device_name: what a device made of B on ``x``, or None.
    """

    a: Graph
    b: Graph
    reference: Graph | None
    keras: tuple[KerasLayer, ...]
    float_outputs: Array | None
    x: Array
    raw: bool
    labels: Array | None
    classes: bool
    x_calibration: Array | None = None
    deployed: Array | None = None
    device: Array | None = None
    device_name: str | None = None


@dataclass(frozen=True)
class Analysis:
    """What comes out; see ``records.Explanation``."""

    agreement: Agreement
    layers: tuple[Layer, ...]
    interventions: tuple[Intervention, ...]
    equal_after_all: float | None
    findings: tuple[Finding, ...]
    first_difference: int | None
    unaligned: tuple[str, ...]
    notes: tuple[str, ...]
    traced: int


def analyse(material: Material) -> Analysis:
    """Compare A and B.

    Raises:
        OracleError: TFLM on the host is absent or refuses one of them.
    """
    m = replace(material, a=with_biases(material.a), b=with_biases(material.b))
    traces = trace(m.a, m.b, m.reference, m.x, m.deployed, m.raw)
    likeness = similarity(m.a, m.b, traces)
    pairs = align(m.a, m.b, lambda i, j: likeness.get((i, j)))
    fed = None if m.deployed is None else input_part(m.x, m.deployed, m.b.input)
    found = (*parts(m.a, m.b, pairs), *island_parts(m.a, m.b, pairs), *((fed,) if fed else ()))
    case = Case(m.a, m.b, pairs, found, traces, m.x, m.raw, m.x_calibration)
    suspects, notes = _suspects(case, m)
    notes += formats(case)
    experiment = Experiment(m.a, m.b, pairs, found, m.x, m.raw, m.deployed if fed else None)
    causes = play(
        "cause",
        [Player(s.cause, s.parts) for s in suspects],
        experiment.equal,
        share=True,
    )
    findings = _findings(case, suspects, causes)
    on_device: tuple[Finding, ...] = ()
    if m.device is not None:
        on_device, more = device_findings(m.b, m.x, m.raw, m.device, m.device_name)
        notes += more
    everything = range(len(found))
    operators, restored = _by_operator(case, m, bool(fed))
    traced = len(next(iter(traces.b.values())))
    for what, count in (("Layers", traced), ("Single operators", OPERATOR_SAMPLES)):
        if found and count < len(m.x):
            notes.append(f"{what} were looked at on the first {count} samples.")
    layers = compare_layers(case, m.keras, likeness, restored)
    return Analysis(
        agreement=_agreement(experiment, m),
        layers=layers,
        interventions=(*_by_group(found, experiment), *operators, *causes),
        equal_after_all=experiment.equal(everything) if found else None,
        findings=tuple(sorted((*findings, *on_device), key=lambda f: -f.effect)),
        first_difference=next((i for i, layer in enumerate(layers) if _parts(layer)), None),
        unaligned=unaligned(case),
        notes=tuple(notes),
        traced=traced,
    )


def _parts(layer: Layer) -> bool:
    """Whether any value of the two outputs differs, by rounding or by more."""
    return bool(layer.differing) or layer.sqnr_ab not in (None, float("inf"))


# --- suspects and findings --------------------------------------------------------------------


def _suspects(case: Case, m: Material) -> tuple[list[Suspect], list[str]]:
    islands = suspects_of_islands(case)
    suspects, notes = suspects_of_ranges(case, suspects_of_values(case))
    feeding = [
        suspect_of_feeding(m.x, m.deployed, m.b.input, i)
        for i in case.of_kind("input")
        if m.deployed is not None
    ]
    return [*feeding, *islands, *suspects], notes


def _findings(
    case: Case, suspects: Sequence[Suspect], played: Sequence[Intervention]
) -> list[Finding]:
    found = []
    for suspect, result in zip(suspects, played, strict=True):
        effect = result.alone if result.share is None else result.share
        if effect <= _LEAST_EFFECT:
            continue
        measured = (
            f"With A's values for it alone in B, equal outputs go from "
            f"{as_percent(result.equal - result.alone / 100)} to {as_percent(result.equal)}."
        )
        if len(suspects) > 1:
            measured += f" Over all orders with the other causes it restores {effect:.2g} points."
        tensor = None if suspect.tensor is None else case.b.tensors[suspect.tensor].name
        found.append(
            Finding(
                cause=suspect.cause,
                operator=suspect.operator,
                tensor=tensor,
                effect=effect,
                evidence=(*suspect.evidence, measured),
                remedy=CAUSES[suspect.cause].remedy,
            )
        )
    return found


# --- interventions ----------------------------------------------------------------------------


def _by_group(found: Sequence[Part], experiment: Experiment) -> tuple[Intervention, ...]:
    players = []
    for name, kind in _GROUPS:
        mine = frozenset(i for i, part in enumerate(found) if part.kind == kind)
        if mine:
            players.append(Player(name, mine))
    return play("group", players, experiment.equal, share=True)


def _by_operator(
    case: Case, m: Material, feeds: bool
) -> tuple[tuple[Intervention, ...], dict[int | None, float]]:
    """Every operator's parts alone, and added from the input on; over the first samples."""
    count = min(len(m.x), OPERATOR_SAMPLES)
    deployed = m.deployed[:count] if feeds and m.deployed is not None else None
    experiment = Experiment(case.a, case.b, case.pairs, case.parts, m.x[:count], m.raw, deployed)
    owners = sorted({p.operator for p in case.parts}, key=lambda o: -1 if o is None else o)
    players = [
        Player(case.title(o), frozenset(i for i, p in enumerate(case.parts) if p.operator == o))
        for o in owners
    ]
    played = play("operator", players, experiment.equal, share=False)
    return played, {o: result.alone for o, result in zip(owners, played, strict=True)}


# --- agreement --------------------------------------------------------------------------------


def _agreement(experiment: Experiment, m: Material) -> Agreement:
    a, b = experiment.wanted(), experiment.outputs()
    apart = np.abs(a - b)
    same = None
    shares: dict[Literal["float", "a", "b"], Interval | None] = {}
    if m.classes:
        same = float((decide(a) == decide(b)).mean())
    for name, outputs in (("float", m.float_outputs), ("a", a), ("b", b)):
        shares[name] = accuracy(outputs, m.labels)  # type: ignore[index]
    return Agreement(
        samples=len(a),
        equal_outputs=float((apart == 0).mean()),
        equal_samples=float((apart == 0).all(axis=1).mean()),
        equal_predictions=same,
        mean_steps=float(apart.mean()),
        max_steps=float(apart.max()),
        accuracy=shares,
    )
