"""All there is to say about two models: what report.json holds, and what pages are made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from host.diagnosis.analyse import Analysis
from host.diagnosis.comparison.interventions import Intervention, InterventionKind
from host.report.document import Document, Part, derived
from host.report.formats import number, percent


class Subject(Part):
    """A or B: an int8 model, where it came from, and what a device made of it."""

    label: str
    """How the user named it."""
    source: str
    """File, folder or route that it comes from, in words."""
    sha256: str
    """SHA-256 of its .tflite, in hex."""
    bytes: int
    """Size of its .tflite, in bytes."""
    operators: int
    """Number of operators in its .tflite."""
    device_samples: int | None
    """Number of samples that a device's outputs are known of; null where no device ran it."""
    device: str | None
    """Engine and version on that device; null where no device ran it."""
    deployed_otherwise: bool
    """True where the deployment feeds the samples in another form than the data set holds."""


class FirstDifference(Part):
    """Where the outputs of A and B first diverge."""

    layer: int
    """Position in ``layers``."""
    operator: int | None
    """Index of the operator in B's .tflite; null where only A has it."""
    name: str
    """The operator's name in the TFLite schema."""
    tensor: str
    """Name of its output tensor."""


class Explanation(Document, Analysis):
    """Why two int8 models A and B of one network differ.

    A is taken as right, B is asked about. Every operator index is B's unless it says otherwise.
    Shares are 0 to 1; points are percent of all output values.
    """

    schema_version: Literal[2] = 2
    a: Subject
    """The model that is taken as right."""
    b: Subject
    """The model that is asked about."""
    data: str
    """The samples, in words."""
    reference: str | None
    """The float model that signals are measured against, in words; null without one."""
    versions: Mapping[str, str]
    """Versions of libraries, by name."""
    folder: Path
    """Where the report is."""

    @derived
    def headline(self) -> str:
        """How far A and B agree, in one sentence."""
        if self.same:
            return f"B computes what A computes, on all {number(self.agreement.samples)} samples"
        if self.agreement.equal_outputs == 0:
            return "Not one output value of B equals A's"
        return f"B equals A in {percent(self.agreement.equal_outputs)} of output values"

    @derived
    def first_difference(self) -> FirstDifference | None:
        """The first layer whose outputs in A and B differ; null where none does."""
        if self.first_layer is None:
            return None
        return FirstDifference.of(self.layers[self.first_layer], layer=self.first_layer)

    @property
    def first_layer(self) -> int | None:
        """Position in ``layers`` of the first whose outputs differ; None where none do."""
        return next((i for i, layer in enumerate(self.layers) if layer.diverges), None)

    def made(self, kind: InterventionKind) -> tuple[Intervention, ...]:
        """The interventions of a kind."""
        return tuple(row for row in self.interventions if row.kind == kind)

    @property
    def same(self) -> bool:
        """Whether every output value is equal."""
        return self.agreement.equal_outputs == 1

    @property
    def missing(self) -> float:
        """How many points of output values are not equal."""
        return 100 * (1 - self.agreement.equal_outputs)
