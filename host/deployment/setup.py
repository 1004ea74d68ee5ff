"""A board with its engine and target, checked to be available."""

from dataclasses import dataclass, replace

from host.base.errors import ConfigError
from host.deployment.request import DeviceOptions
from host.engines import Engine, find_engine
from host.firmware.boards import Board, find_board
from host.targets import Target, find_target, with_link
from host.targets.links import LINKS


@dataclass(frozen=True)
class Setup:
    """A board, what starts it, what runs the models, and how.

    Attributes:
        arena: bytes that the user wants; None leaves it to the engine.
        timeout: seconds without an answer before a request is repeated.
        jobs: devices side by side; more than one only where the target emulates.
        notes: what the user must be told.
    """

    board: Board
    target: Target
    engine: Engine
    arena: int | None
    timeout: float
    jobs: int
    notes: tuple[str, ...]

    @property
    def tools(self) -> tuple[str, ...]:
        """The compiler and the emulator that it uses, as ``versions`` names them."""
        compiler = self.board.options.get("compiler")
        return (*((compiler,) if compiler else ()), *self.target.tools)


def find_setup(options: DeviceOptions, jobs: int = 1) -> Setup:
    """What the user names, checked to be available. Nothing is built for it yet.

    Raises:
        ConfigError: no such board or engine; or options that do not fit it.
        ToolMissingError: what starts it, or the engine, is not installed.
        TargetError: the board is not there.
    """
    board = find_board(options.board)
    target = find_target(board, options.port, options.baud, flash=options.flash)
    board = with_link(board, target, options.link)
    if LINKS[board.link].has_baud_rate:
        board = replace(board, options={**board.options, "baud": str(options.baud)})
    target.check(board)  # nothing is converted or built for a board that is not there
    engine, choice = find_engine(options.engine, board)
    if jobs > 1 and not target.emulates:
        raise ConfigError(f"--jobs {jobs} needs emulators, and {board.name} is one device")
    notes = (choice,) if choice else ()
    return Setup(board, target, engine, options.arena, options.timeout, jobs, notes)
