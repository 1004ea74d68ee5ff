"""The verdict, and why int8 or Keras itself predicts worse than it should."""

from collections.abc import Callable, Mapping

import numpy as np

from host.base import cache, isolated
from host.base.arrays import Array
from host.base.errors import OracleError
from host.base.quiet import quiet
from host.commands.evaluate.reconversion import conversion_trial
from host.commands.evaluate.values import DesktopDifference
from host.deployment.prepare import Prepared
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.diagnosis.trials.samples import sample_trial
from host.diagnosis.trials.trial import Trial
from host.models.source import load_keras
from host.models.tflite import Graph
from host.oracles.columns import COLUMN_LABELS, Column, ColumnName
from host.oracles.host import first_on_the_desktop
from host.oracles.tflm_host import run_tflm_host
from host.verdict.gaps import differing
from host.verdict.judge import Verdict
from host.verdict.options import Limits, Task
from host.verdict.tasks import Classes, read_as


def answer(
    options: ModelOptions,
    prepared: Prepared,
    columns: Mapping[ColumnName, Column],
    judged: Callable[[bool], Verdict],
    stages: Stages,
    *,
    per_channel_dense: bool,
    task: Task | None = None,
    limits: Limits | None = None,
    explain: bool = True,
) -> tuple[Verdict, Trial | None]:
    """The verdict, and what would restore predictions that are bad; None where nothing was found.

    Args:
        options: the model's.
        prepared: the model, and what was made of it.
        columns: of the run, or of the host alone.
        judged: the verdict, given whether samples or labels are unlike those of the training.
        stages: are told of what takes time.
        per_channel_dense: see ``quantize_ptq``.
        task: what the outputs are for; None where labels and model tell.
        limits: what the verdict allows.
        explain: look for the cause.

    Raises:
        OracleError: TFLM is absent, or fails on a changed sample.
    """
    if not explain:
        return judged(False), None
    with stages.run("check samples"):
        cause = _of_samples(options, prepared, columns, task)
    verdict = judged(cause is not None)
    if cause is None and verdict.int8_is_worse and prepared.original is not None:
        with stages.run("explain"), quiet(None):
            cause = conversion_trial(
                *(options, prepared.original, prepared, per_channel_dense, task, limits)
            )
    return verdict, cause


def first_on_desktop(
    graph: Graph, inputs: Array, columns: Mapping[ColumnName, Column]
) -> DesktopDifference | None:
    """Where LiteRT's reference kernels and TFLM's diverge; None where they do not, or where that
    could not be seen."""
    theirs, ours = columns["litert_reference"].outputs, columns["tflm_host"].outputs
    if theirs is None or ours is None or not len(samples := differing(theirs, ours)):
        return None
    sample = inputs[samples[:1]]
    name = cache.key("desktop", graph.sha256, *_versions(columns), sample)
    known = cache.load("desktop", name)
    if known is None:
        try:
            with quiet(None):
                first = isolated.call(first_on_the_desktop, graph, sample)
        except OracleError:  # it has run the model, but cannot show every tensor
            first = None
        known = {"first": np.array([] if first is None else [first], np.int64)}
        cache.store("desktop", name, known)
    operators = [graph.operators[index] for index in known["first"].tolist()]
    return DesktopDifference(operators[0].index, operators[0].name) if operators else None


def _versions(columns: Mapping[ColumnName, Column]) -> tuple[str, str]:
    return columns["litert_reference"].version, columns["tflm_host"].version


def _of_samples(
    options: ModelOptions,
    prepared: Prepared,
    columns: Mapping[ColumnName, Column],
    task: Task | None,
) -> Trial | None:
    """What samples or labels should have been, tried on Keras, or without it on TFLM."""
    graph, dataset, name = prepared.quantized.graph, prepared.dataset, _asked(columns)
    outputs = None if name is None else columns[name].outputs
    reading = read_as(graph, dataset, task)
    labels = reading.labels(dataset)
    if name is None or outputs is None or labels is None or labels.ndim > 1:
        return None

    def predict(x: Array) -> Classes:
        with quiet(None):
            if name == "keras" and prepared.original is not None:
                source = load_keras(prepared.original, allow_unsafe=options.allow_unsafe)
                return reading.predictions(source.predict(x))
            column = isolated.call(run_tflm_host, graph, graph.input.to_codes(x))
        assert column.outputs is not None  # it has run the samples as they are
        return reading.predictions(column.outputs)

    counted = f"{COLUMN_LABELS[name]} is right"
    return sample_trial(predict, dataset, reading.predictions(outputs), labels, counted)


def _asked(columns: Mapping[ColumnName, Column]) -> ColumnName | None:
    names: tuple[ColumnName, ColumnName] = ("keras", "tflm_host")
    return next((name for name in names if columns[name].outputs is not None), None)
