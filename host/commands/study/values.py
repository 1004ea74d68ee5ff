"""The values that a study passes on, in the order in which they come about.

A run is one seed: one trained model, and what every route makes of it. ``n`` is the number of
scored samples, ``r`` the number of runs. Error rates are in percent, differences of them in points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host.base.arrays import Array, RealArray
from host.commands.study import words
from host.device.identity import TickUnit
from host.models.tflite import Quantization
from host.quantize.training import Training
from host.report.document import Part, derived
from host.verdict.statistics import ALPHA, Interval

# What runs .tflite files on this machine; what computes a route.
Interpreter = Literal["litert", "tflm_host"]
Executor = Literal["keras", "litert", "tflm_host"]


@dataclass(frozen=True)
class Plan:
    """All that decides what a run computes, besides its seed.

    Attributes:
        data: the data set's name; ``data_digest`` is SHA-256 over its arrays.
        model: ``package.module:function``, None for the data set's demo model; ``model_digest``
            changes with its layers.
        routes: in the order of ``host.quantize.routes.ROUTES``.
        executor: what runs the .tflite files on this machine.
        program: SHA-256 over the sources of this program that compute a run.
        packages: versions of those that do.
    """

    data: str
    data_digest: str
    model: str | None
    model_digest: str
    routes: tuple[str, ...]
    first_seed: int
    samples: int | None
    training: Training
    per_channel_dense: bool
    executor: Interpreter
    program: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class RouteResult:
    """What one route computed in one run.

    Attributes:
        columns: outputs [n, classes] by executor: ``keras`` is the Keras model whose predictions
            the route should keep; ``litert`` and ``tflm_host`` ran the .tflite file.
        result: the column that the route is judged by.
        tflite_sha256: of the file, None for a route that stays in Keras.
        scale, zero_point: of the .tflite file's output.
    """

    route: str
    columns: Mapping[Executor, Array]
    result: Executor
    tflite_sha256: str | None = None
    tflite_bytes: int = 0
    scale: float = 0.0
    zero_point: int = 0

    @property
    def outputs(self) -> Array:
        """The outputs that the route is judged by."""
        return self.columns[self.result]

    @property
    def real_outputs(self) -> RealArray:
        """The int8 outputs as the numbers that they stand for."""
        return Quantization((self.scale,), (self.zero_point,), 0).dequantize(self.outputs)


@dataclass(frozen=True)
class RunResult:
    """All routes of one seed; ``seconds`` is the wall time it took, where that is known."""

    seed: int
    routes: Mapping[str, RouteResult]
    seconds: float | None = None


@dataclass(frozen=True)
class DeviceResult:
    """One .tflite file on the board: outputs [n, classes] and ticks float64 [n]."""

    seed: int
    route: str
    outputs: Array
    ticks: RealArray


class DeviceConditions(Part):
    """What a board's results hold under."""

    board: str
    engine: str
    """What runs the models on it."""
    engine_version: str
    """Its version, as the device says."""
    compiler: str
    """What compiled the image."""
    tick_unit: TickUnit
    """What one tick is. Instructions are a count, never a time."""
    tick_rate: int
    """Ticks per second; 0 where the unit says nothing about time."""


@dataclass(frozen=True)
class BoardWork:
    """All that a board computed; ``images_built`` and ``models_loaded`` as in ``DeviceSummary``,
    ``tools`` as in ``Setup``."""

    conditions: DeviceConditions
    results: tuple[DeviceResult, ...]
    images_built: int
    models_loaded: int
    tools: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A run, or the board's part, that did not end well."""

    seed: int | None
    """Of the run; null for the board's part."""
    message: str
    hint: str
    exit_code: int
    """What the program ends with because of it."""


@dataclass(frozen=True)
class RouteSummary:
    """One route over all runs."""

    name: str
    """Its name, as ``--routes`` takes it."""
    meaning: str
    """What it does, in a line."""
    executor: Executor
    """What ran its models on this machine."""
    error: Interval
    """Mean error rate, percent; the interval is over the runs, bootstrapped or, of fewer than 8,
    Student's t; of one run Wilson's."""
    sd: float | None
    """Standard deviation of the error rate over the runs; null for one run."""
    errors: tuple[float, ...]
    """Error rate of each run, percent."""
    keeps_keras_predictions: float | None
    """Mean share of the predictions that equal those of the route's Keras model; null where it is
    that model."""
    tflite_bytes: int | None
    """Median size of its .tflite file; null where it has none."""


