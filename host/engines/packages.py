"""The packages of a TFLite-Micro library: where they are, and how PlatformIO gets them."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlparse

from filelock import FileLock

from host.base import isolated
from host.base.errors import ToolMissingError, first_line
from host.base.paths import ROOT, WORKSPACE
from host.base.quiet import quiet
from host.firmware.boards import Board
from host.firmware.platformio import environment

CHECKOUTS = "FLASH_AND_EVAL_TFLM"
_OPTION, _SIZE_OPTION = "tflm_library", "tflm_download"
# One place for all boards; in PlatformIO's own each env has a copy.
_STORAGE = WORKSPACE / "libraries"
_CONNECT_TIMEOUT = 3.0
_REGISTRY = "api.registry.platformio.org"
# What a specification pins: …/archive/<pin>.zip, ….git#<pin>, owner/name@<pin>.
_PIN = re.compile(r"(?:/archive/(?:refs/tags/)?|#|@\s*)([\w.+-]+?)(?:\.zip|\.tar\.gz)?$")
_ARCHIVES = (".zip", ".tar.gz")
_COMMIT = re.compile(r"[0-9a-f]{40}")
REMEDY = (
    "Use --engine aot, which needs no library; or name copies of its packages in "
    "platformio_override.ini (docs/engines.md)."
)


@dataclass(frozen=True)
class Package:
    """A package on this machine: its folder, whole and absolute; its version is a commit, or what
    its manifest says, or empty."""

    folder: Path
    name: str
    version: str


def specs(board: Board) -> tuple[str, ...]:
    """What the board's library is made of, as PlatformIO's lib_deps takes it: what its env names,
    or instead every folder in the one that ``FLASH_AND_EVAL_TFLM`` names."""
    checkouts = os.environ.get(CHECKOUTS)
    if checkouts and board.options.get(_OPTION):
        folders = sorted(path for path in Path(checkouts).resolve().glob("*") if path.is_dir())
        return tuple(f"symlink://{path}" for path in folders)
    lines = board.options.get(_OPTION, "").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def missing(board: Board) -> tuple[str, ...]:
    """Those of ``specs`` that would have to be downloaded.

    Raises:
        ToolMissingError: the board has none at all, or there is no connection to download them.
    """
    wanted = specs(board)
    if not wanted:
        raise ToolMissingError(f"no TFLite-Micro library is named for {board.name}", REMEDY)
    absent = tuple(spec for spec in wanted if _folder(spec) is None)
    for spec in absent:
        _connect(spec)
    return absent


def download_note(board: Board, absent: Sequence[str]) -> str:
    """How much a first run downloads, in words."""
    size = board.options.get(_SIZE_OPTION, "an unknown size")
    return f"{size} in {len(absent)} packages: {', '.join(map(_name, absent))}"


def find_packages(board: Board) -> tuple[Package, ...]:
    """The packages of the board's library; PlatformIO installs those that are not there.

    Raises:
        ToolMissingError: one is not available.
    """
    for spec in missing(board):
        _install(spec)
    return tuple(_package(spec) for spec in specs(board))


def _package(spec: str) -> Package:
    folder = _folder(spec)
    if folder is None or not folder.is_dir():
        raise ToolMissingError(f"there is no folder {folder} (from {spec})", REMEDY)
    pin = _PIN.search(spec)
    version = pin[1] if pin and _local(spec) is None else _version(folder)
    return Package(folder, _name(spec), version[:12] if _COMMIT.fullmatch(version) else version)


def _name(spec: str) -> str:
    name = Path(_PIN.sub("", spec)).name
    return Path(name).stem if name.endswith((".git", *_ARCHIVES)) else name


def _version(folder: Path) -> str:
    """Of a folder: the commit that is checked out, or what its manifest says."""
    if (folder / ".git").exists():
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
            return done.stdout.strip()
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / "library.json").read_text())["version"])
    with suppress(OSError, KeyError):
        lines = (folder / "library.properties").read_text(errors="replace").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)["version"]
    return ""


def _local(spec: str) -> Path | None:
    """The folder that a specification names, if it names one."""
    for scheme in ("symlink://", "file://"):
        if spec.startswith(scheme) and not spec.endswith(_ARCHIVES):
            return (ROOT / spec.removeprefix(scheme)).resolve()
    return None


def _storage(spec: str) -> Path:
    return _STORAGE / hashlib.sha256(spec.encode()).hexdigest()[:12]


def _folder(spec: str) -> Path | None:
    """Where the package is; None if it has to be installed."""
    local = _local(spec)
    if local is not None or not _storage(spec).is_dir():
        return local
    return next((path for path in _storage(spec).iterdir() if path.is_dir()), None)


def _connect(spec: str) -> None:
    """Check that a package's host can be reached: PlatformIO itself takes minutes to give up."""
    if spec.startswith("file://"):
        return
    address = urlparse(spec if "://" in spec else f"https://{_REGISTRY}")
    host = address.hostname or _REGISTRY
    trouble = _connection_error(host, address.port or (80 if address.scheme == "http" else 443))
    if trouble is not None:
        raise ToolMissingError(
            f"no connection to {host}, where its library would come from ({trouble})", REMEDY
        )


@lru_cache
def _connection_error(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), _CONNECT_TIMEOUT).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _install(spec: str) -> None:
    """Have PlatformIO install a package: whole, or not at all."""
    _STORAGE.mkdir(parents=True, exist_ok=True)
    with FileLock(_STORAGE / "lock"):
        if _folder(spec) is not None:  # another run has installed it meanwhile
            return
        with tempfile.TemporaryDirectory(dir=_STORAGE) as temporary:
            calls = isolated.side_by_side(_unpack, [(spec, temporary)], 1, environment())
            with closing(calls):
                _, failed = next(calls)
            if failed is not None:
                raise failed
            shutil.move(temporary, _storage(spec))
            Path(temporary).mkdir()  # for the context to remove


def _unpack(spec: str, storage: str) -> None:
    """In a process of its own: PlatformIO reads its settings from the environment, and prints."""
    from platformio.package.manager.library import LibraryPackageManager

    class Manager(LibraryPackageManager):  # type: ignore[misc]
        """PlatformIO's. Without a manifest it guesses where in an archive the library is, and takes
        the folder `signal` for all of TFLite-Micro, `contrib` for all of gemmlowp."""

        @staticmethod
        def find_library_root(path: str) -> str:
            inside = list(Path(path).iterdir())
            return str(inside[0]) if len(inside) == 1 else path

    os.chdir(ROOT)
    try:
        with quiet(None):
            # Without what the library says that it needs: that is for its examples.
            Manager(storage).install(spec, skip_dependencies=True)
    except Exception as error:  # PlatformIO's, its HTTP client's, the disk's
        message = f"PlatformIO could not install {spec}: {first_line(error)}"
        raise ToolMissingError(message, REMEDY) from error
