"""A board with its engine and target, checked to be available."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from host.base.errors import ConfigError, OperatorError
from host.deployment.request import DeviceOptions
from host.deployment.stages import Observer
from host.engines import AUTO, Engine, find_engine
from host.firmware.boards import Board, find_board
from host.targets import Target, find_target, with_link
from host.targets.links import LINKS


@dataclass(frozen=True)
class Setup:
    """A board, what starts it, what runs the models, and how.

    Attributes:
        refusals: what engines have said that refused the model, where the user named none; None
            where the user did, and no other engine may take the model.
        arena: bytes that the user wants; None leaves it to the engine.
        timeout: seconds without an answer before a request is repeated.
        jobs: devices side by side; more than one only where the target emulates.
        notes: what the user must be told.
    """

    board: Board
    target: Target
    engine: Engine
    refusals: Mapping[str, OperatorError] | None
    arena: int | None
    timeout: float
    jobs: int
    notes: tuple[str, ...]

    @property
    def compilers(self) -> tuple[str, ...]:
        """The compiler that it uses, as ``versions`` names it; none where PlatformIO brings one."""
        compiler = self.board.options.get("compiler")
        return (compiler,) if compiler else ()

    @property
    def tools(self) -> tuple[str, ...]:
        """The compiler and the emulator that it uses."""
        return (*self.compilers, *self.target.tools)


def find_setup(options: DeviceOptions, jobs: int = 1, *, starts: bool = True) -> Setup:
    """What the user names, checked to be available. Nothing is built for it yet.

    ``starts`` is False where nothing will be started: then no board or emulator has to be there.

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
    if starts:
        target.check(board)  # nothing is converted or built for a board that is not there
    engine, choice = find_engine(options.engine, board)
    if jobs > 1 and not target.emulates:
        raise ConfigError(f"--jobs {jobs} needs emulators, and {board.name} is one device")
    notes = (choice,) if choice else ()
    refusals: dict[str, OperatorError] | None = {} if options.engine == AUTO else None
    return Setup(board, target, engine, refusals, options.arena, options.timeout, jobs, notes)


def with_next_engine(setup: Setup, refusal: OperatorError, observer: Observer) -> Setup:
    """The setup with the engine that ``auto`` takes where one refuses the model.

    Raises:
        OperatorError: the user named the engine, or there is no other.
    """
    if setup.refusals is None:
        raise refusal
    refusals = {**setup.refusals, setup.engine.name: refusal}
    engine, note = find_engine(AUTO, setup.board, refusals)
    assert note is not None  # it tells of the refusal
    observer.note(note)
    return replace(setup, engine=engine, refusals=refusals, notes=(*setup.notes, note))
