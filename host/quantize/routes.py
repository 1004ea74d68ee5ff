"""The routes from a trained float model to what is deployed.

Two models with the same weights may compute different things, by where the weights were trained,
which ranges the activations have, and how finely weights are scaled. Each route is one combination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from host.base.errors import ConfigError
from host.models.dataset import Dataset
from host.models.source import FloatModel
from host.quantize.advice import ActivationType
from host.quantize.checks import QuantizedModel
from host.quantize.ptq import accept_tflite, convert_float, quantize_ptq
from host.quantize.qat import check_copy, check_qat, fine_tune, with_qat_weights
from host.quantize.training import Training
from host.quantize.transplant import transplant

Weights = Literal["plain", "qat", "qat-calibrated"]


@dataclass(frozen=True)
class Route:
    """One way from a trained model to predictions.

    Attributes:
        name: as ``--route`` takes it.
        meaning: one line for help and tables.
        trained: which training its weights come from: the plain one, QAT, or QAT with ranges
            calibrated first.
        runs_in: a float or fake-quantized Keras model, or a full-int8 (int16x8) .tflite.
        copied: QAT's weights are copied back into the plain model.
        activations: the .tflite's.
        per_channel: its weights may have a scale for each channel.
        transplanted: it gets QAT's ranges and granularity, too.
    """

    name: str
    meaning: str
    trained: Weights
    runs_in: Literal["keras", "tflite"]
    copied: bool = False
    activations: ActivationType = "int8"
    per_channel: bool = True
    transplanted: bool = False

    @property
    def trains(self) -> bool:
        """Whether it trains a trained model further, and so needs training samples."""
        return self.trained != "plain"


ROUTES: Mapping[str, Route] = {
    route.name: route
    for route in (
        Route("float", "the float Keras model", "plain", "keras"),
        Route("qat", "fake-quantized Keras model after QAT", "qat", "keras"),
        Route("qat-int8", "QAT, converted to int8", "qat", "tflite"),
        Route(
            "qat-weights-ptq",
            "QAT's weights in the plain model, then PTQ to int8",
            "qat",
            "tflite",
            copied=True,
        ),
        Route("ptq-int8", "the float model, PTQ to int8", "plain", "tflite"),
        Route(
            "qat-weights-float",
            "QAT's weights in the plain float Keras model",
            "qat",
            "keras",
            copied=True,
        ),
        Route(
            "qat-calibrated",
            "QAT with activation ranges calibrated before it starts, converted to int8",
            "qat-calibrated",
            "tflite",
        ),
        Route(
            "qat-transplant",
            "QAT's weights, ranges and granularity in the plain model's int8 file",
            "qat",
            "tflite",
            copied=True,
            transplanted=True,
        ),
        Route(
            "ptq-int16x8",
            "the float model, PTQ to int16 activations and int8 weights",
            "plain",
            "tflite",
            activations="int16",
        ),
        Route(
            "qat-weights-int16x8",
            "QAT's weights in the plain model, PTQ to int16 activations and int8 weights",
            "qat",
            "tflite",
            copied=True,
            activations="int16",
        ),
        Route(
            "ptq-int8-per-tensor",
            "the float model, PTQ to int8 with one scale for each weight tensor",
            "plain",
            "tflite",
            per_channel=False,
        ),
        Route(
            "qat-weights-ptq-per-tensor",
            "QAT's weights in the plain model, PTQ to int8 with one scale for each weight tensor",
            "qat",
            "tflite",
            copied=True,
            per_channel=False,
        ),
    )
}
# The eight that are compared where nothing else is asked for.
MAIN = tuple(ROUTES)[:8]


@dataclass(frozen=True)
class Trained:
    """A trained float model, and what is derived from it, each at most once.

    Attributes:
        source: the plain model.
        dataset: fitted to it; with training samples where a route trains.
        seed: of everything random.
        training: how QAT trains.
        per_channel_dense: see ``quantize_ptq``.
    """

    source: FloatModel
    dataset: Dataset
    seed: int
    training: Training
    per_channel_dense: bool = True

    @cached_property
    def qat(self) -> FloatModel:
        """Fake-quantized by tfmot and fine-tuned."""
        return fine_tune(self.source, self.dataset, self.seed, self.training)

    @cached_property
    def qat_calibrated(self) -> FloatModel:
        """The same, with activation ranges calibrated from training samples before QAT starts."""
        return fine_tune(self.source, self.dataset, self.seed, self.training, calibrated=True)

    @cached_property
    def qat_weights(self) -> FloatModel:
        """The plain model with QAT's weights."""
        return with_qat_weights(self.source, self.qat)

    @cached_property
    def qat_int8(self) -> QuantizedModel:
        """QAT converted to int8."""
        return _convert(ROUTES["qat-int8"], self.qat, self)

    @cached_property
    def qat_weights_ptq(self) -> QuantizedModel:
        """The plain model with QAT's weights, quantized after training."""
        return _convert(ROUTES["qat-weights-ptq"], self.qat_weights, self)


