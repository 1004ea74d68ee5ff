"""A checkout of the tests' own, to make trouble in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.base.paths import ROOT
from host.device.wire.frames import Frame, encode
from host.device.wire.spec import MessageType
from tests.models import dense
from tests.runs import Finished, command

# The firmware of the process board talks without end where this says so.
FIRMWARE = "TROUBLE_FIRMWARE"
MARK = "TROUBLE_MARK"
SAMPLES = 20

_PLANTED = """
  static int calls = 0;
  const char* const trouble = std::getenv("%s");
  if (trouble != nullptr && ++calls > std::atoi(trouble + 1)) {
    static const uint8_t kFrame[] = {%s};
    const char kText[] = "something is wrong, something is wrong, something is wrong\\n";
    for (;;) {
      if (trouble[0] == 'f' && ::write(STDOUT_FILENO, kFrame, sizeof(kFrame)) <= 0) std::exit(1);
      if (trouble[0] == 't' && ::write(STDOUT_FILENO, kText, sizeof(kText)) <= 0) std::exit(1);
      if (trouble[0] == 'l') (void)!::write(STDERR_FILENO, kText, sizeof(kText));
    }
  }
  while (size > 0) {"""


@dataclass(frozen=True)
class World:
    """A copy of the program with its own workspace, cache, and two models."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def model(self, number: int) -> Path:
        return self.folder / f"model{number}.tflite"

    def arguments(self, out: Path | None, *more: str | Path, model: int = 1) -> list[str]:
        """The command line of a run of a model on the process board."""
        words = ["--board", "process", "--model", str(self.model(model)), "--data", "random"]
        words += ["--samples", str(SAMPLES), *(("--out", str(out)) if out else ())]
        return command("flash-and-eval", *words, *more)

    def start(
        self, words: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start the program in a session of its own, as a terminal does."""
        variables = {
            "FLASH_AND_EVAL_CACHE": str(self.cache),
            "PYTHONPATH": "",
            "PYTHONUNBUFFERED": "",  # as most users have it
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            words,
            cwd=self.checkout,
            env={**os.environ, **variables, **(environment or {})},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=take_interrupts,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, words: list[str], environment: Mapping[str, str] | None = None) -> Finished:
        """Run to the end; never a traceback."""
        return finish(self.start(words, environment))


def take_interrupts() -> None:
    """Also where the tests run in the background, with Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process: subprocess.Popen[str], seconds: float = 120) -> Finished:
    """Wait for a program's end; never a traceback."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert "Traceback" not in err, err
    return Finished(process.returncode, out, err)


def make_world(folder: Path) -> World:
    """Copy the program, and plant a firmware that can talk without end."""
    world = World(folder)
    for name in ("host", "firmware"):
        shutil.copytree(
            ROOT / name, world.checkout / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "platformio.ini", world.checkout)
    for number in (1, 2):
        world.model(number).write_bytes(dense(24, 5, seed=number))
    frame = ", ".join(map(str, encode(Frame(MessageType.LOG, 0, b"hello"))))
    board = world.checkout / "firmware" / "boards" / "process" / "board.cc"
    text = board.read_text()
    assert text.count("\n  while (size > 0) {") == 1
    board.write_text(text.replace("\n  while (size > 0) {", _PLANTED % (FIRMWARE, frame)))
    return world


def mark() -> str:
    """For the environment of a program, which all that it starts inherits."""
    return uuid.uuid4().hex


def marked(name: str) -> list[str]:
    """The command lines of the living processes with that mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"{MARK}={name}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
