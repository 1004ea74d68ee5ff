"""What comes before the device: model and samples in, int8 model and the host's columns out.

Results are reused by the hash of what they were made from.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from host.base import cache, versions
from host.base.arrays import Array
from host.base.errors import ConfigError, ModelError
from host.base.paths import cache_folder
from host.base.quiet import quiet
from host.deployment.request import ModelOptions
from host.deployment.stages import Stage, Stages
from host.engines import Engine
from host.models import tflite
from host.models.data_formats import DEMO_DATA, RANDOM, described
from host.models.dataset import Dataset, check_fit, load_dataset
from host.models.source import ModelFile, load_keras, open_model
from host.models.tflite import Graph
from host.oracles import columns
from host.oracles.columns import NO_KERAS, Column, ColumnName
from host.oracles.host import EXECUTORS, host_columns
from host.oracles.keras import run_keras
from host.oracles.tflm_host import alone
from host.quantize.advice import PER_CHANNEL_DENSE
from host.quantize.checks import QuantizedModel
from host.quantize.conversion import accept_tflite
from host.quantize.demo import DEMO_KEY, train_demo
from host.quantize.follow import Trained, check_routes
from host.quantize.routes import DEFAULT_ROUTE, find_int8_route
from host.quantize.training import Training, reproducible, require_training

# What a conversion's bytes depend on, besides this program.
_CONVERTING = ("tensorflow", "tf-keras", "keras", "tensorflow-model-optimization")


@dataclass(frozen=True)
class Prepared:
    """The int8 model, the samples as they fit it, and what Keras makes of them.

    ``original`` is the float model that int8 was made from, None where it is not known.
    """

    dataset: Dataset
    quantized: QuantizedModel
    keras: Column
    original: ModelFile | None


def model_file(options: ModelOptions, stages: Stages) -> ModelFile:
    """The model that the user gave, or the demo model, trained where it is not in the cache.

    Raises:
        ModelError: it is not a kind of model that is known.
        ToolMissingError: the demo model needs TensorFlow.
    """
    if options.model is not None:
        return open_model(options.model)
    path = cache_folder() / "models" / f"{DEMO_KEY}-{options.seed}.h5"
    with stages.run("train demo model") as stage:
        stage.reused = path.is_file()
        if not stage.reused:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")), quiet(None):
                if not path.is_file():  # another run may have trained it meanwhile
                    train_demo(path, options.seed)
    return replace(open_model(path), name="digits-demo")


def prepare(
    options: ModelOptions,
    model: ModelFile,
    engine: Engine,
    stages: Stages,
    reference: Path | None = None,
) -> Prepared:
    """Load the samples, convert the model where it is not int8 yet, and check both.

    ``reference`` is the float model that a ready .tflite was made from.

    Raises:
        InputError: the model, the samples, or the two together cannot be used.
        ToolMissingError: the conversion needs TensorFlow.
    """
    data = options.data or (DEMO_DATA if options.model is None else None)
    if data is None:
        raise ConfigError(
            "--model needs --data: the samples to score",
            f"Give {described(real=True)}; for a .tflite also `--data {RANDOM}`, which checks "
            "that the device is bit-exact and says nothing about accuracy.",
        )
    route = find_int8_route(options.route)
    if model.kind == "tflite":
        if route.name != DEFAULT_ROUTE:
            raise ConfigError(
                f"--route {route.name} converts a float model, and {model.path} is converted",
                "Give the Keras model with --model, or leave --route out.",
            )
        graph = tflite.load(model.path)
        shape = graph.input.shape[1:]
        dataset = _load(options, data, shape, calibrate=False)
        quantized = accept_tflite(graph, dataset)
        dataset = check_fit(dataset, shape, graph.output.shape[1:])
        original, keras = None, Column("keras", None, "", NO_KERAS)
        if reference is not None:
            original = open_reference(reference)
            keras = _reference_column(options, original, graph, dataset, stages)
        return Prepared(dataset, _concerning(engine, quantized), keras, original)
    if reference is not None:
        raise ConfigError(
            "--reference goes with a ready .tflite; a float model is converted here, and is its "
            "own reference",
            "Leave --reference out, or give the .tflite with --model.",
        )
    dataset = _load(options, data, (), calibrate=True)
    with stages.run("fine-tune and convert" if route.trains else "convert") as stage:
        prepared = convert(options, model, dataset, engine.per_channel_dense, stage)
    return replace(prepared, quantized=_concerning(engine, prepared.quantized))


def open_reference(path: Path) -> ModelFile:
    """The float model that ``--reference`` names.

    Raises:
        ConfigError: it is a .tflite.
        ModelError: it is no model that is known.
    """
    model = open_model(path)
    if model.kind == "tflite":
        raise ConfigError(f"--reference {path} is a .tflite", "Give the trained Keras model.")
    return model


def _reference_column(
    options: ModelOptions, original: ModelFile, graph: Graph, dataset: Dataset, stages: Stages
) -> Column:
    """What the float model of a ready .tflite predicts."""
    packages = [versions.package_version(name) for name in _CONVERTING]
    name = cache.key(
        *("reference", original.sha256, graph.sha256, str(packages), str(options.allow_unsafe)),
        dataset.x,
    )
    with stages.run("reference") as stage:
        known = columns.unpack_column(cache.load("references", name) or {}, "keras")
        stage.reused = known is not None
        if known is not None:
            return known
        with quiet(None):
            source = load_keras(original, allow_unsafe=options.allow_unsafe)
            takes, gives = graph.input.shape[1:], graph.output.shape[1:]
            if (source.input_shape, source.output_shape) != (takes, gives):
                raise ModelError(
                    f"{original.path} takes {source.input_shape} and gives {source.output_shape}; "
                    f"the .tflite takes {takes} and gives {gives}: it was not made from it",
                    "Give the model that the .tflite was converted from.",
                )
            column = run_keras(source, dataset, graph)
    cache.store("references", name, columns.pack_columns({"keras": column}))
    return column


def _concerning(engine: Engine, quantized: QuantizedModel) -> QuantizedModel:
    """Without the advice that does not concern this engine."""
    settled = {PER_CHANNEL_DENSE} if engine.per_channel_dense else set()
    warnings = tuple(advice for advice in quantized.warnings if advice.code not in settled)
    return replace(quantized, warnings=warnings)


def _load(options: ModelOptions, data: str, shape: tuple[int, ...], *, calibrate: bool) -> Dataset:
    return load_dataset(
        data, samples=options.samples, seed=options.seed, input_shape=shape, calibrate=calibrate
    )


def convert(
    options: ModelOptions, model: ModelFile, dataset: Dataset, per_channel_dense: bool, stage: Stage
) -> Prepared:
    """The route to a .tflite, and Keras's own predictions: all that needs TensorFlow.

    Args:
        options: its route, its seed, and whether Lambda layers may be loaded.
        dataset: samples to score, to calibrate with, and to train with where the route trains.
        per_channel_dense: see ``quantize_ptq``.
        stage: is told where the result was in the cache.

    Raises:
        InputError: the model, the samples, or the two together cannot be used.
        ToolMissingError: TensorFlow is not installed.
    """
    route = find_int8_route(options.route)
    if route.trains:
        require_training(dataset)
    packages = [versions.package_version(name) for name in _CONVERTING]
    training = Training()
    trained_on = (dataset.x_train, dataset.y_train) if route.trains else ()
    name = cache.key(
        *(route.name, str(training) if route.trains else "", model.sha256, str(packages)),
        *(str(options.seed), str(per_channel_dense), dataset.x, dataset.x_calibration),
        str(options.allow_unsafe),  # or what was converted with it would no longer be refused
        *trained_on,
    )
    known = cache.load("conversions", name)
    keras = columns.unpack_column(known, "keras") if known is not None else None
    if known is not None and keras is not None and "tflite" in known:
        stage.reused = True
        graph = tflite.parse(known["tflite"].tobytes())
        dataset = check_fit(dataset, graph.input.shape[1:], graph.output.shape[1:])
        return Prepared(dataset, accept_tflite(graph, dataset, route), keras, model)
    with quiet(None):
        reproducible(options.seed)
        source = load_keras(model, allow_unsafe=options.allow_unsafe)
        dataset = check_fit(dataset, source.input_shape, source.output_shape)
        check_routes([route], source)
        trained = Trained(source, dataset, options.seed, training, per_channel_dense)
        quantized = trained.quantized(route)
        keras = run_keras(trained.keras(route), dataset, quantized.graph)
    content = tflite.as_array(quantized.graph.content)
    cache.store("conversions", name, {**columns.pack_columns({"keras": keras}), "tflite": content})
    return Prepared(dataset, quantized, keras, model)


def columns_of_the_host(
    prepared: Prepared, inputs: Array, stages: Stages
) -> dict[ColumnName, Column]:
    """The outputs of every executor on this machine; ``inputs`` is int8 [n, …].

    Raises:
        OracleError: an executor accepted the model and then failed.
    """
    graph = prepared.quantized.graph
    packages = [versions.package_version(name) for name in ("ai-edge-litert", "tflite-micro")]
    name = cache.key("columns", graph.sha256, str(packages), inputs)
    with stages.run("host oracles") as stage:
        known = cache.load("columns", name) or {}
        computed = {n: column for n in EXECUTORS if (column := columns.unpack_column(known, n))}
        stage.reused = len(computed) == len(EXECUTORS)
        if not stage.reused:
            with quiet(None):
                computed = alone([graph], host_columns, graph, inputs)
            cache.store("columns", name, columns.pack_columns(computed))
    return {"keras": prepared.keras, **computed}
