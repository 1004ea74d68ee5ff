"""What ``explain`` passes on: two models, and all there is to say about them.

A is the model that is taken as right, B the one that is asked about. Every intervention changes B
towards A; every operator index without a letter is B's. Shares are 0..1; effects are points, that
is percent of all output values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.base.arrays import Array
from host.diagnosis.analyse import Agreement, Finding
from host.diagnosis.comparison.interventions import Intervention
from host.diagnosis.comparison.layers import Layer
from host.models.tflite import Graph


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
