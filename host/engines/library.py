"""The TFLite-Micro library: where PlatformIO has it or gets it from, and what it can do.

What a library can do is read from its sources: its version number does not tell.
"""

import contextlib
import hashlib
import json
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlparse

from host.base.errors import ToolMissingError
from host.base.paths import ROOT, WORKSPACE
from host.firmware.boards import Board
from host.firmware.platformio import build_lock, run

OPTION = "tflm_library"
_INSTALL_TIMEOUT = 600.0
_CONNECT_TIMEOUT = 3.0
_REGISTRY = "api.registry.platformio.org"
_MICRO = "tensorflow/lite/micro"
_KERNELS = f"{_MICRO}/kernels"
_RESOLVER = f"{_MICRO}/micro_mutable_op_resolver.h"
_SOURCES = {".cc", ".cpp", ".c"}
# Of the library's parts, what an interpreter needs; tests, mocks and other examples' code are not.
_PARTS = ("tensorflow/lite/", "third_party/cmsis_nn/Source/")
_UNUSED = re.compile(r"experimental/|/testdata/|test|mock|fake|recording|debug_log\.c")
_ADD = re.compile(
    r"TfLiteStatus\s+(Add\w+)\(([^{;]*?)\)\s*\{\s*return\s+AddBuiltin\(\s*BuiltinOperator_(\w+)"
)
_INT8 = re.compile(r"\bRegister_(\w+)_INT8\(\)")
_INCLUDE = re.compile(rf'#include "{_KERNELS}/([\w/]+)\.h"')
_REMEDY = (
    "Use --engine aot, which needs no library; or name a copy of the library in "
    "platformio_override.ini: [tflm] bare_metal = symlink:///path/to/the/library (README, "
    '"TFLite-Micro").'
)


@dataclass(frozen=True)
class Library:
    """A TFLite-Micro library on this machine.

    Attributes:
        sources: the folder that includes are relative to.
        version: name and version as its manifest has them.
        calls: for each operator of the schema, the call that adds it to a resolver.
        per_channel_dense: whether FULLY_CONNECTED honours a scale for each channel. Libraries from
            before May 2024 take the first scale for all, without an error.
    """

    sources: Path
    version: str
    calls: Mapping[str, str]
    per_channel_dense: bool

    def needed(self, operators: Iterable[str]) -> tuple[Path, ...]:
        """The source files for an interpreter with just these operators, relative to ``sources``.

        All of the interpreter; of the kernels those that register one of the operators, and what
        they include.
        """
        wanted = set(operators)
        core, kernels = [], {}
        for path in _source_files(self.sources):
            if path.as_posix().startswith(_KERNELS + "/"):
                kernels[path] = self._text(path)
            else:
                core.append(path)
        chosen = {path for path, text in kernels.items() if _registers(text, wanted)}
        texts = [*(kernels[path] for path in chosen), *(self._text(path) for path in core)]
        seen: set[str] = set()
        while texts:
            headers = set(_INCLUDE.findall(texts.pop())) - seen
            seen |= headers
            texts += [self._text(Path(f"{_KERNELS}/{header}.h")) for header in headers]
            # Which files implement the headers: conv.h has conv_common.cc, too.
            more = {p for p in kernels if p.stem.removesuffix("_common") in headers} - chosen
            texts += [kernels[path] for path in more]
            chosen |= more
        return tuple(sorted([*core, *chosen]))

    def _text(self, path: Path) -> str:
        try:
            return (self.sources / path).read_text(errors="replace")
        except OSError:  # a header that only another variant of the library has
            return ""

    def fingerprint(self, files: Iterable[Path]) -> str:
        """SHA-256 in hex over the contents of these source files."""
        total = hashlib.sha256(self.version.encode())
        for path in files:
            total.update(path.as_posix().encode() + b"\0" + (self.sources / path).read_bytes())
        return total.hexdigest()


def spec(board: Board) -> str | None:
    """The library's specification for this board, as PlatformIO's lib_deps takes it."""
    return board.options.get(OPTION) or None


def find_library(board: Board) -> Library:
    """The board's library; installed through PlatformIO where it is not there yet.

    Raises:
        ToolMissingError: the env names none, or it is not available.
    """
    wanted = spec(board)
    if wanted is None:
        raise ToolMissingError(f"no TFLite-Micro library is named for {board.name}", _REMEDY)
    folder = _local(wanted)
    if folder is None:
        folder = _installed(board) or _install(board, wanted)
    if not _is_library(folder):
        raise ToolMissingError(f"{folder} is not a TFLite-Micro library (from {wanted})", _REMEDY)
    return _read(folder)


