"""The flow: two models named, run, compared, changed, explained, reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from host.base import locks, versions
from host.base.errors import ConfigError
from host.base.files import complete
from host.base.paths import new_run_folder
from host.base.quiet import quiet
from host.commands.explain import inputs
from host.commands.explain.explanation import Explanation
from host.commands.explain.options import ExplainRequest
from host.commands.explain.page import render_html
from host.deployment.folder import MODEL
from host.deployment.request import ModelOptions
from host.deployment.stages import Observer, Stages
from host.diagnosis.analyse import FloatModel, Material, analyse
from host.diagnosis.comparison.signals import Samples
from host.models.dataset import Dataset, check_fit
from host.oracles.tflm_host import alone
from host.report.document import DOCUMENT, PAGE, write_report
from host.verdict.tasks import detect_task

_PACKAGES = ("tflite-micro", "ai-edge-litert", "tensorflow", "tf-keras", "numpy")


def explain(request: ExplainRequest, observer: Observer) -> Explanation:
    """Say why B does not compute what A computes, and write the report.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    with _held(request.folder):
        explanation = _explained(request, Stages(observer))
        with complete(explanation.folder, (DOCUMENT, PAGE)):
            write_report(explanation.folder, explanation, {PAGE: render_html(explanation)})
    return explanation


def _explained(request: ExplainRequest, stages: Stages) -> Explanation:
    model = inputs.find_reference(request, stages)
    opened = {
        t: inputs.open_model_or_run(t) for t in (request.a, request.b) if not inputs.is_route(t)
    }
    samples = inputs.choose_data(request, list(opened.values()))
    for text in (request.a, request.b):
        if text not in opened:
            assert model is not None  # the demo, where the user gave none
            options = ModelOptions(
                model.path, route=text, seed=request.seed, allow_unsafe=request.allow_unsafe
            )
            opened[text] = inputs.follow_route(options, model, samples, stages)
    a, b = opened[request.a], opened[request.b]
    inputs.check_alike(a, b)
    whole = check_fit(samples, b.graph.input.shape[1:], b.graph.output.shape[1:])
    chosen, dataset = inputs.draw(whole, request.samples, request.seed)
    reference, deployed = None, None
    if request.deployed is not None:
        deployed = inputs.read_deployed(request.deployed, whole, b.graph.input.shape[1:])[chosen]
    # What a device gave for these very samples; nothing where it was given others.
    device = b.device if b.x is not None and np.array_equal(b.x, whole.x) else None
    if model is not None:
        with stages.run("float model"), quiet(None):
            reference = inputs.run_reference(
                model, dataset, b.graph, allow_unsafe=request.allow_unsafe
            )
    material = Material(
        a=a.graph,
        b=b.graph,
        reference=reference,
        samples=Samples(dataset.x, deployed),
        labels=dataset.y if dataset.y is not None and dataset.y.dtype.kind == "i" else None,
        classes=detect_task(b.graph, dataset) == "classification",
        x_calibration=dataset.x_calibration,
        device=None if device is None else device[chosen],
        device_name=b.device_name,
    )
    with stages.run("compare"), quiet(None):
        analysis = alone([a.graph, b.graph], analyse, material)
    return Explanation.of(
        analysis,
        notes=(*dataset.notes, *analysis.notes, *_unknown(dataset, reference)),
        conditions={**analysis.conditions, "seed": request.seed},
        command=request.command,
        a=a.subject(),
        b=b.subject(deployed_otherwise=deployed is not None),
        data=dataset.name,
        reference=None if model is None else f"{model.name} ({model.kind})",
        versions={name: versions.package_version(name) or "not installed" for name in _PACKAGES},
        folder=request.folder
        or new_run_folder("explain", Path(request.a).stem, Path(request.b).stem),
    )


def _unknown(dataset: Dataset, reference: FloatModel | None) -> tuple[str, ...]:
    """What is not known, and what would tell it."""
    notes = []
    if reference is None:
        notes.append(
            "Without --reference, the trained Keras model, nothing is known of SQNR against float, "
            "of values that a range clips, or of Keras layers; A stands for what is right."
        )
    if dataset.y is None:
        notes.append("Without labels, accuracy is not known.")
    if dataset.raw:
        notes.append(
            "The samples are codes, not real values: the same codes go to both models, and what "
            "ranges do to real samples is not seen."
        )
    return tuple(notes)


@contextmanager
def _held(folder: Path | None) -> Iterator[None]:
    """Hold the folder that the user named; in a new one nobody else is at work."""
    if folder is None:
        yield
        return
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--out {folder} is not a folder")
    with locks.folder(folder):
        if (folder / MODEL).exists():
            raise ConfigError(
                f"--out {folder} is a run's folder, whose report would be replaced",
                "Give a new folder, or one of an earlier explain.",
            )
        yield
