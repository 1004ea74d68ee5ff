"""The verdict, and why int8 or Keras itself predicts worse than it should."""

import contextlib
from collections.abc import Callable, Mapping

import numpy as np

from host.base import cache
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
from host.oracles.columns import COLUMN_LABELS, Column, ColumnName, first_present
from host.oracles.host import first_on_the_desktop
from host.oracles.tflm_host import alone, run_tflm_host
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
    """
    if not explain:
        return judged(False), None
    cause = None
    # A model that crashes on changed samples, or converted otherwise, has a verdict all the same.
    with stages.run("check samples"), contextlib.suppress(OracleError):
        cause = _of_samples(options, prepared, columns, task)
    verdict = judged(cause is not None)
    if cause is None and verdict.int8_is_worse:
        with stages.run("explain"), quiet(None), contextlib.suppress(OracleError):
            cause = conversion_trial(options, prepared, per_channel_dense, task, limits)
    return verdict, cause


def desktop_difference(
    graph: Graph, inputs: Array, columns: Mapping[ColumnName, Column]
) -> DesktopDifference | None:
    """Where LiteRT's reference kernels and TFLM's diverge; None where they do not, or where that
    could not be seen."""
    theirs, ours = columns["litert_reference"].outputs, columns["tflm_host"].outputs
    if theirs is None or ours is None or not len(samples := differing(theirs, ours)):
        return None
    sample = inputs[samples[:1]]
    versions = (columns[name].version for name in ("litert_reference", "tflm_host"))
    name = cache.key("desktop", graph.sha256, *versions, sample)
    known = cache.load("desktop", name)
    if known is None:
        try:
            with quiet(None):
                first = alone([graph], first_on_the_desktop, graph, sample)
        except OracleError:  # it has run the model, but cannot show every tensor
            first = None
        known = {"first": np.array([] if first is None else [first], np.int64)}
        cache.store("desktop", name, known)
    operators = [graph.operators[index] for index in known["first"].tolist()]
    return DesktopDifference(operators[0].index, operators[0].name) if operators else None


def _of_samples(
    options: ModelOptions,
    prepared: Prepared,
    columns: Mapping[ColumnName, Column],
    task: Task | None,
) -> Trial | None:
    """What samples or labels should have been, tried on Keras, or without it on TFLM."""
    graph, dataset = prepared.quantized.graph, prepared.dataset
    asked, reading = first_present(columns, "keras", "tflm_host"), read_as(graph, dataset, task)
    labels = reading.labels(dataset)
    if asked is None or asked.outputs is None or labels is None or labels.ndim > 1:
        return None

    def predict(x: Array) -> Classes:
        with quiet(None):
            if asked.name == "keras" and prepared.original is not None:
                source = load_keras(prepared.original, allow_unsafe=options.allow_unsafe)
                return reading.predictions(source.predict(x))
            column = alone([graph], run_tflm_host, graph, graph.input.to_codes(x))
        assert column.outputs is not None  # it has run the samples as they are
        return reading.predictions(column.outputs)

    counted = f"{COLUMN_LABELS[asked.name]} is right"
    return sample_trial(predict, dataset, reading.predictions(asked.outputs), labels, counted)
