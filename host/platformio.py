"""How PlatformIO is called: its command line and its environment."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from host.errors import ToolMissingError
from host.paths import WORKSPACE

# The env option lib_deps of platformio.ini takes the library from this variable, so that an engine
# that needs none is built without asking for one.
LIBRARY_VARIABLE = "FLASH_AND_EVAL_LIBRARY"


def command(*arguments: str) -> list[str]:
    """PlatformIO's command line; always the one beside this Python."""
    return [sys.executable, "-m", "platformio", *arguments]


def build_folder(library: str | None) -> Path:
    """Where PlatformIO builds, a folder in it for each env.

    PlatformIO wipes its build folder, with all envs, when the configuration has changed; and
    another library is another configuration.
    """
    tag = hashlib.sha256(library.encode()).hexdigest()[:8] if library else "plain"
    return WORKSPACE / "build" / tag


def build_lock(env: str, library: str | None) -> FileLock:
    """The lock under which PlatformIO builds: builds of one env take turns, and so do all those
    with a library, whose objects the boards share."""
    WORKSPACE.mkdir(exist_ok=True)
    return FileLock(WORKSPACE / f"build-{'library' if library else env}.lock")


def environment(*, library: str | None = None) -> dict[str, str]:
    """Environment variables for a call of PlatformIO; ``library`` goes to lib_deps."""
    variables = {
        **os.environ,
        "PLATFORMIO_CORE_DIR": str(WORKSPACE / "core"),
        "PLATFORMIO_WORKSPACE_DIR": str(WORKSPACE),
        "PLATFORMIO_BUILD_DIR": str(build_folder(library)),
        # Both stall for up to 37 s where the network is out of reach.
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_NO_ANSI": "true",
    }
    variables.pop(LIBRARY_VARIABLE, None)
    if library is not None:
        variables[LIBRARY_VARIABLE] = library
    return variables


def run(arguments: Sequence[str], log: Path, timeout: float, *, library: str | None = None) -> int:
    """Call PlatformIO, its output in ``log``; nothing of it outlives the call.

    Returns:
        Its exit code.

    Raises:
        subprocess.TimeoutExpired: it took too long and was stopped.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command(*arguments),
            env=environment(library=library),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        finally:
            if process.poll() is None:  # timed out, or Ctrl-C: take compilers and uploaders along
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def write_sources(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder hold just these files; one that is the same keeps its date."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


_UNREACHABLE = re.compile(
    r"HTTPClientError|InternetConnectionError|You are not connected to the Internet"
    r"|UnknownPackageError|Could not find the package with|PackageException"
)


def registry_error(text: str) -> ToolMissingError | None:
    """The error in PlatformIO's output if it could not get a platform, a tool or a library."""
    lines = text.splitlines()
    wanted = [m[1] for line in lines if (m := re.search(r"Manager: Installing (.+)", line))]
    for line in lines:
        if _UNREACHABLE.search(line):
            what = wanted[-1].strip() if wanted else "what the board needs"
            return ToolMissingError(
                f"PlatformIO could not get {what} from its registry ({line.strip()})",
                "Is the internet in reach? It is needed once for a board; what it brings stays in "
                ".pio/core. The emulated boards need none (`python -m host boards`).",
            )
    return None