@dataclass(frozen=True)
class Pair:
    """Two routes compared, run by run and sample by sample."""

    left: str
    right: str
    pairs: int
    """How many pairs of routes p values are corrected for."""
    difference: Interval
    """Mean of left's error rate minus right's, points; the interval is as that of an error rate, of
    one run bootstrapped over its samples."""
    wilcoxon_p: float | None
    """p of Wilcoxon's signed-rank test over the runs; null for one run."""
    wilcoxon_p_corrected: float | None
    """The same by Holm over all pairs."""
    t_p: float | None
    """p of the paired t test over the runs; null for one run."""
    t_p_corrected: float | None
    """The same by Holm over all pairs."""
    mcnemar_p: tuple[float, ...]
    """p of McNemar's exact test in each run."""
    mcnemar_p_corrected: tuple[float, ...]
    """The same by Holm over the runs."""
    mcnemar_p_over_pairs: float | None
    """For one run, its p by Holm over all pairs; else null."""
    differing_predictions: float
    """Mean share of samples whose predicted classes differ."""
    differing_runs: int
    """In how many runs there is such a sample."""
    equal_int8_outputs: float | None
    """Mean share of equal output values; null unless both outputs are int8."""
    same_outputs_runs: int
    """In how many runs all output values are equal; 0 unless both are int8."""
    same_file_runs: int
    """In how many runs both are the same .tflite file, byte for byte."""
    detectable_points: float
    """Difference in points that a test, corrected for the number of pairs, would have seen with a
    probability of 80 %; of one run, the least that it can see at all."""

    @derived
    def separated(self) -> bool:
        """Whether error rates tell the two apart, at 5 % after the correction."""
        return self.p < ALPHA

    @derived
    def mcnemar_runs(self) -> int:
        """In how many runs McNemar's test tells the two apart, corrected for their number."""
        return sum(p < ALPHA for p in self.mcnemar_p_corrected)

    @derived
    def sentence(self) -> str:
        """What can be said about the two."""
        return words.pair_sentence(self)

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(self.mcnemar_p)

    @property
    def p(self) -> float:
        """The corrected p by which the pair is judged: Wilcoxon's, with one run McNemar's."""
        if self.wilcoxon_p_corrected is not None:
            return self.wilcoxon_p_corrected
        assert self.mcnemar_p_over_pairs is not None
        return self.mcnemar_p_over_pairs


@dataclass(frozen=True)
class DifferingModel:
    """A model that the board does not compute as TFLM on the host does."""

    seed: int
    route: str
    samples: int
    """How many samples differ."""


class DeviceSummary(DeviceConditions):
    """The board's column, compared byte for byte with TFLM on the host."""

    models: int
    """How many .tflite files it ran."""
    inferences: int
    """Samples times models."""
    differing: tuple[DifferingModel, ...]
    """The models with a sample that differs."""
    images_built: int
    """How many images were built for it; 0 where all results were there."""
    models_loaded: int
    """How many models were sent to a running device."""
    median_ticks: Mapping[str, float]
    """Median ticks of an inference by route."""

    @derived
    def match(self) -> bool:
        """Whether the board computed what TFLM on the host computes, all of it."""
        return not self.differing

    @derived
    def equal_models(self) -> int:
        """How many models are equal in every byte of every output."""
        return self.models - len(self.differing)

    @derived
    def equal_inferences(self) -> int:
        """How many inferences are equal in every byte."""
        return self.inferences - sum(model.samples for model in self.differing)


@dataclass(frozen=True)
class Comparison:
    """What the runs say: ``samples`` were scored in each of them.

    ``pairs`` are every two routes, in order; ``device`` is None where no board took part.
    """

    runs: int
    samples: int
    routes: tuple[RouteSummary, ...]
    pairs: tuple[Pair, ...]
    device: DeviceSummary | None


@dataclass(frozen=True)
class Study:
    """All there is to report. ``asked`` runs were asked for, ``reused`` of them taken from the
    folder; ``labels`` are int64 [n]."""

    plan: Plan
    asked: int
    reused: int
    jobs: int
    trained_on: int
    labels: Array
    runs: tuple[RunResult, ...]
    board: BoardWork | None
    failures: tuple[Failure, ...]
    comparison: Comparison
    notes: tuple[str, ...]
    seconds: float
    folder: Path
    command: str

    @property
    def classes(self) -> int:
        """How many the samples have."""
        return int(self.labels.max()) + 1

    @property
    def match(self) -> bool:
        """Whether no board took part, or one that computes what TFLM on the host computes."""
        return self.comparison.device is None or self.comparison.device.match

    @property
    def exit_code(self) -> int:
        """0; 1 where the board differs; else that of the first failure."""
        if self.failures:
            return self.failures[0].exit_code
        return 0 if self.match else 1
