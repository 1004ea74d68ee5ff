"""The values that flow through the program, in the order in which they come about.

Every stage takes the last value and returns the next. All are frozen; arrays are not written to
after they are made. ``n`` is the number of scored samples throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from host.models.tflite import Graph

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]

ModelKind = Literal["keras2", "keras3", "savedmodel", "tflite"]
ColumnName = Literal["keras", "litert", "litert_reference", "tflm_host", "device"]
GapName = Literal["quantization", "desktop", "desktop_reference", "deployment"]
Task = Literal["classification", "regression"]
TickUnit = Literal["cycles", "instructions", "microseconds"]


# --- what the user brings ---------------------------------------------------------------------


@dataclass(frozen=True)
class ModelFile:
    """A model as the user brought it. ``sha256`` is over the file, or over a folder's files."""

    path: Path
    kind: ModelKind
    sha256: str
    name: str


@dataclass(frozen=True)
class Dataset:
    """Samples to score, to calibrate with, and to train with; the first never overlap the others.

    Attributes:
        x: float32 [n, ...] in the model's real units; int8 [n, ...] where ``raw``, also for inputs
            of other types, over whose codes they are spread.
        y: int64 [n] class labels, float32 [n, ...] targets, or None.
        x_calibration: float32 [m, ...], the representative data; None where there is none.
        raw: x are codes of the model's input already (the set ``random``).
        notes: what a reader of the results must know, in whole sentences.
        x_train: float32 [t, ...], samples to train with; None where there are none.
        y_train: their labels or targets, as ``y``; None exactly where x_train is.
    """

    name: str
    x: Array
    y: Array | None
    x_calibration: FloatArray | None
    raw: bool = False
    notes: tuple[str, ...] = ()
    x_train: FloatArray | None = None
    y_train: Array | None = None


# --- quantize ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Advice:
    """Something that is not an error but that the user should act on."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class QuantizedModel:
    """A full-int8 .tflite model that has passed the checks."""

    graph: Graph
    route: str
    warnings: tuple[Advice, ...]


# --- render, build ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Board:
    """An ``[env:…]`` of platformio.ini. Sizes in bytes; ``options`` are its custom_ options."""

    name: str
    description: str
    target: str
    link: str
    flash: int
    ram: int
    options: Mapping[str, str]


@dataclass(frozen=True)
class ArenaBlock:
    """One tensor in the arena, alive from operator ``first`` to operator ``last``, inclusive."""

    tensor: int
    name: str
    offset: int
    nbytes: int
    first: int
    last: int


@dataclass(frozen=True)
class ExecutedOperator:
    """An operator's output as the device computes it: the operator's index and name in the .tflite,
    and the tensor. An operator with several outputs has as many of these, one after the other."""

    index: int
    name: str
    tensor: int


@dataclass(frozen=True)
class Rendered:
    """What an engine makes of one model, before anything is written or built.

    Attributes:
        files: C++ files of the generated folder, by file name.
        digest: SHA-256 in hex that the device must report for the model it holds.
        arena_bytes: static arena that the image reserves.
        constant_bytes: weights, biases and tables that go to flash.
        operators: every output, in the order in which the device computes and reports them.
        arena: the arena's plan, empty where the engine plans on the device.
        slot_bytes: room in RAM for another model, which the image reserves twice.
        library: what PlatformIO must provide, as its lib_deps takes it.
    """

    engine: str
    files: Mapping[str, str]
    digest: str
    arena_bytes: int
    constant_bytes: int
    operators: tuple[ExecutedOperator, ...]
    arena: tuple[ArenaBlock, ...]
    slot_bytes: int = 0
    library: str | None = None


@dataclass(frozen=True)
class Section:
    """An ELF section that takes memory. ``kind`` is flash, ram, or both (initialised data)."""

    name: str
    nbytes: int
    kind: Literal["flash", "ram", "both"]


@dataclass(frozen=True)
class Image:
    """A built firmware image. ``reused`` is True where nothing had to be built.

    The generated sources that it was made from are in ``src`` beside the ELF file; ``library`` is
    what PlatformIO had to provide for it.
    """

    elf: Path
    sections: tuple[Section, ...]
    reused: bool
    library: str | None = None

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return sum(s.nbytes for s in self.sections if s.kind in ("flash", "both"))

    @property
    def ram(self) -> int:
        """Bytes of statically allocated RAM, without the stack."""
        return sum(s.nbytes for s in self.sections if s.kind in ("ram", "both"))


# --- session ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class WireTensor:
    """An input or output tensor as the device states it in HELLO."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass(frozen=True)
