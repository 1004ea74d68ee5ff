"""The values of `flash-and-eval`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.deployment.measure import DeviceRun
from host.deployment.stages import Timing
from host.diagnosis.trials.trial import Trial
from host.firmware.boards import Board
from host.firmware.image import Image
from host.firmware.rendered import Rendered
from host.models.dataset import Dataset
from host.models.source import ModelFile
from host.oracles.columns import Column, ColumnName
from host.quantize.checks import QuantizedModel
from host.report.document import derived
from host.report.formats import plain
from host.verdict.judge import Verdict
from host.verdict.latency import Latency
from host.verdict.options import Limits
from host.verdict.tasks import Reading

# LiteRT's reference kernels round once where TFLM rounds twice.
_ROUNDS_ONCE = ("FULLY_CONNECTED",)


@dataclass(frozen=True)
class DesktopDifference:
    """The first operator at which LiteRT's reference kernels differ from TFLM's."""

    index: int
    """Its index in the .tflite file."""
    name: str
    """Its name in the .tflite schema."""

    @derived
    def text(self) -> str:
        """The same in a sentence."""
        why = " LiteRT rounds its sums once, TFLM twice." if self.name in _ROUNDS_ONCE else ""
        return f"They first differ at operator {self.index} {plain(self.name)}.{why}"


@dataclass(frozen=True)
class Evaluation:
    """All there is to report about one run.

    ``choices`` say why which engine was taken; the user was told of them at the start.
    """

    board: Board
    model: ModelFile
    reference: ModelFile | None
    quantized: QuantizedModel
    dataset: Dataset
    rendered: Rendered
    image: Image
    device: DeviceRun
    columns: Mapping[ColumnName, Column]
    reading: Reading
    limits: Limits
    verdict: Verdict
    desktop: DesktopDifference | None
    cause: Trial | None
    latency: Latency
    timings: tuple[Timing, ...]
    versions: Mapping[str, str]
    choices: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path
    command: str
