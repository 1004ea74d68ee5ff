"""The float model that both are measured against, and that routes convert."""

from __future__ import annotations

from pathlib import Path

from host.base.errors import ConfigError
from host.base.paths import exists
from host.commands.explain.inputs import Opened, is_route
from host.commands.explain.options import ExplainRequest
from host.deployment.prepare import convert, model_file
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.diagnosis.analyse import FloatModel
from host.diagnosis.comparison.keras_layers import run_layers
from host.models.dataset import Dataset, check_fit
from host.models.feeds import real_samples
from host.models.source import ModelFile, load_keras, open_model
from host.models.tflite import Graph
from host.quantize.conversion import convert_float


def find_reference(request: ExplainRequest, stages: Stages) -> ModelFile | None:
    """The model that the user names, or that lies in a run's folder; for routes, the demo.

    Raises:
        ConfigError: it is a .tflite.
        ModelError: it is no model that is known.
        ToolMissingError: the demo model needs TensorFlow.
    """
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
    samples = real_samples(dataset, graph)
    return FloatModel(
        convert_float(source), run_layers(source.handle, samples), source.predict(samples)
    )
