"""What a TFLite-Micro library can do, and which of its files an image needs.

Both are read from its sources, which may lie in several packages: a version does not tell.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from host.base.errors import ToolMissingError
from host.base.paths import CODE, FIRMWARE
from host.engines.packages import REMEDY, Package, download_note, find_packages, missing
from host.firmware.boards import Board

_KERNELS_OPTION = "tflm_kernels"
_MICRO = "tensorflow/lite/micro"
_KERNELS = f"{_MICRO}/kernels"
_RESOLVER = f"{_MICRO}/micro_mutable_op_resolver.h"
_DEBUG_LOG = f"{_MICRO}/debug_log.h"
_CMSIS_NN = "Include/arm_nnfunctions.h"
# What includes are relative to: the folders that hold these files.
_ROOTS = (
    *(_RESOLVER, "flatbuffers/flatbuffers.h", "fixedpoint/fixedpoint.h"),
    *("ruy/profiler/instrumentation.h", _CMSIS_NN),
)
_SOURCES = (".cc", ".cpp", ".c")
# As the library's own makefile has them; the last one is a patch to flatbuffers there.
_DEFINES = (
    *("TF_LITE_STATIC_MEMORY", "NDEBUG", "TF_LITE_DISABLE_X86_NEON", "KERNELS_OPTIMIZED_FOR_SPEED"),
    "FLATBUFFERS_LOCALE_INDEPENDENT=0",
)
_ENGINE = CODE / "engines" / "tflm" / "engine.cc"
_OURS = "debug_log"  # the engine has its own
_FLOAT = re.compile(r"_(f16|f32|flt)\b")  # parts of CMSIS-NN that its configuration switches off
_ADD = re.compile(
    r"TfLiteStatus\s+(Add\w+)\(([^{;]*?)\)\s*\{\s*return\s+AddBuiltin\(\s*BuiltinOperator_(\w+)"
)
_INT8 = re.compile(r"\bRegister_(\w+)_INT8\(\)")
_REGISTERS = re.compile(r"\bRegister_(\w+?)(?:_INT\d+)*\(\)\s*\{")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
# CMSIS-NN as clang-format leaves it: what begins a line is defined there, what is indented is used.
_DEFINED = re.compile(r"^(?!static|__STATIC|extern|typedef)[A-Za-z][\w \t*]*?\b(\w+)[(\[]", re.M)
_INDENTED = re.compile(r"^[ \t].*", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Library:
    """A TFLite-Micro library on this machine.

    Attributes:
        version: its name and version, and whose kernels it has.
        includes: the folders that includes are relative to.
        defines: what it wants defined, in its own sources and in those that include it.
        kernels: its folder of kernels.
        optimized: the folder in it whose files replace those of the same name; None for none.
        cmsis_nn: the folder of CMSIS-NN; None where there is none.
        methods: for each operator of the schema that it has, the resolver's method.
        int8: operators that can be registered for int8 alone.
        per_channel_dense: whether FULLY_CONNECTED honours a scale for each channel. Libraries from
            before May 2024 take the first scale for all, without an error.
        message_arguments: whether DebugLog gets a format and its arguments, or a text.
    """

    version: str
    includes: tuple[Path, ...]
    defines: tuple[str, ...]
    kernels: Path
    optimized: Path | None
    cmsis_nn: Path | None
    methods: Mapping[str, str]
    int8: frozenset[str]
    per_channel_dense: bool
    message_arguments: bool

    def __hash__(self) -> int:
        return hash((self.version, self.includes, self.optimized))

    def call(self, operator: str, *, int8: bool) -> str:
        """The call that adds an operator to a resolver.

        Args:
            int8: whether it computes with int8 alone. Only then may it be registered for that,
                which saves flash; such a kernel would take other types for int8, or refuse them.
        """
        alone = f"tflite::Register_{operator}_INT8()" if int8 and operator in self.int8 else ""
        return f"{self.methods[operator]}({alone})"

    def sources(self, operators: Iterable[str]) -> tuple[Path, ...]:
        """The source files for an interpreter with just these operators.

        Raises:
            ToolMissingError: a package that they include is not there.
        """
        files = _closure(self, frozenset(operators))
        return tuple(path for path in files if path.suffix in _SOURCES)

    def optimization(self, source: Path) -> str:
        """The flag that its own makefile compiles a source file with: for speed only kernels."""
        fast = [self.kernels, *([self.cmsis_nn] if self.cmsis_nn else [])]
        return "-O2" if any(source.is_relative_to(folder) for folder in fast) else "-Os"

    def fingerprint(self) -> str:
        """SHA-256 in hex over all files for all its operators, headers included, and its defines;
        wherever it lies."""
        files = _closure(self, frozenset(self.methods))
        hashes = sorted(f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files)
        return hashlib.sha256(f"{self.defines} {hashes}".encode()).hexdigest()


def find_library(board: Board) -> Library:
    """The board's library; PlatformIO installs what is not there yet.

    Raises:
        ToolMissingError: the env names none, or it is not available.
    """
    library = _read(find_packages(board), board.options.get(_KERNELS_OPTION) or None)
    library.sources(library.methods)  # sees that everything is there
    return library


def outlook(board: Board) -> str:
    """What ``--engine auto`` would choose for the board, and why; installs nothing."""
    try:
        absent = missing(board)
        if absent:
            return f"tflm, after a download of {download_note(board, absent)}"
        return f"tflm: {find_library(board).version}"
    except ToolMissingError as error:
        return f"aot: {error.message}"


@lru_cache(maxsize=8)
def _read(packages: tuple[Package, ...], optimized: str | None) -> Library:
    """What the packages are good for together. A library without the kernels ``optimized`` has its
    portable ones; its version says so."""
    tops = [top for p in packages for top in (p.folder, p.folder / "src", p.folder / "include")]
    roots = {name: next((top for top in tops if (top / name).is_file()), None) for name in _ROOTS}
    top, cmsis_nn = roots[_RESOLVER], roots[_CMSIS_NN]
    if top is None:
        given = ", ".join(str(package.folder) for package in packages)
        raise ToolMissingError(f"there is no TFLite-Micro library in {given}", REMEDY)
    includes = [root for root in roots.values() if root is not None]
    if cmsis_nn is not None:
        includes.append(cmsis_nn / "Include")
    else:  # some libraries have a copy, and include it by its whole path
        copies = top.glob(f"third_party/*/{_CMSIS_NN}")
        cmsis_nn = next((path.parents[1] for path in copies), None)
    kernels = top / _KERNELS
    special = kernels / optimized if optimized and (kernels / optimized).is_dir() else None
    files = _sources(kernels, special)
    registered = {operator for path in files for operator in _registered(path)}
    resolver = _text(top / _RESOLVER)
    methods = [match for match in _ADD.findall(resolver) if match[2] in registered]
    # Only what the resolver includes: our sources, which include it, know no other headers.
    headers = [top / name for name in _INCLUDE.findall(resolver) if name.startswith(_KERNELS)]
    int8 = {name for path in headers if path.is_file() for name in _INT8.findall(_text(path))}
    dense = [path for path in files if path.name.startswith("fully_connected")]
    library = Library(
        version=_version(packages, top, special, cmsis_nn),
        includes=tuple(dict.fromkeys(includes)),
        defines=(*_DEFINES, *([special.name.upper()] if special else [])),
        kernels=kernels,
        optimized=special,
        cmsis_nn=cmsis_nn if special else None,
        methods={operator: method for method, _, operator in methods},
        int8=frozenset(op for _, parameters, op in methods if parameters and op in int8),
        per_channel_dense=any("is_per_channel" in _text(path) for path in dense),
        message_arguments="va_list" in _text(top / _DEBUG_LOG),
    )
    if all(package.version for package in packages):
        return library
    return replace(library, version=f"{library.version}, sources {library.fingerprint()[:8]}")


def _version(
    packages: tuple[Package, ...], top: Path, optimized: Path | None, cmsis_nn: Path | None
) -> str:
    def owner(folder: Path) -> str:
        package = next(p for p in packages if folder.is_relative_to(p.folder))
        return f"{package.name} {package.version}".strip()

    kernels = f"{optimized.name} kernels" if optimized else "reference kernels"
    if optimized and cmsis_nn and owner(cmsis_nn) != owner(top):
        kernels = f"kernels with {owner(cmsis_nn)}"
    # It is put into a C++ literal, where "??/" once was a trigraph.
    return re.sub(r"[^ -~]|[\"\\?]", "_", f"{owner(top)}, {kernels}")[:100]


@lru_cache(maxsize=64)
def _closure(library: Library, operators: frozenset[str]) -> tuple[Path, ...]:
    """All files that the engine and the kernels of these operators lead to: what they include, and
    what implements that."""
    kernels = _sources(library.kernels, library.optimized)
    waiting = [path for path in kernels if _registered(path) & operators]
    headers = (_resolve(library, name, _ENGINE) for name in _includes(_ENGINE))
    waiting += [path for path in headers if path is not None]
    files: set[Path] = set()
    while waiting:
        path = waiting.pop()
        # The resolver's headers lead to all kernels: those of the operators are in already.
        if path in files or path.stem == _OURS or path.name == Path(_RESOLVER).name:
            continue
        files.add(path)
        for name in _includes(path):
            header = _resolve(library, name, path)
            if header is not None:
                waiting.append(header)
            elif name in _ROOTS:
                raise ToolMissingError(
                    f"{library.version} needs {name}, which is in none of its packages", REMEDY
                )
        if path.suffix not in _SOURCES:
            for source in _implementations(library, path):
                names = _registered(source)
                if not names or names & operators:
                    waiting.append(source)
        if library.cmsis_nn is not None:
            # Its headers are for all of it, so that they tell nothing.
            defined = _definitions(library.cmsis_nn / "Source")
            words = set(_WORD.findall("".join(_INDENTED.findall(_text(path)))))
            waiting += [defined[word] for word in words & defined.keys()]
    return tuple(sorted(files))


def _includes(path: Path) -> list[str]:
    return _INCLUDE.findall(_text(path))


def _resolve(library: Library, name: str, including: Path) -> Path | None:
    for folder in (including.parent, *library.includes):
        path = Path(os.path.normpath(folder / name))
        if path.is_file() and not path.is_relative_to(FIRMWARE):
            return path
    return None


def _implementations(library: Library, header: Path) -> Iterator[Path]:
    """The sources beside a header: conv.h has conv.cc and conv_common.cc."""
    for stem in (header.stem, f"{header.stem}_common"):
        for suffix in _SOURCES:
            path = header.with_name(stem + suffix)
            if library.optimized is not None and header.parent == library.kernels:
                replacement = library.optimized / path.name
                path = replacement if replacement.is_file() else path
            if path.is_file():
                yield path


def _sources(kernels: Path, optimized: Path | None) -> list[Path]:
    """The kernels' files. An optimized one replaces its namesake."""
    folders = [kernels] if optimized is None else [kernels, optimized]
    paths = [path for folder in folders for path in folder.iterdir() if path.suffix in _SOURCES]
    return list({path.name: path for path in paths}.values())


def _registered(path: Path) -> frozenset[str]:
    """The operators that a file registers."""
    return frozenset(_REGISTERS.findall(_text(path)))


@lru_cache(maxsize=4)
def _definitions(folder: Path) -> dict[str, Path]:
    """Where each function and table of these C files is defined."""
    paths = [path for path in sorted(folder.rglob("*.c")) if not _FLOAT.search(path.stem)]
    return {name: path for path in paths for name in _DEFINED.findall(_text(path))}


@lru_cache(maxsize=4096)
def _text(path: Path) -> str:
    """A file without its comments."""
    return _COMMENT.sub("", path.read_text(errors="replace"))
