"""How far a run is, and how long each stage takes."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Timing:
    """How long a stage took."""

    stage: str
    """Its name."""
    seconds: float
    """Wall-clock seconds."""
    reused: bool
    """Whether a cached result was taken."""


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
