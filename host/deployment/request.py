"""What a user asks of a command that runs a model on a device."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from host.engines import AUTO
from host.quantize.routes import DEFAULT


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
