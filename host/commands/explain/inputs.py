"""What the options of ``explain`` name: two int8 models, their samples, and a float model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.base.errors import ConfigError, DataError, ModelError
from host.base.paths import exists
from host.commands.explain.explanation import Subject
from host.commands.explain.options import ExplainRequest
from host.deployment.folder import MODEL, PREDICTIONS
from host.deployment.prepare import convert, model_file, open_reference
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.diagnosis.analyse import FloatModel, run_float
from host.models import tflite
from host.models.data_formats import DEMO_DATA, RANDOM, described, find_format
from host.models.dataset import Dataset, check_fit, load_dataset, take
from host.models.feeds import real_samples
from host.models.npz import read_npz
from host.models.source import ModelFile, load_keras, open_model
from host.models.tflite import Graph
from host.quantize.routes import ROUTES
from host.report.document import DOCUMENT


@dataclass(frozen=True)
class Opened:
    """A or B: an int8 model, where it came from, and what a device made of it.

    Attributes:
        label: how the user named it.
        source: file, folder or route, in words.
        x, y: the samples [n, …] of a run's folder, and their labels or targets; None without.
        device: [n, …] outputs that a device gave for ``x``, or None.
        device_name: the engine and its version on that device.
    """

    label: str
    source: str
    graph: Graph
    x: Array | None = None
    y: Array | None = None
    device: Array | None = None
    device_name: str | None = None

    def subject(self, *, deployed_otherwise: bool = False) -> Subject:
        """What the report says of it."""
        return Subject.of(
            self,
            sha256=self.graph.sha256,
            bytes=len(self.graph.content),
            operators=len(self.graph.operators),
            device_samples=None if self.device is None else len(self.device),
            device=self.device_name,
            deployed_otherwise=deployed_otherwise,
        )


def is_route(text: str) -> bool:
    """Whether A or B names a route, not a file."""
    return text in ROUTES and not Path(text).exists()


def open_model_or_run(text: str) -> Opened:
    """A .tflite file or a run's folder.

    Raises:
        ConfigError: neither, and no route's name.
        ModelError: the file is no .tflite, or has several inputs or outputs.
    """
    path = Path(text)
    if not exists(path):
        raise ConfigError(
            f"{text!r} is neither a .tflite file nor a run's folder nor a route",
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
    return Opened(text, "a .tflite file", _checked(tflite.load(path), text))


def _open_run(text: str, path: Path) -> Opened:
    if not (path / MODEL).is_file():
        raise ConfigError(
            f"{text} is not a run's folder: it has no {MODEL}",
            "Give a folder that flash-and-eval wrote, or a .tflite file.",
        )
    graph = _checked(tflite.load(path / MODEL), text)
    stored = _predictions(path)
    device = stored.get("device")
    if device is not None and device.shape[1:] != graph.output.shape[1:]:
        raise DataError(f"{path / PREDICTIONS} does not fit {path / MODEL}")
    return Opened(text, "a run's folder", graph, device_name=_device_name(path), **stored)


def _predictions(folder: Path) -> dict[str, Array]:
    """Samples, labels and a device's outputs, named as in ``Opened``; those that there are."""
    path = folder / PREDICTIONS
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in ("x", "y", "device") if name in stored.files}
    except Exception as error:  # zipfile and NumPy raise their own on a damaged file
        raise DataError(f"{path} is damaged: {error}", "Run flash-and-eval again.") from error


def _device_name(folder: Path) -> str | None:
    try:
        report = json.loads((folder / DOCUMENT).read_text())
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
                f"{text}: tensor {tensor.name} has shape {tensor.shape}; it must have batch size 1",
                "Convert with a fixed input shape and batch size 1.",
            )
    return graph


def check_alike(a: Opened, b: Opened) -> None:
    """See that A and B are two versions of one model.

    Raises:
        ModelError: their inputs or outputs have different shapes.
    """
    pairs = (a.graph.input, b.graph.input), (a.graph.output, b.graph.output)
    for what, (left, right) in zip(("input", "output"), pairs, strict=True):
        if left.shape != right.shape:
            raise ModelError(
                f"A's {what} has shape {left.shape}, B's {right.shape}: they are not two versions "
                "of one model",
                "Give two conversions of one trained model.",
            )


def choose_data(request: ExplainRequest, opened: Sequence[Opened]) -> Dataset:
    """All samples that there are; ``opened`` are those of A and B that are files or folders.

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


def draw(dataset: Dataset, count: int, seed: int) -> tuple[Array, Dataset]:
    """The samples that are run, at most ``count``: their indices, ascending, and themselves."""
    indices = np.sort(np.random.default_rng(seed).permutation(len(dataset.x))[:count])
    return indices, take(dataset, indices)


def find_reference(request: ExplainRequest, stages: Stages) -> ModelFile | None:
    """The model that the user names, or that lies in a run's folder; for routes, the demo.

    Raises:
        ConfigError: it is a .tflite.
        ModelError: it is no model that is known.
        ToolMissingError: the demo model needs TensorFlow.
    """
    if request.reference is not None:
        return open_reference(request.reference)
    for text in (request.b, request.a):
        for name in ("model.h5", "model.keras"):
            if exists(Path(text) / name):
                return open_model(Path(text) / name)
    if is_route(request.a) or is_route(request.b):
        return model_file(ModelOptions(seed=request.seed), stages)
    return None


def follow_route(
    options: ModelOptions, model: ModelFile, samples: Dataset, stages: Stages
) -> Opened:
    """What a route makes of the float model.

    Raises:
        InputError: the route cannot be followed with this model or these samples.
        ToolMissingError: the conversion needs TensorFlow.
    """
    route = options.route
    with stages.run(f"convert {route}") as stage:
        quantized = convert(options, model, samples, True, stage).quantized
    return Opened(route, f"route {route} of {model.name}", quantized.graph)


def run_reference(
    model: ModelFile, dataset: Dataset, graph: Graph, *, allow_unsafe: bool
) -> FloatModel:
    """Run the float model and its layers on the samples that ``graph``, an int8 model, gets.

    Raises:
        DataError: the samples do not fit it.
        ModelError: it cannot be loaded.
        ToolMissingError: it needs TensorFlow.
    """
    source = load_keras(model, allow_unsafe=allow_unsafe)
    check_fit(dataset, source.input_shape, source.output_shape)
    return run_float(source, real_samples(dataset, graph))
