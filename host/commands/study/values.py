"""The values that a study passes on, in the order in which they come about.

A run is one seed: one trained model, and what every route makes of it. ``n`` is the number of
scored samples, ``r`` the number of runs. Error rates are in percent, differences of them in points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.device.identity import TickUnit
from host.oracles.columns import ColumnName
from host.quantize.training import Training
from host.verdict.statistics import Interval


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
    executor: ColumnName
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
    columns: Mapping[ColumnName, Array]
    result: ColumnName
    tflite_sha256: str | None = None
    tflite_bytes: int = 0
    scale: float = 0.0
    zero_point: int = 0

    @property
    def outputs(self) -> Array:
        """The outputs that the route is judged by."""
        return self.columns[self.result]


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
    ticks: npt.NDArray[np.float64]


@dataclass(frozen=True)
class DeviceConditions:
    """What a board's results hold under; see ``host.device.identity.DeviceInfo``."""

    board: str
    engine: str
    engine_version: str
    compiler: str
    tick_unit: TickUnit
    tick_rate: int


@dataclass(frozen=True)
class BoardWork:
    """All that a board computed; ``builds`` and ``loaded`` as in ``DeviceSummary``."""

    conditions: DeviceConditions
    results: tuple[DeviceResult, ...]
    builds: int
    loaded: int


@dataclass(frozen=True)
class Failure:
    """A run, or the board's part where ``seed`` is None, that did not end well."""

    seed: int | None
    message: str
    hint: str
    exit_code: int


# --- what is made of them ---------------------------------------------------------------------


@dataclass(frozen=True)
class RouteSummary:
    """One route over all runs.

    Attributes:
        error: mean error rate, percent; bootstrap interval over runs (of fewer than 8 Student's t),
            for one run Wilson's.
        sd: standard deviation over runs, None for one run.
        errors: error rate of each run, percent, in the order of the seeds.
        keeps: mean share of the predictions that equal the Keras model's; None where that is it.
        tflite_bytes: median size of the file, 0 where there is none.
    """

    route: str
    meaning: str
    executor: ColumnName
    error: Interval
    sd: float | None
    errors: tuple[float, ...]
    keeps: float | None
    tflite_bytes: int


@dataclass(frozen=True)
class Pair:
    """Two routes compared, run by run and sample by sample.

    Attributes:
        difference: mean of left's error rate minus right's, points; interval likewise, with one
            run bootstrapped over its samples.
        wilcoxon, t: p over runs, None for one run; ``*_corrected`` by Holm over all pairs.
        mcnemar: p of each run; ``mcnemar_corrected`` by Holm over the runs.
        mcnemar_pairs: with one run, its p by Holm over all pairs; else None.
        differing: mean share of samples with another predicted class.
        differing_runs: in how many runs there is such a sample.
        equal_outputs: mean share of equal output values; None unless both outputs are int8.
        same_outputs_runs: in how many runs all output values are equal; 0 unless both are int8.
        same_file_runs: in how many runs both are the same .tflite, byte for byte.
        detectable: difference in points that would have been seen, with 80 % probability (one
            run: at all), by a test corrected for the number of pairs.
    """

    left: str
    right: str
    difference: Interval
    wilcoxon: float | None
    wilcoxon_corrected: float | None
    t: float | None
    t_corrected: float | None
    mcnemar: tuple[float, ...]
    mcnemar_corrected: tuple[float, ...]
    mcnemar_pairs: float | None
    differing: float
    differing_runs: int
    equal_outputs: float | None
    same_outputs_runs: int
    same_file_runs: int
    detectable: float

    @property
    def p(self) -> float:
        """The corrected p by which the pair is judged: Wilcoxon's, with one run McNemar's."""
        if self.wilcoxon_corrected is not None:
            return self.wilcoxon_corrected
        assert self.mcnemar_pairs is not None
        return self.mcnemar_pairs

    @property
    def separated(self) -> bool:
        """Whether error rates tell the two apart, at 5 % after the correction."""
        return self.p < 0.05


@dataclass(frozen=True)
class DeviceSummary:
    """The board's column.

    Attributes:
        models: how many .tflite files it ran; ``equal_models`` of them equal to TFLM on the host in
            every byte of every output.
        inferences: samples times models; ``equal_inferences`` likewise.
        differing: (seed, route, samples that differ) of those that do not.
        builds: how many images were built or taken from the cache for it, 0 where all results were
            there; ``loaded`` is how many models were sent to a running device.
        ticks: median ticks of an inference by route.
    """

    conditions: DeviceConditions
    models: int
    equal_models: int
    inferences: int
    equal_inferences: int
    differing: tuple[tuple[int, str, int], ...]
    builds: int
    loaded: int
    ticks: Mapping[str, float]

    @property
    def match(self) -> bool:
        """Whether the board computed what TFLM on the host computes, all of it."""
        return self.equal_models == self.models


@dataclass(frozen=True)
class Study:
    """All there is to report.

    ``asked`` runs were asked for, ``reused`` of them taken from the folder. ``sentences`` say what
    the data can and cannot tell, few enough for a terminal; ``pairs`` have one each, in order, in
    ``pair_sentences``. ``labels`` are int64 [n].
    """

    plan: Plan
    asked: int
    reused: int
    jobs: int
    samples: int
    classes: int
    trained_on: int
    labels: npt.NDArray[np.int64]
    runs: tuple[RunResult, ...]
    device_results: tuple[DeviceResult, ...]
    failures: tuple[Failure, ...]
    routes: tuple[RouteSummary, ...]
    pairs: tuple[Pair, ...]
    device: DeviceSummary | None
    headline: str
    sentences: tuple[str, ...]
    pair_sentences: tuple[str, ...]
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    machine: str
    seconds: float
    folder: Path
    command: str

    @property
    def exit_code(self) -> int:
        """0; 1 where the board differs; else that of the first failure."""
        if self.failures:
            return self.failures[0].exit_code
        return 0 if self.device is None or self.device.match else 1
