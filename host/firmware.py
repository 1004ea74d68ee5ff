"""From a rendered model to the sources of one image, and whether it can fit the board."""

from __future__ import annotations

import hashlib
from pathlib import Path

from host.engines import cpp
from host.errors import SizeError
from host.models.tflite import Graph
from host.paths import FIRMWARE, ROOT
from host.records import Board, Rendered
from host.wire.spec import MODEL_PIECE_BYTES, TENSOR_HEADER_BYTES


def sources(rendered: Rendered, graph: Graph, board: Board) -> dict[str, str]:
    """All generated files of an image by name: the engine's, and the core's configuration.

    ``board.options["baud"]`` is the rate of its serial port.
    """
    inputs = sum(graph.tensors[index].nbytes for index in graph.inputs)
    # A device that can change models also takes pieces of one, and tells of more operators.
    piece = MODEL_PIECE_BYTES + 4 if rendered.slot_bytes else 0
    config = cpp.render(
        "config.h.j2",
        request_payload_bytes=max(TENSOR_HEADER_BYTES + inputs, piece),
        operators=max(len(rendered.operators), 64 if rendered.slot_bytes else 1),
        baud_rate=int(board.options.get("baud", "115200")),
    )
    return {**rendered.files, "config.h": config}


def check_size(rendered: Rendered, graph: Graph, board: Board) -> None:
    """Refuse a model whose data alone exceed the board, before anything is built.

    The linker has the last word; code and stack are not counted here.

    Raises:
        SizeError: names what is needed and what the board has, in bytes.
    """
    inputs = sum(graph.tensors[index].nbytes for index in graph.inputs)
    # The arena, the request that carries the input, and both halves of the slot.
    ram = rendered.arena_bytes + inputs + 2 * rendered.slot_bytes
    needs = (("flash", rendered.constant_bytes, board.flash), ("RAM", ram, board.ram))
    for kind, needed, limit in needs:
        if needed > limit:
            what = "weights and tables" if kind == "flash" else "arena and input"
            raise SizeError(
                f"the model does not fit {board.name}: its {what} need {needed:,} B of {kind}, "
                f"the board has {limit:,} B"
            )


def digest(files: dict[str, str], board: Board) -> str:
    """SHA-256 of everything that an image is made from, in hex.

    The compiler's version is part of it; the caller's PlatformIO is pinned.
    """
    total = hashlib.sha256(f"{board.name}\n{_compilers()}\n".encode())
    for path in _static_sources():
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    for name in sorted(files):
        total.update(f"{name}\0{files[name]}\0".encode())
    return total.hexdigest()


def _static_sources() -> list[Path]:
    tops = [ROOT / "platformio.ini", ROOT / "platformio_override.ini"]
    below = [path for path in FIRMWARE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return sorted(path for path in [*tops, *below] if path.is_file())


def _compilers() -> str:
    """The compilers on PATH with size and date: a change means another image. Cheap on purpose."""
    import shutil

    found = []
    for name in ("arm-none-eabi-g++", "g++"):
        where = shutil.which(name)
        if where:
            state = Path(where).resolve().stat()
            found.append(f"{name} {state.st_size} {int(state.st_mtime)}")
    return "; ".join(found)
