"""A run as one JSON object."""

from collections.abc import Mapping
from typing import Literal

from host.commands.evaluate.values import DesktopDifference, Evaluation
from host.deployment.document import (
    Conditions,
    DeviceDocument,
    Memory,
    Tflite,
    conditions,
    memory,
)
from host.deployment.stages import Timing
from host.device.exchange import LinkStatistics
from host.diagnosis.trials.trial import Trial
from host.models.source import ModelFile
from host.oracles.columns import ColumnName
from host.quantize.advice import Advice
from host.quantize.checks import QuantizedModel
from host.report.document import Part
from host.verdict.judge import Verdict
from host.verdict.latency import Latency
from host.verdict.options import Limits


class Executor(Part):
    """Who computed a column."""

    version: str
    """Its name and version."""
    absent: str | None
    """Why there are no outputs; null where there are."""


class QuantizedTflite(Tflite):
    """The int8 model."""

    route: str
    """How it was quantized."""
    warnings: tuple[Advice, ...]
    """What to act on."""


class Samples(Part):
    """The samples."""

    name: str
    """Name of the data set."""
    notes: tuple[str, ...]
    """What a reader of the results must know."""
    class_names: tuple[str, ...]
    """Of the classes, in the order of the model's outputs; empty where they are not known."""


class RunConditions(Conditions):
    """What the numbers hold under."""

    image_reused: bool
    """The image was built by an earlier run."""
    samples: int
    """Samples scored."""
    profiled_runs: int
    """Runs profiled by operator."""
    traced_samples: int
    """Samples traced by operator."""
    warmup: int
    """Inferences to warm up."""


class EvaluationDocument(DeviceDocument, Verdict):
    """One run of a model on a device."""

    schema_version: Literal[2] = 2
    limits: Limits
    """What the verdict allowed."""
    desktop: DesktopDifference | None
    """Where LiteRT's reference kernels first differ from TFLM's; null where they do not, or where
    that is not known."""
    reference: ModelFile | None
    """The float model that a ready .tflite was made from; null where none was given."""
    cause: Trial | None
    """Why int8, or Keras itself, predicts badly: the change that restores it; null where nothing is
    bad, where no change does, or with --no-explain."""
    columns: Mapping[ColumnName, Executor]
    """Who computed each column."""
    latency: Latency
    """Ticks of an inference and of its operators."""
    memory: Memory
    """Memory on the device."""
    link: LinkStatistics
    """What the link carried."""
    tflite: QuantizedTflite
    """The int8 model."""
    dataset: Samples
    """The samples."""
    conditions: RunConditions
    """What the numbers hold under: engine, compiler, board and its options, clock, samples."""
    timings: tuple[Timing, ...]
    """Stages of the run, in order."""
    device_log: tuple[str, ...]
    """Lines that the device logged."""


def quantized_tflite(quantized: QuantizedModel) -> QuantizedTflite:
    """What a document says of the int8 model."""
    graph = quantized.graph
    return QuantizedTflite.of(quantized, sha256=graph.sha256, bytes=len(graph.content))


def document(evaluation: Evaluation) -> EvaluationDocument:
    """The run's document; ``created`` is the time of this call."""
    verdict, device, info = evaluation.verdict, evaluation.device, evaluation.device.info
    board, image = evaluation.board, evaluation.image
    return EvaluationDocument.of(
        *(verdict, evaluation, device),
        notes=(*evaluation.choices, *evaluation.notes, *verdict.notes),
        engine=evaluation.rendered.engine,
        board=board.name,
        columns={name: Executor.of(column) for name, column in evaluation.columns.items()},
        memory=memory(board, evaluation.rendered, image, info),
        tflite=quantized_tflite(evaluation.quantized),
        dataset=Samples.of(evaluation.dataset),
        conditions=RunConditions.of(
            conditions(board, image, info),
            image_reused=image.reused,
            samples=verdict.samples,
            profiled_runs=len(device.operator_ticks),
            traced_samples=len(device.traced),
            warmup=evaluation.latency.warmup,
        ),
        device_log=device.log,
    )
