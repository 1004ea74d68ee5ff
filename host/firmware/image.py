"""From a rendered model to an image, and whether it can fit the board."""

from __future__ import annotations

from pathlib import Path

from host.base import defaults
from host.base.errors import SizeError
from host.device.wire.spec import MODEL_PIECE_BYTES, TENSOR_HEADER_BYTES
from host.firmware import cpp, fingerprint
from host.firmware.boards import Board
from host.firmware.build import Image, build
from host.firmware.rendered import Rendered
from host.models.tflite import Graph


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
        baud_rate=int(board.options.get("baud", defaults.BAUD)),
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


def build_image(rendered: Rendered, graph: Graph, board: Board, folder: Path) -> Image:
    """Build the image of a rendered model; see ``build``."""
    files = sources(rendered, graph, board)
    return build(files, fingerprint.digest(files, board), board, folder, rendered.library)