class DeviceInfo:
    """The device's answer to HELLO.

    A tick of the device's clock is ``tick_scale`` of ``tick_unit``; ``tick_rate`` is units per
    second, 0 where the unit says nothing about time (instructions). Of ``arena_used`` bytes,
    ``arena_planned`` are planned by tensor lifetimes and the rest is allocated for good.
    ``model_slot`` is the largest model in bytes that can be loaded without a rebuild, 0 for none.
    """

    protocol_version: int
    protocol_hash: str
    model_digest: str
    board: str
    engine: str
    engine_version: str
    compiler: str
    tick_unit: TickUnit
    tick_rate: int
    tick_scale: float
    arena_reserved: int
    arena_used: int
    arena_planned: int
    model_slot: int
    max_payload: int
    receive_window: int
    operators: int
    inputs: tuple[WireTensor, ...]
    outputs: tuple[WireTensor, ...]


@dataclass(frozen=True)
class LinkStatistics:
    """What the link carried, and what it did to it.

    Attributes:
        bytes_sent, bytes_received: as they went over the line, frames included.
        seconds: during which requests were open; the start is not counted.
        retries: requests that were sent again, for whatever reason.
        damaged_frames: frames that arrived broken, at either end, or with wrong contents.
        lost: requests without an answer: a later one was answered, or the device fell silent.
        resets: how often the device started anew.
        reconnects: how often the link broke and was restored.
        payload: bytes of inputs that were answered, each counted once.
    """

    bytes_sent: int
    bytes_received: int
    seconds: float
    retries: int
    damaged_frames: int
    lost: int = 0
    resets: int = 0
    reconnects: int = 0
    payload: int = 0

    @property
    def rate(self) -> float:
        """Effective rate in bytes of answered inputs per second, computing included."""
        return self.payload / self.seconds if self.seconds else 0.0

    def beside(self, other: LinkStatistics) -> LinkStatistics:
        """Both together, of two links that were used at the same time."""
        total = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(LinkStatistics)
        }
        return LinkStatistics(**{**total, "seconds": max(self.seconds, other.seconds)})


@dataclass(frozen=True)
class DeviceRun:
    """All answers of the device.

    Attributes:
        outputs: [n, *output shape without batch], the output tensor's own type.
        ticks: float64 [n], in ``info.tick_unit``.
        profiled_ticks: float64 [r], whole inferences of r profiled runs; r may be 0.
        operator_ticks: float64 [r, operators] of the same runs.
        traced: indices of the samples for which the device reported a CRC of every operator's
            output, [t]; t may be 0.
        first_difference: what came of it; None where every operator was equal.
        notes: why less is known than was asked, in whole sentences.
    """

    info: DeviceInfo
    outputs: Array
    ticks: npt.NDArray[np.float64]
    profiled_ticks: npt.NDArray[np.float64]
    operator_ticks: npt.NDArray[np.float64]
    traced: npt.NDArray[np.int64]
    link: LinkStatistics
    log: tuple[str, ...]
    first_difference: FirstDifference | None = None
    notes: tuple[str, ...] = ()


