"""What runs the model on the device. A plug point: an engine is a module and an entry.

Engines are imported when they are called for, so that ``--help`` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Protocol

from host.base.errors import ConfigError, OperatorError, ToolMissingError
from host.firmware.boards import NO_CONDITIONS

if TYPE_CHECKING:
    from host.firmware.boards import Board
    from host.firmware.rendered import Rendered
    from host.models.tflite import Graph


class Engine(Protocol):
    """Turns a model into sources for the device."""

    name: ClassVar[str]
    """As in ``--engine``."""
    plans_on_device: ClassVar[bool]
    """Whether only the device knows how much arena a model needs."""
    runs_tflm: ClassVar[bool]
    """Whether the device runs TFLM itself, in a version of its own."""

    @property
    def per_channel_dense(self) -> bool:
        """Whether a dense layer may have a scale for each channel."""

    def fingerprint(self, graph: Graph) -> str:
        """Changes when the engine would run the same model in another way."""

    def check(self, graph: Graph) -> None:
        """Refuse a model that the engine cannot run, before anything is rendered.

        Raises:
            OperatorError: an operator, or a use of one, that the engine does not have; names the
                operator, its index and its output tensor.
        """

    def render(
        self, graph: Graph, arena: int | None = None, others: Sequence[Graph] = ()
    ) -> Rendered:
        """Render the model's C++ files.

        Args:
            graph: a model that ``check`` lets pass.
            arena: bytes to reserve; None leaves it to the engine. Ignored by an engine that plans
                the arena itself.
            others: models that the running device should be able to change to. Those that fit
                ``slot_bytes`` of the result can be sent to it; an engine that cannot change models
                ignores them.

        Raises:
            OperatorError: as for ``check``.
        """


def _tflm(board: Board) -> Engine:
    from host.engines.tflm import TflmEngine

    return TflmEngine.for_board(board)


def _aot(board: Board) -> Engine:
    from host.engines.aot import AotEngine

    return AotEngine()


# Each makes the engine for a board, or raises ToolMissingError.
ENGINES: Mapping[str, Callable[[Board], Engine]] = {"tflm": _tflm, "aot": _aot}
AUTO = "auto"  # the first that is available for the board and takes the model


def conditions(options: Mapping[str, str], engine: str) -> dict[str, str]:
    """Those of a board's options that its numbers depend on, each in one line: without those of
    other engines, ``<engine>_…``."""
    others = tuple(f"{name}_" for name in ENGINES if name != engine)
    return {
        key: " ".join(value.split())
        for key, value in options.items()
        if not key.startswith(others) and key not in NO_CONDITIONS
    }


def find_engine(
    name: str, board: Board, refused: Mapping[str, OperatorError] = MappingProxyType({})
) -> tuple[Engine, str | None]:
    """The engine of that name, or for ``auto`` the first that the board can have; and what the user
    must be told about the choice, or None.

    Args:
        refused: what engines that ``auto`` has chosen before have said of the model.

    Raises:
        ConfigError: there is no such engine.
        ToolMissingError: it is not available for this board.
        OperatorError: no engine is left that might take the model.
    """
    if name != AUTO and name not in ENGINES:
        raise ConfigError(
            f"there is no engine {name!r}", f"The engines are: {AUTO}, {', '.join(ENGINES)}."
        )
    if name != AUTO:
        return ENGINES[name](board), None
    reasons = []
    for candidate, for_board in ENGINES.items():
        if candidate in refused:
            reasons.append(f"because {candidate} refuses the model: {refused[candidate].message}")
            continue
        try:
            engine = for_board(board)
        except ToolMissingError as error:
            reasons.append(f"because {candidate} is not available: {error.message}")
        else:
            note = f"Engine {candidate} was chosen, {'; '.join(reasons)}." if reasons else None
            return engine, note
    message = f"{board.name} can have no engine, {'; '.join(reasons)}"
    if refused:
        raise OperatorError(message, "Replace what they refuse in the model.")
    raise ToolMissingError(message)
