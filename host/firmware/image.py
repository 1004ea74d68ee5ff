"""A built firmware image: its sections, and whether they fit the board."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from host.base.errors import SizeError
from host.firmware.boards import Board

_SHF_WRITE, _SHF_ALLOC = 0x1, 0x2


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
    that of ``Rendered``.
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