# --- evaluate, verdict ------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """The outputs of one executor for every sample, or the reason why there are none.

    ``outputs`` is [n, *output shape without batch]: float32 for Keras, else the model's output
    type. ``version`` names the executor and its version.
    """

    name: ColumnName
    outputs: Array | None
    version: str
    absent: str | None = None


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Disagreement:
    """A sample on which two columns differ. ``steps`` is the largest difference in quantization
    steps; the margins are top-1 minus top-2 in real units, None without classes."""

    sample: int
    left: int | None
    right: int | None
    label: int | None
    steps: int
    left_margin: float | None
    right_margin: float | None


@dataclass(frozen=True)
class Gap:
    """The difference between two columns.

    Attributes:
        bit_equal: share of samples whose outputs are equal in every byte (Keras's outputs are
            quantized with the output tensor's scale first).
        bit_equal_values: share of output values that are equal.
        flips: number of samples whose predicted class differs; None without classes.
        flip_rate_upper: 95 % upper bound of the flip rate; None without classes.
        max_steps, mean_steps: difference in quantization steps of the output tensor.
        max_error, mean_error: the same in real units.
        mcnemar_p: exact McNemar test of the two columns' accuracies; None without labels.
        disagreements: the samples that flip, or without classes that differ, worst first.
    """

    name: GapName
    left: ColumnName
    right: ColumnName
    samples: int
    bit_equal: float
    bit_equal_values: float
    flips: int | None
    flip_rate_upper: float | None
    max_steps: int
    mean_steps: float
    max_error: float
    mean_error: float
    mcnemar_p: float | None
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True)
class TensorDifference:
    """How a tensor on the device differs from the same on the host.

    Attributes:
        place: indices of the first differing value.
        device, host: the two values there: codes, or what a tensor of floats holds.
        device_real, host_real: the same in real units; None where the tensor has no scale.
        differing, values: how many values differ, of how many.
        largest: the largest difference, in steps of the tensor, or in its units where it is float.
    """

    place: tuple[int, ...]
    device: float
    host: float
    device_real: float | None
    host_real: float | None
    differing: int
    values: int
    largest: float


@dataclass(frozen=True)
class FirstDifference:
    """The first operator whose output on the device differs from TFLM on the host.

    ``values`` is None where the output was equal when the device was asked for all of it.
    """

    operator: ExecutedOperator
    tensor_name: str
    sample: int
    values: TensorDifference | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer.

    ``accuracy`` holds None for a column that is absent or where there are no labels; ``errors``
    holds the mean absolute error against float targets in real units, likewise.
    """

    match: bool
    task: Task
    samples: int
    headline: str
    accuracy: Mapping[ColumnName, Interval | None]
    errors: Mapping[ColumnName, Interval | None]
    gaps: Mapping[GapName, Gap | None]
    first_difference: FirstDifference | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Activation:
    """A tensor between operators. ``offset`` is its place in the arena in bytes, None where the
    device plans the arena."""

    tensor: int
    name: str
    nbytes: int
    offset: int | None


@dataclass(frozen=True)
class OperatorCost:
    """What one operator costs on the device.

    Attributes:
        index, name: the operator in the .tflite.
        ticks: of one inference, in the device's unit; None where they were not measured.
        share: of the ticks of all operators; None as ``ticks``.
        macs: multiply-accumulates of one inference.
        ticks_per_mac: None where there are no multiply-accumulates, or no ticks.
        reads, writes: the activations.
    """

    index: int
    name: str
    ticks: float | None
    share: float | None
    macs: int
    ticks_per_mac: float | None
    reads: tuple[Activation, ...]
    writes: tuple[Activation, ...]

    @property
    def bytes_read(self) -> int:
        """Bytes of activations that it reads."""
        return sum(activation.nbytes for activation in self.reads)

    @property
    def bytes_written(self) -> int:
        """Bytes of activations that it writes."""
        return sum(activation.nbytes for activation in self.writes)


@dataclass(frozen=True)
class Latency:
    """Ticks of an inference after warm-up, and of each operator (medians), as they run.

    ``disturbance`` is by what share of the total the inferences in which operators were timed took
    longer than the others; None where none were.
    """

    unit: TickUnit
    rate: int
    median: float
    minimum: float
    maximum: float
    samples: int
    warmup: int
    operators: tuple[OperatorCost, ...]
    disturbance: float | None = None


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of one stage; ``reused`` where a cached result was taken."""

    stage: str
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Evaluation:
    """All there is to report about one run."""

    board: Board
    model: ModelFile
    quantized: QuantizedModel
    dataset: Dataset
    rendered: Rendered
    image: Image
    device: DeviceRun
    columns: Mapping[ColumnName, Column]
    verdict: Verdict
    latency: Latency
    timings: tuple[Timing, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    folder: Path
    command: str
