"""What a run is asked, and how far it is."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from host.engines import AUTO
from host.quantize.routes import DEFAULT
from host.records import Timing


@dataclass(frozen=True)
class Request:
    """What the user asks for. ``model`` None is the demo; ``folder`` None is a new one in runs/;
    ``link`` None is the env's."""

    board: str = "qemu-m4"
    model: Path | None = None
    data: str | None = None
    route: str = DEFAULT
    engine: str = AUTO
    arena: int | None = None
    samples: int | None = None
    seed: int = 0
    folder: Path | None = None
    port: str | None = None
    flash: bool = True
    baud: int = 115200
    link: str | None = None
    timeout: float = 20.0
    allow_unsafe: bool = False
    jobs: int = 1
    resume: bool = False
    command: str = ""


def resuming(request: Request, folder: Path) -> str:
    """The command that goes on with a run that did not finish."""
    command = request.command
    if request.folder is None:
        command += f" --out {shlex.quote(str(folder))}"
    return command if request.resume else f"{command} --resume"


class Observer(Protocol):
    """Is told how far the run is."""

    def stage(self, name: str, total: int | None) -> None:
        """A stage begins; ``total`` steps where they can be counted."""

    def advance(self, done: int) -> None:
        """So many steps of the stage are done."""

    def note(self, *texts: str) -> None:
        """What the user must know before anything else."""


@dataclass
class Stage:
    """A stage under way; sets ``reused`` where it takes a cached result."""

    reused: bool = False


@dataclass
class Stages:
    """Times the stages and tells the observer. Carries no data between them."""

    observer: Observer
    timings: list[Timing] = field(default_factory=list)

    @contextlib.contextmanager
    def run(self, name: str, total: int | None = None) -> Iterator[Stage]:
        """Time a stage of ``total`` steps, where they can be counted."""
        self.observer.stage(name, total)
        stage = Stage()
        begin = time.monotonic()
        yield stage
        self.timings.append(Timing(name, time.monotonic() - begin, stage.reused))
