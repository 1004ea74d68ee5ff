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
from host.verdict.judge import Verdict
from host.verdict.latency import Latency
from host.verdict.options import Limits
from host.verdict.tasks import Reading


@dataclass(frozen=True)
class Evaluation:
    """All there is to report about one run."""

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
    cause: Trial | None
    latency: Latency
    timings: tuple[Timing, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    folder: Path
    command: str