def _local(wanted: str) -> Path | None:
    """The folder that a specification names, if it names one."""
    for scheme in ("symlink://", "file://"):
        if wanted.startswith(scheme):
            return (ROOT / wanted.removeprefix(scheme)).resolve()
    return None


def _installed(board: Board) -> Path | None:
    folder = WORKSPACE / "libdeps" / board.name
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if _is_library(path)), None)


def outlook(board: Board) -> str:
    """What ``--engine auto`` would choose for the board, and why; installs nothing."""
    wanted = spec(board)
    if wanted is None:
        return "aot: no library is named for the board"
    folder = _local(wanted) or _installed(board)
    if folder is not None:
        known = _is_library(folder)
        return f"tflm: {_version(folder)}" if known else f"aot: {folder} is not a library"
    try:
        _connect(wanted)
    except ToolMissingError as error:
        return f"aot: {error.message}"
    return f"tflm, to be installed from {wanted}"


def _connect(wanted: str) -> None:
    """Check that the library's host can be reached: PlatformIO itself takes minutes to give up."""
    host = (urlparse(wanted).hostname if "://" in wanted else None) or _REGISTRY
    trouble = _connection_error(host)
    if trouble is not None:
        raise ToolMissingError(
            f"no connection to {host}, where its library would come from ({trouble})", _REMEDY
        )


@lru_cache
def _connection_error(host: str) -> str | None:
    try:
        socket.create_connection((host, 443), _CONNECT_TIMEOUT).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _install(board: Board, wanted: str) -> Path:
    _connect(wanted)
    with build_lock(board.name, wanted), tempfile.TemporaryDirectory() as temporary:
        log = Path(temporary) / "log"
        try:
            arguments = ("pkg", "install", "-d", str(ROOT), "-e", board.name)
            run(arguments, log, _INSTALL_TIMEOUT, library=wanted)
        except subprocess.TimeoutExpired as error:
            raise ToolMissingError(f"installing {wanted} took too long", _REMEDY) from error
        output = log.read_text(errors="replace")
    folder = _installed(board)
    if folder is None:
        lines = output.strip().splitlines() or ["no output"]
        raise ToolMissingError(f"PlatformIO could not install {wanted}: {lines[-1]}", _REMEDY)
    return folder


def _sources(folder: Path) -> Path:
    return folder / "src" if (folder / "src").is_dir() else folder


def _is_library(folder: Path) -> bool:
    return (_sources(folder) / _RESOLVER).is_file()


@lru_cache(maxsize=8)
def _read(folder: Path) -> Library:
    sources = _sources(folder)
    resolver = (sources / _RESOLVER).read_text(errors="replace")
    # Only what the resolver includes: our sources, which include it, know no others.
    headers = [sources / _KERNELS / f"{name}.h" for name in _INCLUDE.findall(resolver)]
    texts = [path.read_text(errors="replace") for path in headers if path.is_file()]
    int8 = {name for text in texts for name in _INT8.findall(text)}
    calls = {}
    for method, parameters, operator in _ADD.findall(resolver):
        chosen = "registration" in parameters and operator in int8
        argument = f"tflite::Register_{operator}_INT8()" if chosen else ""
        calls[operator] = f"{method}({argument})"
    dense = (sources / _KERNELS).rglob("fully_connected*")
    per_channel = any("is_per_channel" in path.read_text(errors="replace") for path in dense)
    return Library(sources, _version(folder), calls, per_channel)


def _version(folder: Path) -> str:
    """Name and version from library.json or library.properties."""
    manifest: dict[str, str] = {}
    try:
        manifest = json.loads((folder / "library.json").read_text())
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            lines = (folder / "library.properties").read_text().splitlines()
            manifest = dict(line.split("=", 1) for line in lines if "=" in line)
    text = f"{manifest.get('name', folder.name)} {manifest.get('version', 'of unknown version')}"
    # It is put into a C++ literal, where "??/" once was a trigraph.
    return re.sub(r"[^ -~]|[\"\\?]", "_", text)[:120]


def _source_files(sources: Path) -> list[Path]:
    paths = (p.relative_to(sources) for p in sources.rglob("*") if p.suffix in _SOURCES)
    names = ((path, path.as_posix()) for path in paths)
    return sorted(p for p, name in names if name.startswith(_PARTS) and not _UNUSED.search(name))


def _registers(text: str, operators: set[str]) -> bool:
    return any(
        re.search(rf"\bRegister_{re.escape(name)}(_INT8)?\(\)\s*\{{", text) for name in operators
    )
