"""A built firmware image: its sections, and whether they fit the board."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from host.base.errors import SizeError
from host.firmware.boards import Board

_SHF_WRITE, _SHF_ALLOC = 0x1, 0x2
# Of a model, only the data: code and stack are not counted.
_NEEDS = {
    "model": ("its weights and tables need", "its arena and input need"),
    "image": ("it needs", "it needs"),
}
_FLOAT_ABI = "flash_and_eval_float_abi_"


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
    that of ``Rendered``, ``float_abi`` what ``read_float_abi`` says.
    """

    elf: Path
    sections: tuple[Section, ...]
    reused: bool
    library: str | None = None
    float_abi: str = ""

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
    Initialised data count twice: they lie in flash and are copied to RAM. Not so what ESP-IDF calls
    .flash…: the ESP32 reads it in place, whatever the section's flags, and one without contents
    only keeps addresses free.
    """
    from elftools.elf.elffile import ELFFile

    sections = []
    with elf.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & _SHF_ALLOC or size == 0 or section.name == ".heap":
                continue
            empty = section["sh_type"] == "SHT_NOBITS"
            kind: Literal["flash", "ram", "both"] = "flash"
            if section.name.startswith(".flash"):
                if empty:
                    continue
            elif empty:
                kind = "ram"
            elif flags & _SHF_WRITE:
                kind = "both"
            sections.append(Section(section.name, int(size), kind))
    return tuple(sections)


def read_float_abi(elf: Path) -> str:
    """How an image's own sources handle floats, as GCC's ``-mfloat-abi`` calls it.

    ``soft``: by integer instructions; ``softfp``: by the FPU, passed in integer registers; or
    ``hard``.
    Empty for processors whose compiler does not say. From a symbol of ``core/float_abi.h``: an ELF
    file's own attributes are those of a framework's libraries, too.
    """
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        table: Any = ELFFile(stream).get_section_by_name(".symtab")
        names = [symbol.name for symbol in table.iter_symbols()] if table is not None else []
    return next((n.removeprefix(_FLOAT_ABI) for n in names if n.startswith(_FLOAT_ABI)), "")


def check_limits(board: Board, what: Literal["model", "image"], flash: int, ram: int) -> None:
    """Refuse what needs more bytes than the board has, whatever its linker script allows.

    Raises:
        SizeError: names what is needed and what the board has, in bytes.
    """
    rows = (("flash", flash, board.flash), ("RAM", ram, board.ram))
    for need, (kind, needed, limit) in zip(_NEEDS[what], rows, strict=True):
        if needed > limit:
            raise SizeError(
                f"the {what} does not fit {board.name}: {need} {needed:,} B of {kind}, the board "
                f"has {limit:,} B"
            )