@dataclass(frozen=True)
class Routed:
    """What a route leads to.

    Attributes:
        keras: the Keras model whose predictions it should keep.
        quantized: its .tflite; None where it runs in Keras.
    """

    route: Route
    keras: FloatModel
    quantized: QuantizedModel | None


def find_route(name: str) -> Route:
    """The route of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in ROUTES:
        raise ConfigError(f"there is no route {name!r}", f"Routes: {', '.join(ROUTES)}.")
    return ROUTES[name]


def find_int8_route(name: str) -> Route:
    """The route of that name, which must lead to a .tflite.

    Raises:
        ConfigError: there is none, or it runs in Keras only.
    """
    route = find_route(name)
    if route.runs_in == "keras":
        near = [r.name for r in map(ROUTES.__getitem__, MAIN) if r.runs_in == "tflite"]
        near = [n for n in near if ROUTES[n].trained == route.trained]
        raise ConfigError(
            f"the route {name} runs in Keras only ({route.meaning}): no device can take it",
            f"Nearest to it are {', '.join(near)}." if len(near) > 1 else f"Take {near[0]}.",
        )
    return route


def check_routes(routes: Iterable[Route], source: FloatModel) -> None:
    """Check that the model can go these routes as far as that can be told without training.

    Raises:
        ModelError: tensorflow_model_optimization does not support it.
        ToolMissingError: tensorflow_model_optimization is not installed.
    """
    chosen = tuple(routes)
    if any(route.trains for route in chosen):
        check_qat(source)
    if any(route.copied for route in chosen):
        check_copy(source)


def follow(route: Route, trained: Trained) -> Routed:
    """Go the route.

    Raises:
        DataError: the representative data, or that to train with, cannot be used.
        ModelError: the model cannot be trained with fake quantization, or not be converted.
        ToolMissingError: TensorFlow or tfmot is not installed.
    """
    if route.copied:
        check_copy(trained.source)
    keras = _keras(route, trained)
    if route.runs_in == "keras":
        return Routed(route, keras, None)
    return Routed(route, keras, _quantized(route, keras, trained))


def _keras(route: Route, trained: Trained) -> FloatModel:
    if route.trained == "plain":
        return trained.source
    if route.transplanted:
        return trained.qat
    if route.copied:
        return trained.qat_weights
    return trained.qat if route.trained == "qat" else trained.qat_calibrated


def _quantized(route: Route, keras: FloatModel, trained: Trained) -> QuantizedModel:
    if route.name == "qat-int8":
        return trained.qat_int8
    if route.name == "qat-weights-ptq":
        return trained.qat_weights_ptq
    if route.transplanted:
        parts = (trained.qat_int8.graph, trained.qat_weights_ptq.graph)
        rounded = with_qat_weights(trained.source, trained.qat, rounded=True)
        graph = transplant(*parts, convert_float(rounded))
        return accept_tflite(graph, trained.dataset, route=route.name)
    return _convert(route, keras, trained)


def _convert(route: Route, source: FloatModel, trained: Trained) -> QuantizedModel:
    return quantize_ptq(
        source,
        trained.dataset,
        seed=trained.seed,
        per_channel_dense=trained.per_channel_dense,
        per_channel=route.per_channel,
        activations=route.activations,
        route=route.name,
    )
