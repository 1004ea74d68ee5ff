"""The routes from a trained float model to what is deployed. A plug point: a route is an entry.

Two models with the same weights may compute different things, by where the weights were trained,
which ranges the activations have, and how finely weights are scaled. Each route is one combination.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from host.base.errors import ConfigError

ActivationType = Literal["int8", "int16"]


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
        main: it is compared where nothing else is asked for.
    """

    name: str
    meaning: str
    trained: Literal["plain", "qat", "qat-calibrated"] = "plain"
    runs_in: Literal["keras", "tflite"] = "tflite"
    copied: bool = False
    activations: ActivationType = "int8"
    per_channel: bool = True
    transplanted: bool = False
    main: bool = True

    @property
    def trains(self) -> bool:
        """Whether it trains a trained model further, and so needs training samples."""
        return self.trained != "plain"

    @property
    def int8(self) -> bool:
        """Whether it leads to a .tflite whose inputs and outputs are int8."""
        return self.runs_in == "tflite" and self.activations == "int8"


# What qat-transplant is made of: QAT's file, and the one of the plain model with QAT's weights.
QAT_INT8, QAT_WEIGHTS_PTQ = "qat-int8", "qat-weights-ptq"
INT16_ROUTE = "ptq-int16x8"

_ROUTES = (
    Route("float", "the float Keras model", runs_in="keras"),
    Route("qat", "fake-quantized Keras model after QAT", "qat", runs_in="keras"),
    Route(QAT_INT8, "QAT, converted to int8", "qat"),
    Route(
        QAT_WEIGHTS_PTQ, "QAT's weights in the plain model, then PTQ to int8", "qat", copied=True
    ),
    Route("ptq-int8", "the float model, PTQ to int8"),
    Route(
        "qat-weights-float",
        "QAT's weights in the plain float Keras model",
        "qat",
        runs_in="keras",
        copied=True,
    ),
    Route(
        "qat-calibrated",
        "QAT with activation ranges calibrated before it starts, converted to int8",
        "qat-calibrated",
    ),
    Route(
        "qat-transplant",
        "QAT's weights, ranges and granularity in the plain model's int8 file",
        "qat",
        copied=True,
        transplanted=True,
    ),
    Route(
        INT16_ROUTE,
        "the float model, PTQ to int16 activations and int8 weights",
        activations="int16",
        main=False,
    ),
    Route(
        "qat-weights-int16x8",
        "QAT's weights in the plain model, PTQ to int16 activations and int8 weights",
        "qat",
        copied=True,
        activations="int16",
        main=False,
    ),
    Route(
        "ptq-int8-per-tensor",
        "the float model, PTQ to int8 with one scale for each weight tensor",
        per_channel=False,
        main=False,
    ),
    Route(
        "qat-weights-ptq-per-tensor",
        "QAT's weights in the plain model, PTQ to int8 with one scale for each weight tensor",
        "qat",
        copied=True,
        per_channel=False,
        main=False,
    ),
)
ROUTES: Mapping[str, Route] = {route.name: route for route in _ROUTES}
MAIN_ROUTES = tuple(route.name for route in _ROUTES if route.main)
DEFAULT_ROUTE = "ptq-int8"
# The question that started this project: why do these two differ?
QUESTION = (QAT_INT8, QAT_WEIGHTS_PTQ)


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
        near = [r.name for r in _int8_routes(main=True) if r.trained == route.trained]
        raise ConfigError(
            f"the route {name} runs in Keras only ({route.meaning}): no device can take it",
            f"Nearest to it are {', '.join(near)}." if len(near) > 1 else f"Take {near[0]}.",
        )
    return route


def described() -> str:
    """The routes that lead to a device, for help."""
    plain, fine_tuned = (
        ", ".join(route.name for route in _int8_routes() if route.trains == trains)
        for trains in (False, True)
    )
    return f"{plain}; or, fine-tuned with x_train: {fine_tuned}"


def _int8_routes(*, main: bool = False) -> list[Route]:
    return [r for r in _ROUTES if r.runs_in == "tflite" and (r.main or not main)]
