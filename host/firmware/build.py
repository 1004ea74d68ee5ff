"""From a rendered model to an image: its sources, whether it can fit, PlatformIO's build."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from host.base import cache, defaults
from host.base.errors import BuildError, SizeError
from host.base.files import write_bytes, write_text
from host.base.paths import FIRMWARE, ROOT, cache_folder
from host.base.versions import require_program
from host.device.wire.spec import MODEL_PIECE_BYTES, TENSOR_HEADER_BYTES
from host.firmware import cpp, platformio
from host.firmware.boards import Board
from host.firmware.image import Image, check_limits, read_float_abi, read_sections
from host.firmware.rendered import Rendered
from host.models.tflite import Graph

# Generous: a first build with a library from the registry takes minutes.
BUILD_TIMEOUT = 1800.0
_ELF = "firmware.elf"
# What a platform makes of it for its upload tool.
_FOR_UPLOAD = (
    *("firmware.bin", "firmware.hex", "firmware.uf2"),
    *("bootloader.bin", "partitions.bin"),
)


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
    check_limits(board, "model", rendered.constant_bytes, ram)


def build_image(rendered: Rendered, graph: Graph, board: Board, folder: Path) -> Image:
    """Build the image of a rendered model, or take it from the cache if its sources were built
    before. ``folder`` gets ``firmware.elf``, what else the platform makes of it for an upload,
    ``build.log`` and the sources, in ``src``.

    Raises:
        ToolMissingError: the compiler or PlatformIO is not installed.
        SizeError: the linker found that the image does not fit.
        BuildError: anything else, with the compiler's first error.
        MachineError: the folder cannot be written to.
    """
    files, library = sources(rendered, graph, board), rendered.library
    elf = folder / _ELF
    cached = cache_folder() / "images" / image_digest(files, board)
    platformio.write_sources(folder / "src", files)
    if (cached / _ELF).is_file():
        _copy_files(cached, folder)
        write_text(folder / "build.log", f"Nothing to build: {cached} has the same sources.\n")
        return _image(elf, library, reused=True)

    compiler = board.options.get("compiler")
    if compiler:
        require_program(compiler, f"{board.name} is built with it")
    with platformio.build_lock(board.name, library):
        platformio.write_sources(platformio.generated_folder(board.name), files)
        _run_platformio(board, library, folder / "build.log")
        _copy_files(platformio.build_folder(board.name, library) / board.name, folder)
    image = _image(elf, library, reused=False)
    check_limits(board, "image", image.flash, image.ram)
    for name in (*_FOR_UPLOAD, _ELF):  # the ELF file last: where it is, all are
        if (folder / name).is_file():
            cache.store_file(cached / name, folder / name)
    return image


def _copy_files(built: Path, folder: Path) -> None:
    for name in (_ELF, *_FOR_UPLOAD):
        if (built / name).is_file():
            write_bytes(folder / name, (built / name).read_bytes())
        else:
            (folder / name).unlink(missing_ok=True)


def _image(elf: Path, library: str | None, *, reused: bool) -> Image:
    return Image(elf, read_sections(elf), reused, library, read_float_abi(elf))


def image_digest(files: dict[str, str], board: Board) -> str:
    """SHA-256 of everything that an image is made from, in hex.

    The compiler's version is part of it; the caller's PlatformIO is pinned.
    """
    total = hashlib.sha256(f"{board.name}\n{_compiler_state(board)}\n".encode())
    tops = [ROOT / "platformio.ini", ROOT / "platformio_override.ini"]
    below = [path for path in FIRMWARE.rglob("*") if path.suffix != ".pyc"]
    for path in sorted(path for path in [*tops, *below] if path.is_file()):
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    for name in sorted(files):
        total.update(f"{name}\0{files[name]}\0".encode())
    return total.hexdigest()


def _compiler_state(board: Board) -> str:
    """The board's compiler with size and date: a change means another image. Cheap on purpose."""
    where = shutil.which(board.options.get("compiler", ""))
    if where is None:
        return ""
    state = Path(where).resolve().stat()
    return f"{where} {state.st_size} {int(state.st_mtime)}"


def first_error(log: str) -> str:
    """The first line of a build's output that tells what went wrong."""
    lines = log.splitlines()
    for pattern in (r"\b(fatal )?error: ", r"undefined reference", r"^\*\*\* |^Error"):
        for line in lines:
            if re.search(pattern, line):
                return line.strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def _run_platformio(board: Board, library: str | None, log: Path) -> None:
    arguments = ("run", "-d", str(ROOT), "-e", board.name)
    try:
        code = platformio.run(arguments, log, BUILD_TIMEOUT, env=board.name, library=library)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"the build took more than {BUILD_TIMEOUT:.0f} s; see {log}") from error
    if code == 0:
        return
    text = log.read_text(errors="replace")
    unreachable = platformio.registry_error(text)
    if unreachable is not None:
        raise unreachable
    overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes|no room for the stack", text)
    if overflow or "section `.bss' will not fit" in text:
        what = overflow.group(0) if overflow else "section .bss does not fit"
        raise SizeError(f"the image does not fit {board.name}: {what} (log: {log})")
    raise BuildError(
        f"the build for {board.name} failed: {first_error(text)}", f"The whole log is in {log}."
    )
