"""What runs the model on the device. One of the three plug points."""

from __future__ import annotations

from typing import Protocol

from host.engines.aot import AotEngine
from host.errors import ConfigError
from host.models.tflite import Graph
from host.records import Rendered


class Engine(Protocol):
    """Turns a model into sources for the device.

    ``settles`` are the codes of the conversion's advice that do not concern this engine.
    """

    name: str
    settles: frozenset[str]

    def check(self, graph: Graph) -> None:
        """Refuse a model that the engine cannot run, before anything is rendered.

        Raises:
            OperatorError: an operator, or a use of one, that the engine does not have; names the
                operator, its index and its output tensor.
        """

    def render(self, graph: Graph) -> Rendered:
        """Render the model's C++ files.

        Raises:
            OperatorError: as for ``check``.
        """


ENGINES: dict[str, Engine] = {"aot": AotEngine()}


def find_engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}", f"The engines are: {', '.join(ENGINES)}.")
    return ENGINES[name]
