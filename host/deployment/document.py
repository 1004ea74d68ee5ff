"""What the documents of all commands that run a model on a device hold alike."""

from collections.abc import Mapping

from host import engines
from host.device.identity import DeviceInfo
from host.firmware.boards import Board
from host.firmware.image import Image, Section
from host.firmware.rendered import ArenaBlock, Rendered
from host.models.source import ModelFile
from host.report.document import Document, Part


class Tflite(Part):
    """The model that runs on the device."""

    sha256: str
    """SHA-256, in hex."""
    bytes: int
    """Size of the file, bytes."""


class Conditions(Part):
    """What the numbers hold under: a number without these is not reported."""

    engine: str
    """Engine, as the device says."""
    engine_version: str
    """Its version, as the device says."""
    compiler: str
    """Compiler, as the device says."""
    float_abi: str
    """How the firmware's own code handles floats: soft, softfp or hard; may be empty."""
    board: str
    """The env."""
    board_description: str
    """What it is."""
    board_reported: str
    """Board, as the device says."""
    board_options: Mapping[str, str]
    """The env's other options."""
    target: str
    """How the image was started."""
    link: str
    """How bytes travelled."""
    tick_unit: str
    """Unit of the device's clock."""
    tick_rate: int
    """Units per second; 0 for what an emulator counts."""
    protocol_version: int
    """Version of the wire protocol."""
    protocol_hash: str
    """Hash of its declaration."""
    receive_window: int
    """The device's receive window, bytes."""
    model_digest: str
    """SHA-256, in hex, of the model as the device holds it."""


class Limits(Part):
    """What the board has; 0 where it states no limit."""

    flash: int
    """Flash, bytes."""
    ram: int
    """RAM, bytes."""


class ImageMemory(Part):
    """What an image takes of the board's memory. All sizes in bytes."""

    arena_reserved: int
    """Arena in the image."""
    model_slots: int
    """RAM kept for other models, part of ``ram``."""
    ram_headroom: int
    """RAM that the image leaves to the stack and to others."""
    flash: int
    """Flash of the image."""
    ram: int
    """Static RAM of the image without the stack."""
    constants: int
    """Weights, biases and tables in flash."""
    limits: Limits
    """What the board has."""
    sections: tuple[Section, ...]
    """ELF sections that take memory."""
    arena: tuple[ArenaBlock, ...]
    """The arena's plan; empty where the engine plans on the device."""


class Memory(ImageMemory):
    """Memory on the device. All sizes in bytes."""

    arena_used: int
    """Arena that the engine uses."""
    arena_planned: int
    """Of that, what is planned by tensor lifetimes."""
    arena_persistent: int
    """Of that, what is allocated for good."""


class DeviceDocument(Document):
    """What a command that runs a model on a device reports."""

    engine: str
    """What runs the model on the device."""
    board: str
    """The board, an env of platformio.ini."""
    model: ModelFile
    """The model as the user brought it."""
    tflite: Tflite
    """The model that runs on the device."""
    conditions: Conditions
    """What the numbers hold under: engine, compiler, board and its options, clock, samples."""
    versions: Mapping[str, str]
    """Versions of tools and libraries, by name."""


def conditions(board: Board, image: Image, info: DeviceInfo) -> Conditions:
    """The conditions of a board as platformio.ini has it, and as image and device tell them."""
    return Conditions.of(
        *(info, image, board),
        board=board.name,
        board_description=board.description,
        board_reported=info.board,
        board_options=engines.conditions(board.options, info.engine),
    )


def image_memory(board: Board, rendered: Rendered, image: Image) -> ImageMemory:
    """What the image takes, and the arena's plan."""
    return ImageMemory.of(
        *(image, rendered),
        arena_reserved=rendered.arena_bytes,
        model_slots=2 * rendered.slot_bytes,
        ram_headroom=board.ram - image.ram,
        constants=rendered.constant_bytes,
        limits=Limits.of(board),
    )


def memory(board: Board, rendered: Rendered, image: Image, info: DeviceInfo) -> Memory:
    """What the image takes, the arena's plan, and what the device tells of its arena."""
    persistent = info.arena_used - info.arena_planned
    return Memory.of(info, image_memory(board, rendered, image), arena_persistent=persistent)
