"""Runs PlatformIO on generated sources; reads sizes from the ELF file."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host.base import cache
from host.base.errors import BuildError, SizeError, ToolMissingError
from host.base.files import write_bytes, write_text
from host.base.paths import ROOT, WORKSPACE, cache_folder
from host.firmware.boards import Board
from host.firmware.platformio import build_folder, build_lock, registry_error, run, write_sources


@dataclass(frozen=True)
class Section:
    """An ELF section that takes memory."""

    name: str
    """Its name."""
    bytes: int
    """Its size, bytes."""
    kind: Literal["flash", "ram", "both"]
    """Where it lies; both is initialised data."""


@dataclass(frozen=True)
class Image:
    """A built firmware image. ``reused`` is True where nothing had to be built.

    The generated sources that it was made from are in ``src`` beside the ELF file; ``library`` is
    what PlatformIO had to provide for it.
    """

    elf: Path
    sections: tuple[Section, ...]
    reused: bool
    library: str | None = None

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return sum(s.bytes for s in self.sections if s.kind in ("flash", "both"))

    @property
    def ram(self) -> int:
        """Bytes of statically allocated RAM, without the stack."""
        return sum(s.bytes for s in self.sections if s.kind in ("ram", "both"))


# Generous: a first build with a library from the registry takes minutes.
BUILD_TIMEOUT = 1800.0
_SHF_WRITE, _SHF_ALLOC = 0x1, 0x2
# Debian's package of a compiler, where it has another name.
_PACKAGES = {"arm-none-eabi-g++": "gcc-arm-none-eabi"}


def build(
    files: Mapping[str, str],
    digest: str,
    board: Board,
    folder: Path,
    library: str | None = None,
) -> Image:
    """Build an image, or take it from the cache where the same sources were built before.

    Args:
        files: generated sources by name; they are also kept in ``folder/src``.
        digest: what the image is made from (``firmware.digest``).
        library: what PlatformIO must provide, as its lib_deps takes it.
        folder: the run's folder; gets ``firmware.elf`` and ``build.log``.

    Raises:
        ToolMissingError: the compiler or PlatformIO is not installed.
        SizeError: the linker found that the image does not fit.
        BuildError: anything else, with the compiler's first error.
        MachineError: the folder cannot be written to.
    """
    elf = folder / "firmware.elf"
    cached = cache_folder() / "images" / digest / "firmware.elf"
    write_sources(folder / "src", files)
    if cached.is_file():
        write_bytes(elf, cached.read_bytes())
        write_text(folder / "build.log", f"Nothing to build: {cached} has the same sources.\n")
        return Image(elf, read_sections(elf), reused=True, library=library)

    _require_compiler(board)
    with build_lock(board.name, library):
        write_sources(WORKSPACE / "generated" / board.name, files)
        _run_platformio(board, library, folder / "build.log")
        built = build_folder(board.name, library) / board.name / "firmware.elf"
        write_bytes(elf, built.read_bytes())
    sections = read_sections(elf)
    check_limits(sections, board)
    cache.store_file(cached, elf)
    return Image(elf, sections, reused=False, library=library)


def read_sections(elf: Path) -> tuple[Section, ...]:
    """The sections that take flash or RAM on the device.

    Not a heap: what an Arduino core's linker script calls so is all that is left.
    Initialised data count twice: they lie in flash and are copied to RAM.
    """
    from elftools.elf.elffile import ELFFile

    sections = []
    with elf.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & _SHF_ALLOC or size == 0 or section.name == ".heap":
                continue
            kind: Literal["flash", "ram", "both"] = "flash"
            if section["sh_type"] == "SHT_NOBITS":
                kind = "ram"
            elif flags & _SHF_WRITE:
                kind = "both"
            sections.append(Section(section.name, int(size), kind))
    return tuple(sections)


def first_error(log: str) -> str:
    """The first line of a build's output that tells what went wrong."""
    lines = log.splitlines()
    for pattern in (r"\b(fatal )?error: ", r"undefined reference", r"^\*\*\* |^Error"):
        for line in lines:
            if re.search(pattern, line):
                return line.strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def _require_compiler(board: Board) -> None:
    compiler = board.options.get("compiler")
    if compiler and shutil.which(compiler) is None:
        package = _PACKAGES.get(compiler, compiler)
        raise ToolMissingError(
            f"{compiler} is not on PATH; {board.name} is built with it",
            f"Install it: `apt-get install {package}`, or run ./scripts/setup.",
        )


def _run_platformio(board: Board, library: str | None, log: Path) -> None:
    arguments = ("run", "-d", str(ROOT), "-e", board.name)
    try:
        code = run(arguments, log, BUILD_TIMEOUT, env=board.name, library=library)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"the build took more than {BUILD_TIMEOUT:.0f} s; see {log}") from error
    if code == 0:
        return
    text = log.read_text(errors="replace")
    unreachable = registry_error(text)
    if unreachable is not None:
        raise unreachable
    overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes|no room for the stack", text)
    if overflow or "section `.bss' will not fit" in text:
        what = overflow.group(0) if overflow else "section .bss does not fit"
        raise SizeError(f"the image does not fit {board.name}: {what} (log: {log})")
    raise BuildError(
        f"the build for {board.name} failed: {first_error(text)}", f"The whole log is in {log}."
    )


def check_limits(sections: tuple[Section, ...], board: Board) -> None:
    """Refuse an image that exceeds the board, whatever its linker script allowed.

    Raises:
        SizeError: names what is needed and what the board has, in bytes.
    """
    image = Image(Path(), sections, reused=False)
    for kind, needed, limit in (("flash", image.flash, board.flash), ("RAM", image.ram, board.ram)):
        if needed > limit:
            raise SizeError(
                f"the image does not fit {board.name}: it needs {needed:,} B of {kind}, "
                f"the board has {limit:,} B"
            )
