"""What the options of ``explain`` name: two models, samples, a float model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.base.errors import ConfigError, DataError, ModelError
from host.base.paths import exists
from host.commands.explain.explanation import Subject
from host.commands.explain.options import ExplainRequest
from host.models import tflite
from host.models.data_formats import DEMO_DATA, RANDOM, described, find_format
from host.models.dataset import Dataset
from host.models.datasets import load_dataset
from host.models.npz import read_npz
from host.models.tflite import Graph
from host.quantize.routes import ROUTES

_MODEL, _PREDICTIONS = "model.tflite", "predictions.npz"


def is_route(text: str) -> bool:
    """Whether A or B names a route, not a file."""
    return text in ROUTES and not Path(text).exists()


def open_subject(text: str) -> Subject:
    """A .tflite file or a run's folder.

    Raises:
        ConfigError: neither, and no route's name.
        ModelError: the file is no .tflite, or has several inputs or outputs.
    """
    path = Path(text)
    if not exists(path):
        raise ConfigError(
            f"{text!r} is no .tflite file, no run's folder and no route",
            f"Routes are {', '.join(ROUTES)}.",
        )
    if path.is_dir():
        return _open_run(text, path)
    if path.suffix in (".h5", ".keras"):
        raise ConfigError(
            f"{text} is a Keras model; A and B are int8 models",
            f"Give it with --reference, and name routes: explain ptq-int8 qat-int8 --reference "
            f"{text} --data …",
        )
    return Subject(text, "a .tflite file", _checked(tflite.load(path), text))


def _open_run(text: str, path: Path) -> Subject:
    if not (path / _MODEL).is_file():
        raise ConfigError(
            f"{text} is no run's folder: it has no {_MODEL}",
            "Give a folder that flash-and-eval wrote, or a .tflite file.",
        )
    graph = _checked(tflite.load(path / _MODEL), text)
    stored = _predictions(path)
    device = stored.get("device")
    if device is not None and device.shape[1:] != graph.output.shape[1:]:
        raise DataError(f"{path / _PREDICTIONS} does not fit {path / _MODEL}")
    return Subject(
        text,
        "a run's folder",
        graph,
        x=stored.get("x"),
        y=stored.get("y"),
        device=device,
        device_name=_device_name(path),
    )


def _predictions(folder: Path) -> dict[str, Array]:
    path = folder / _PREDICTIONS
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in ("x", "y", "device") if name in stored.files}
    except Exception as error:  # zipfile and NumPy raise their own on a damaged file
        raise DataError(f"{path} is damaged: {error}", "Run flash-and-eval again.") from error


def _device_name(folder: Path) -> str | None:
    import json

    try:
        report = json.loads((folder / "report.json").read_text())
        return str(report["columns"]["device"]["version"]) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checked(graph: Graph, text: str) -> Graph:
    for what, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        if len(tensors) != 1:
            raise ModelError(
                f"{text} has {len(tensors)} {what}s; one is supported",
                f"Give a model with one {what}.",
            )
    for tensor in (graph.input, graph.output):
        if len(tensor.shape) < 2 or tensor.shape[0] != 1 or 0 in tensor.shape:
            raise ModelError(
                f"{text}: tensor {tensor.name} has shape {tensor.shape}; batch 1 is wanted",
                "Convert with a fixed input shape and batch size 1.",
            )
    return graph


def check_alike(a: Subject, b: Subject) -> None:
    """See that A and B are two versions of one model.

    Raises:
        ModelError: their inputs or outputs have different shapes.
    """
    for what, left, right in (
        ("input", a.graph.input, b.graph.input),
        ("output", a.graph.output, b.graph.output),
    ):
        if left.shape != right.shape:
            raise ModelError(
                f"A's {what} has shape {left.shape}, B's {right.shape}: they are not two versions "
                "of one model",
                "Give two conversions of one trained model.",
            )


# --- samples ----------------------------------------------------------------------------------


def choose_data(request: ExplainRequest, opened: Sequence[Subject]) -> Dataset:
    """The samples: all there are; ``drawn`` and ``take`` choose some.

    Args:
        request: names them.
        opened: those of A and B that are files or folders, a run's folder among them perhaps.

    Raises:
        ConfigError: none are named and none are known.
        DataError: they cannot be used.
        ToolMissingError: a named set's package is not installed.
    """
    routes = is_route(request.a) or is_route(request.b)
    spec = request.data
    if spec is None:
        for subject in reversed(opened):
            if subject.x is not None:
                name = f"the run {Path(subject.label).name}"
                return Dataset(name, subject.x, subject.y, None, raw=subject.x.dtype.kind == "i")
        if not routes or request.reference is not None:
            raise ConfigError(
                "explain needs --data: samples to run both models on",
                f"Give {described(real=True)}; or `--data {RANDOM}`, which says nothing about "
                "accuracy and ranges, but shows whether two .tflite files compute the same.",
            )
        spec = DEMO_DATA
    return load_dataset(
        spec,
        samples=None if find_format(spec).real else request.samples,
        seed=request.seed,
        input_shape=opened[0].graph.input.shape[1:] if opened else (),
        calibrate=routes,
        train=routes,
    )


def outputs_of_device(subject: Subject, dataset: Dataset) -> Array | None:
    """What a device gave for these very samples, [n, …]; None where it was given others."""
    same = subject.x is not None and np.array_equal(subject.x, dataset.x)
    return subject.device if same else None


def read_deployed(path: Path, dataset: Dataset, shape: tuple[int, ...]) -> Array:
    """What a deployment feeds, one for each sample: float32 real values, or int8 codes.

    Raises:
        DataError: the file cannot be used, or does not go with the samples.
    """
    if not exists(path) or path.is_dir():
        raise DataError(f"there is no file {path}", "Check the path given to --deployed-data.")
    fed: Array = read_npz(path).x
    with np.load(path, allow_pickle=False) as stored:
        if stored["x"].dtype == np.int8:
            fed = stored["x"]  # captured behind the quantization: codes, not real numbers
    if fed.shape[1:] != shape or len(fed) != len(dataset.x):
        raise DataError(
            f"{path} has samples of shape {fed.shape}, --data {dataset.x.shape}",
            "Give the same samples in the same order, as the deployment feeds them.",
        )
    if dataset.raw:
        raise DataError(
            "--deployed-data goes with real samples, not with codes",
            "Give the samples as an .npz with --data.",
        )
    return fed


def drawn(count: int, request: ExplainRequest) -> Array:
    """Which samples are run: indices, ascending."""
    if count <= request.samples:
        return np.arange(count)
    order = np.random.default_rng(request.seed).permutation(count)
    return np.sort(order[: request.samples])


def take(dataset: Dataset, indices: Array) -> Dataset:
    """Some of the samples."""
    y = None if dataset.y is None else dataset.y[indices]
    return replace(dataset, x=dataset.x[indices], y=y)
