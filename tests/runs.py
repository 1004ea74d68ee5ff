"""Runs the program as a user does, and looks after what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from host.base.paths import ROOT

SHARED_MODELS = ROOT.parent / "shared" / "models"


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(*arguments: str | Path) -> list[str]:
    """The command line; with the engine aot where none is named, since what ``auto`` chooses
    depends on the machine."""
    words = list(map(str, arguments))
    if words[0] in ("flash-and-eval", "trace", "profile") and "--engine" not in words:
        words += ["--engine", "aot"]
    return [sys.executable, "-m", "host", *words]


def run(
    *arguments: str | Path,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> Finished:
    """``python -m host …``; never a traceback, whatever the arguments."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


def shared_model(name: str) -> Path:
    """A model that others trained; the test is skipped where it is not there."""
    path = SHARED_MODELS / name
    if not path.exists():
        pytest.skip(f"{name} is not in ../shared/models")
    return path


def processes_with(text: str) -> list[int]:
    """The processes whose command line contains ``text``, zombies and this one excluded."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if text in line:
            found.append(int(entry.name))
    return found


def wait_for(condition: Any, seconds: float = 30.0) -> Any:
    """What ``condition()`` gives, as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
