"""A study as one JSON object, and as tables."""

import csv
import io
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from host.base import versions
from host.base.arrays import Array
from host.commands.study import values, words
from host.commands.study.compare import equal_samples
from host.commands.study.runs import default_jobs
from host.commands.study.values import Executor, Failure, Interpreter, Pair, Study
from host.quantize.training import Training
from host.report.document import Document, Part
from host.verdict.statistics import ALPHA
from host.verdict.tasks import decide


class Data(Part):
    """The samples."""

    name: str
    samples: int
    """How many are scored in each run."""
    trained_on: int
    """How many the models are trained on."""
    classes: int
    digest: str
    """SHA-256 in hex over the arrays."""


class StudiedModel(Part):
    """The model that is trained in each run."""

    function: str | None
    """package.module:function; null for the data's demo model."""
    digest: str
    """Changes with the model's code or layers."""


class Runs(Part):
    """How far the runs came."""

    asked: int
    done: int
    reused: int
    """How many were in the folder already."""
    seeds: tuple[int, ...]
    """Of the runs that are done, in the order of every list over runs."""
    failed: tuple[Failure, ...]


class Agreement(Part):
    """Shares in which every two routes agree, means over the runs, 0 to 1."""

    routes: tuple[str, ...]
    """Of the rows and of the columns."""
    predictions: Sequence[Sequence[float]]
    """Shares of samples to which both give the same class."""
    int8_outputs: Sequence[Sequence[float | None]]
    """Shares of equal output values; null unless both outputs are int8, and for a route itself."""


class Result(Part):
    """What one executor made of one route in one run."""

    seed: int
    route: str
    executor: Executor | Literal["device"]
    samples: int
    """How many were scored."""
    errors: int
    error_percent: float
    equal_to_tflm_host: float | None = None
    """For the board, the share of samples that equal TFLM on the host in every byte."""
    median_ticks: float | None = None
    """For the board, the median ticks of an inference."""
    tflite_sha256: str | None
    """Of the .tflite file; null where there is none."""


class StudyConditions(Part):
    """What the numbers hold under."""

    executor: Interpreter
    """What runs the .tflite files on this machine."""
    per_channel_dense: bool
    """Dense layers may have a scale for each channel."""
    threads_per_run: int = 1
    """How many threads TensorFlow has in a run."""
    jobs: int
    """How many runs go on at once; no result depends on it."""
    machine: str
    """Operating system and processors."""
    packages: Mapping[str, str]
    """Versions of the packages that compute a run."""


class Timings(Part):
    """Wall time."""

    wall_seconds: float
    """Of this call."""
    run_seconds: tuple[float | None, ...]
    """Of each run when it was computed."""


class StudyDocument(Document):
    """Many runs of many quantization routes.

    A run is one seed. Error rates are percent, differences of them points; shares are 0 to 1.
    """

    schema_version: Literal[2] = 2
    headline: str
    """The result in one line."""
    sentences: tuple[str, ...]
    """What the data can and cannot tell, the most telling first."""
    data: Data
    model: StudiedModel
    runs: Runs
    training: Training
    routes: tuple[values.RouteSummary, ...]
    agreement: Agreement
    pairs: tuple[Pair, ...]
    """Every two routes, compared."""
    device: values.DeviceSummary | None
    """The board's column; null where no board took part."""
    results: tuple[Result, ...]
    """A row for each run, route and executor."""
    conditions: StudyConditions
    versions: Mapping[str, str | None]
    """Versions of this program and of what it used."""
    timings: Timings
    folder: Path
    """Where the files of the study are."""


def document(study: Study) -> StudyDocument:
    """The study's document; ``created`` is the time of this call."""
    plan, comparison = study.plan, study.comparison
    return StudyDocument.of(
        *(comparison, plan, study),
        headline=words.headline(comparison),
        sentences=words.sentences(comparison),
        data=Data.of(comparison, study, name=plan.data, digest=plan.data_digest),
        model=StudiedModel(function=plan.model, digest=plan.model_digest),
        runs=Runs.of(
            study,
            done=len(study.runs),
            seeds=tuple(run.seed for run in study.runs),
            failed=study.failures,
        ),
        agreement=agreement(plan.routes, comparison.pairs),
        results=results(study),
        conditions=StudyConditions.of(
            *(plan, study), machine=f"{platform.platform()}, {default_jobs()} processors"
        ),
        versions={**versions.versions(study.board.tools if study.board else ()), **plan.packages},
        timings=Timings(
            wall_seconds=study.seconds, run_seconds=tuple(run.seconds for run in study.runs)
        ),
    )


def agreement(routes: Sequence[str], pairs: Sequence[Pair]) -> Agreement:
    """Between every two of these routes, of which ``pairs`` has each once."""
    predictions, outputs = np.ones((len(routes),) * 2), np.full((len(routes),) * 2, None)
    for pair in pairs:
        i, j = routes.index(pair.left), routes.index(pair.right)
        predictions[i, j] = predictions[j, i] = 1.0 - pair.differing_predictions
        outputs[i, j] = outputs[j, i] = pair.equal_int8_outputs
    return Agreement(
        routes=tuple(routes), predictions=predictions.tolist(), int8_outputs=outputs.tolist()
    )


def results(study: Study) -> tuple[Result, ...]:
    """A row for each run, route and executor."""
    on_board = {(r.seed, r.route): r for r in (study.board.results if study.board else ())}
    rows, samples = [], len(study.labels)
    for run in study.runs:
        for name, host in run.routes.items():
            columns: dict[Any, Array] = dict(host.columns)
            measured: dict[str, Any] = {}
            if device := on_board.get((run.seed, name)):
                columns["device"] = device.outputs
                measured["equal_to_tflm_host"] = float(equal_samples(device, host).mean())
                measured["median_ticks"] = float(np.median(device.ticks))
            for executor, outputs in columns.items():
                errors = int(np.count_nonzero(decide(outputs) != study.labels))
                rows.append(
                    Result(
                        seed=run.seed,
                        route=name,
                        executor=executor,
                        samples=samples,
                        errors=errors,
                        error_percent=100 * errors / samples,
                        tflite_sha256=None if executor == "keras" else host.tflite_sha256,
                        **(measured if executor == "device" else {}),
                    )
                )
    return tuple(rows)


def runs_csv(document: StudyDocument) -> str:
    """``results`` as CSV."""
    return _csv([result.model_dump() for result in document.results])


# Keys of a pair that are columns as they are.
_PAIR_COLUMNS = (
    *("separated", "wilcoxon_p", "wilcoxon_p_corrected", "t_p", "t_p_corrected"),
    *("mcnemar_p_over_pairs", "differing_predictions", "differing_runs", "equal_int8_outputs"),
    *("same_outputs_runs", "same_file_runs", "detectable_points"),
)


def pairs_csv(document: StudyDocument) -> str:
    """A row for each two routes; of McNemar's tests the number of runs with p below 5 %."""
    return _csv(
        [
            {
                "left": pair.left,
                "right": pair.right,
                "difference_points": pair.difference.value,
                "difference_low": pair.difference.low,
                "difference_high": pair.difference.high,
                **{name: getattr(pair, name) for name in _PAIR_COLUMNS},
                "mcnemar_runs_below_5_percent": sum(p < ALPHA for p in pair.mcnemar_p),
                "mcnemar_runs_below_5_percent_corrected": pair.mcnemar_runs,
                "sentence": pair.sentence,
            }
            for pair in document.pairs
        ]
    )


def _csv(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
