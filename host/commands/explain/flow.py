"""The flow: two models named, run, compared, changed, explained, reported."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from host.base import isolated, locks, versions
from host.base.arrays import Array
from host.base.errors import ConfigError
from host.base.files import complete
from host.base.paths import exists, new_run_folder
from host.base.quiet import quiet
from host.commands.explain.explanation import Explanation, Subject
from host.commands.explain.options import ExplainRequest
from host.commands.explain.request import (
    check_alike,
    choose_data,
    drawn,
    is_route,
    open_subject,
    outputs_of_device,
    read_deployed,
    take,
)
from host.commands.explain.write import RESULTS, write_explanation
from host.deployment.prepare import convert, model_file
from host.deployment.request import ModelOptions
from host.deployment.stages import Observer, Stages
from host.diagnosis.analyse import OPERATOR_SAMPLES, Material, analyse
from host.diagnosis.comparison.keras_layers import KerasLayer, run_layers
from host.diagnosis.comparison.signals import Samples
from host.models.dataset import Dataset, check_fit
from host.models.feeds import real_samples
from host.models.source import ModelFile, load_keras, open_model
from host.models.tflite import Graph
from host.quantize.conversion import convert_float
from host.verdict.gaps import detect_task

_PACKAGES = ("tflite-micro", "ai-edge-litert", "tensorflow", "tf-keras", "numpy")


@dataclass(frozen=True)
class _Reference:
    """The float model as a .tflite, its layers' outputs, and its predictions for all samples."""

    file: ModelFile
    graph: Graph
    layers: tuple[KerasLayer, ...]
    outputs: Array


def explain(request: ExplainRequest, observer: Observer) -> Explanation:
    """Say why B computes other things than A, and write the report.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    with _held(request):
        result = _explained(request, observer)
        with complete(result.folder, RESULTS):
            write_explanation(result)
    return result


def _explained(request: ExplainRequest, observer: Observer) -> Explanation:
    stages = Stages(observer)
    reference = _reference_file(request, stages)
    opened = {text: open_subject(text) for text in (request.a, request.b) if not is_route(text)}
    samples = choose_data(request, list(opened.values()))
    a, b = (
        opened.get(text) or _convert(text, request, reference, samples, stages)
        for text in (request.a, request.b)
    )
    check_alike(a, b)
    shape = b.graph.input.shape[1:]
    whole = check_fit(samples, shape, b.graph.output.shape[1:])
    chosen = drawn(len(whole.x), request)
    dataset = take(whole, chosen)
    deployed = None
    if request.deployed is not None:
        deployed = read_deployed(request.deployed, whole, shape)[chosen]
    device = outputs_of_device(b, whole)
    device = None if device is None else device[chosen]
    known = None
    if reference is not None:
        with stages.run("float model"), quiet(None):
            known = _run_reference(reference, dataset, request, b.graph)
    with stages.run("compare"), quiet(None):
        analysis = isolated.call(analyse, _material(a, b, dataset, known, deployed, device))
    return Explanation(
        a=a,
        b=replace(b, deployed=deployed),
        dataset=dataset.name,
        reference=None if reference is None else f"{reference.name} ({reference.kind})",
        agreement=analysis.agreement,
        layers=analysis.layers,
        interventions=analysis.interventions,
        equal_after_all=analysis.equal_after_all,
        findings=analysis.findings,
        first_difference=analysis.first_difference,
        unaligned=analysis.unaligned,
        notes=(*dataset.notes, *analysis.notes, *_unsaid(dataset, known)),
        conditions={
            **{name: versions.package_version(name) or "not installed" for name in _PACKAGES},
            "samples": str(len(dataset.x)),
            "samples of layers": str(analysis.traced),
            "samples of single operators": str(min(len(dataset.x), OPERATOR_SAMPLES)),
            "seed": str(request.seed),
        },
        folder=request.folder
        or new_run_folder("explain", Path(request.a).stem, Path(request.b).stem),
        command=request.command,
    )


# --- A, B and the float model -----------------------------------------------------------------


def _reference_file(request: ExplainRequest, stages: Stages) -> ModelFile | None:
    if request.reference is not None:
        model = open_model(request.reference)
        if model.kind == "tflite":
            raise ConfigError(
                f"--reference {request.reference} is a .tflite", "Give the trained Keras model."
            )
        return model
    for text in (request.b, request.a):
        for name in ("model.h5", "model.keras"):
            if exists(Path(text) / name):
                return open_model(Path(text) / name)
    if is_route(request.a) or is_route(request.b):
        return model_file(ModelOptions(seed=request.seed), stages)
    return None


def _convert(
    route: str,
    request: ExplainRequest,
    reference: ModelFile | None,
    samples: Dataset,
    stages: Stages,
) -> Subject:
    assert reference is not None  # the demo, where the user gave none
    wanted = ModelOptions(
        model=reference.path, route=route, seed=request.seed, allow_unsafe=request.allow_unsafe
    )
    with stages.run(f"convert {route}") as stage:
        quantized = convert(wanted, reference, samples, True, stage).quantized
    return Subject(route, f"route {route} of {reference.name}", quantized.graph)


def _run_reference(
    file: ModelFile, dataset: Dataset, request: ExplainRequest, graph: Graph
) -> _Reference:
    source = load_keras(file, allow_unsafe=request.allow_unsafe)
    check_fit(dataset, source.input_shape, source.output_shape)
    samples = real_samples(dataset, graph)
    return _Reference(
        file,
        convert_float(source),
        run_layers(source.handle, samples),
        source.predict(samples),
    )


def _material(
    a: Subject,
    b: Subject,
    dataset: Dataset,
    known: _Reference | None,
    deployed: Array | None,
    device: Array | None,
) -> Material:
    labels = dataset.y if dataset.y is not None and dataset.y.dtype.kind == "i" else None
    return Material(
        a=a.graph,
        b=b.graph,
        reference=None if known is None else known.graph,
        keras=() if known is None else known.layers,
        float_outputs=None if known is None else known.outputs,
        samples=Samples(dataset.x, deployed),
        labels=labels,
        classes=detect_task(b.graph, dataset) == "classification",
        x_calibration=dataset.x_calibration,
        device=device,
        device_name=b.device_name,
    )


def _unsaid(dataset: Dataset, known: _Reference | None) -> tuple[str, ...]:
    """What could not be said, and what would let it be said."""
    notes = []
    if known is None:
        notes.append(
            "Without --reference, the trained Keras model, nothing is said on SQNR against float, "
            "on values that a range clips, or on Keras layers; A stands for what is right."
        )
    if dataset.y is None:
        notes.append("Without labels nothing is said on accuracy.")
    if dataset.raw:
        notes.append(
            "The samples are codes, not real values: the same codes go to both models, and what "
            "ranges do to real samples is not seen."
        )
    return tuple(notes)


def _held(request: ExplainRequest) -> AbstractContextManager[None]:
    """Hold the folder that the user named; in a new one nobody else is at work."""
    if request.folder is None:
        return nullcontext()
    if request.folder.exists() and not request.folder.is_dir():
        raise ConfigError(f"--out {request.folder} is not a folder")
    return locks.folder(request.folder)
