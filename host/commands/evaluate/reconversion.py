"""Why does int8 predict worse than the float model? Converted otherwise, and compared."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from host.base.arrays import Array
from host.base.errors import FlashAndEvalError
from host.deployment.prepare import Prepared, convert
from host.deployment.request import ModelOptions
from host.deployment.stages import Stage
from host.diagnosis.analyse import Material, analyse, run_float
from host.diagnosis.comparison.layers import Layer
from host.diagnosis.comparison.signals import Samples
from host.diagnosis.trials.trial import Trial
from host.models.dataset import Dataset
from host.models.feeds import quantize_samples, real_samples
from host.models.source import ModelFile, load_keras
from host.models.tflite import Graph
from host.oracles.tflm_host import alone, run_tflm_host
from host.quantize.routes import DEFAULT_ROUTE, INT16_ROUTE, find_route
from host.report.formats import number, plain
from host.verdict.halves import largest_error
from host.verdict.options import Limits, Task
from host.verdict.tasks import detect_task, matches, read_as, real_values

# Samples that conversions are compared on, and those that single operators are looked at on.
_SAMPLES, _TRACED = 500, 50
# A change counts where it restores this share of what int8 loses.
_RESTORES = 0.5


@dataclass(frozen=True)
class _Attempt:
    cause: str
    change: str
    route: str
    dataset: Dataset


def conversion_trial(
    options: ModelOptions,
    prepared: Prepared,
    per_channel_dense: bool,
    task: Task | None = None,
    limits: Limits | None = None,
) -> Trial | None:
    """The first other conversion that restores what int8 loses; None where none does.

    Tried are, in this order: the scored samples as representative data; post-training
    quantization, where the route trains; int16 activations. What differs between that model and
    the run's own is then told by ``explain``'s rules.

    Args:
        options: of the run.
        prepared: what the run made of it; nothing is tried where its original is not known.
        per_channel_dense: see ``quantize_ptq``.
        task: what the outputs are for; None where labels and model tell.
        limits: of the verdict.

    Raises:
        OracleError: TFLM on the host is absent, or refuses the run's model.
    """
    dataset, graph = _first(prepared.dataset, _SAMPLES), prepared.quantized.graph
    model = prepared.original
    if model is None:
        return None
    score, counted, keras = _scored(prepared, dataset, task, limits or Limits())
    before = score(graph)
    for attempt in _attempts(options.route, dataset):
        chosen = replace(options, route=attempt.route)
        try:
            made = convert(chosen, model, attempt.dataset, per_channel_dense, Stage())
            other = made.quantized.graph
            after = score(other)
        except FlashAndEvalError:  # this route cannot be gone with this model: no trial
            continue
        if after - before < _RESTORES * (keras - before) or after <= before:
            continue
        trial = Trial(attempt.cause, attempt.change, counted, before, after)
        return _explained(trial, other, graph, dataset, options, model)
    return None


def _attempts(route: str, dataset: Dataset) -> Iterator[_Attempt]:
    covering = replace(dataset, x_calibration=dataset.x.astype(np.float32))
    if find_route(route).trains:
        change = f"the float model converted by {DEFAULT_ROUTE}"
        yield _Attempt("qat-ranges-unconverged", change, DEFAULT_ROUTE, dataset)
    else:
        change = "the samples themselves as representative data"
        yield _Attempt("representative-data-coverage", change, route, covering)
    yield _Attempt("activation-resolution", "int16 activations", INT16_ROUTE, covering)


def _first(dataset: Dataset, count: int) -> Dataset:
    y = None if dataset.y is None else dataset.y[:count]
    return replace(dataset, x=dataset.x[:count], y=y)


def _scored(
    prepared: Prepared, dataset: Dataset, task: Task | None, limits: Limits
) -> tuple[Callable[[Graph], float], str, float]:
    """What is counted: the share of the samples by int8 model, its words, and Keras's share."""
    outputs = prepared.keras.outputs
    assert outputs is not None  # a Keras model was converted
    reading = read_as(prepared.quantized.graph, dataset, task)
    keras, known = outputs[: len(dataset.x)], reading.labels(dataset)
    if not reading.classifies:
        values = real_values(keras, reading.codes)
        allowed = largest_error(values, limits, reading)
        counted = "int8 is as near to Keras as allowed"

        def near(graph: Graph, made: Array) -> Array:
            moved = real_values(made, graph.output_codes) - values
            return np.asarray(np.abs(moved).mean(axis=1) <= allowed)

        return partial(_share, dataset, near), counted, 1.0
    wanted = reading.predictions(keras)
    labels = wanted if known is None else known

    def right(graph: Graph, made: Array) -> Array:
        return matches(read_as(graph, dataset, task).predictions(made), labels)

    counted = "int8 agrees with Keras" if known is None else "int8 is right"
    return partial(_share, dataset, right), counted, float(matches(wanted, labels).mean())


def _share(dataset: Dataset, good: Callable[[Graph, Array], Array], graph: Graph) -> float:
    column = alone([graph], run_tflm_host, graph, quantize_samples(dataset, graph))
    return 0.0 if column.outputs is None else float(good(graph, column.outputs).mean())


def _explained(
    trial: Trial, a: Graph, b: Graph, dataset: Dataset, options: ModelOptions, model: ModelFile
) -> Trial:
    """With what ``explain`` finds between the two conversions."""
    some = _first(dataset, _TRACED)
    source = load_keras(model, allow_unsafe=options.allow_unsafe)
    material = Material(
        a=a,
        b=b,
        samples=Samples(some.x),
        labels=some.y if some.y is not None and some.y.dtype.kind == "i" else None,
        classes=detect_task(b, some) == "classification",
        reference=run_float(source, real_samples(some, b)),
        x_calibration=dataset.x_calibration,
    )
    analysis = alone([a, b], analyse, material)
    worst = _worst(analysis.layers)
    if not analysis.findings or not analysis.interventions:
        return replace(trial, evidence=worst)
    finding = analysis.findings[0]
    return replace(trial, cause=finding.cause, evidence=(*finding.evidence, *worst))


def _worst(layers: Sequence[Layer]) -> tuple[str, ...]:
    """A sentence on the first layer that loses half as much of the signal as any."""
    known = [
        (layer.a.sqnr - layer.b.sqnr, layer)
        for layer in layers
        if layer.a is not None and layer.b is not None
        if layer.a.sqnr is not None and layer.b.sqnr is not None
    ]
    known = [(loss, layer) for loss, layer in known if math.isfinite(loss)]
    most = max((loss for loss, _ in known), default=0.0)
    if most <= 0:
        return ()
    layer = next(layer for loss, layer in known if loss >= most / 2)
    assert layer.a is not None and layer.b is not None
    keras = f" ({', '.join(plain(name) for name in layer.keras)})" if layer.keras else ""
    return (
        f"Operator {layer.operator} {plain(layer.name)}{keras} is the first where much is lost: "
        f"its signal-to-noise ratio against Keras is {number(layer.b.sqnr, 3)} dB, and "
        f"{number(layer.a.sqnr, 3)} dB with the change.",
    )
