"""How PlatformIO is called: its command line and its environment."""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from host.base.errors import BuildError, ToolMissingError
from host.base.files import write_text
from host.base.paths import INCLUDE_FOLDER, WORKSPACE
from host.base.processes import running, too_much


def command(*arguments: str) -> list[str]:
    """PlatformIO's command line; always the one beside this Python."""
    return [sys.executable, "-m", "platformio", *arguments]


def generated_folder(env: str) -> Path:
    """Where PlatformIO finds the generated sources of an env; firmware/sources.py looks there."""
    return WORKSPACE / "generated" / env / INCLUDE_FOLDER


def build_folder(env: str | None, library: str | None) -> Path:
    """Where PlatformIO builds, an env in a folder of that name in it.

    PlatformIO wipes its build folder when the configuration has changed. So each env has its own,
    and builds at the same time do not wipe each other's.
    """
    tag = hashlib.sha256(library.encode()).hexdigest()[:8] if library else "plain"
    return WORKSPACE / "build" / tag / (env or "none")


@contextlib.contextmanager
def build_lock(env: str, library: str | None) -> Iterator[None]:
    """Hold the lock under which PlatformIO builds: builds of one env take turns, and so do all
    those with a library, whose objects the boards share. ``run`` hands it on to PlatformIO."""
    WORKSPACE.mkdir(exist_ok=True)
    shared: list[int] = []

    def share(lock: int) -> None:
        copy = os.dup(lock)  # filelock closes its own one in every child
        os.set_inheritable(copy, True)
        shared.append(copy)

    with FileLock(WORKSPACE / f"build-{'library' if library else env}.lock", on_acquired=share):
        try:
            yield
        finally:
            os.close(shared[0])


def environment(*, env: str | None = None, library: str | None = None) -> dict[str, str]:
    """Environment variables for a call of PlatformIO: to build ``env``, with ``library``."""
    return {
        **os.environ,
        "PLATFORMIO_CORE_DIR": str(WORKSPACE / "core"),
        "PLATFORMIO_WORKSPACE_DIR": str(WORKSPACE),
        "PLATFORMIO_BUILD_DIR": str(build_folder(env, library)),
        # Both stall for up to 37 s without a network.
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_NO_ANSI": "true",
    }


def run(
    arguments: Sequence[str],
    log: Path,
    timeout: float,
    *,
    env: str | None = None,
    library: str | None = None,
) -> int:
    """Call PlatformIO, its output in ``log``; its exit code. Nothing of it outlives the call.

    Args:
        timeout: in seconds.
        env, library: see ``environment``.

    Raises:
        subprocess.TimeoutExpired: it took too long and was stopped.
        BuildError: it printed without end and was stopped.
    """
    variables = environment(env=env, library=library)
    # If the host is killed outright, PlatformIO ends by itself. It inherits the lock (close_fds),
    # so that until then nobody builds in the same folder.
    with running(
        command(*arguments), log, dies_with_host=False, env=variables, close_fds=False
    ) as process:
        code = process.wait(timeout)
    stopped = too_much(log)
    if stopped is not None:
        raise BuildError(f"PlatformIO {stopped}", f"Read its beginning: {log}.")
    return code


def write_sources(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder hold just these files; one that is the same keeps its date.

    Raises:
        MachineError: it cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:
            write_text(path, text)


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
                "Is there an internet connection? A board needs it once; what it brings stays in "
                ".pio/core. The emulated boards need none (`python -m host boards`).",
            )
    return None
