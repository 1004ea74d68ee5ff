"""What an engine makes of a model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from host.models.tflite import Operator

ALIGNMENT = 16  # of an arena and of what lies in it, bytes; what vector loads of Cortex-M55 want


def aligned(nbytes: int) -> int:
    """The next multiple of ``ALIGNMENT``."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class ArenaBlock:
    """One tensor in the arena."""

    tensor: int
    """Its index."""
    name: str
    """Its name."""
    offset: int
    """From the arena's start, bytes."""
    bytes: int
    """Its size, bytes."""
    first: int
    """Operator from which it is alive."""
    last: int
    """Operator to which it is alive, inclusive."""


@dataclass(frozen=True)
class ExecutedOperator:
    """An operator's output as the device computes it. An operator with several outputs has as many
    of these, one after the other."""

    index: int
    """Its index in the .tflite file."""
    name: str
    """Its name in the .tflite schema."""
    tensor: int
    """Index of the output tensor."""


def executed(operators: Iterable[Operator]) -> tuple[ExecutedOperator, ...]:
    """The outputs of these operators, in the order in which they are computed."""
    return tuple(
        ExecutedOperator(o.index, o.name, output) for o in operators for output in o.outputs
    )


@dataclass(frozen=True)
class Rendered:
    """What an engine makes of one model, before anything is written or built.

    Attributes:
        files: C++ files of the generated folder, by file name.
        digest: SHA-256 in hex that the device must report for the model it holds.
        arena_bytes: static arena that the image reserves.
        constant_bytes: weights, biases and tables that go to flash.
        operators: every output, in the order in which the device computes and reports them.
        arena: the arena's plan, empty where the engine plans on the device.
        slot_bytes: room in RAM for another model, which the image reserves twice.
        library: the packages of the engine's library, as lib_deps takes them; None without one.
    """

    engine: str
    files: Mapping[str, str]
    digest: str
    arena_bytes: int
    constant_bytes: int
    operators: tuple[ExecutedOperator, ...]
    arena: tuple[ArenaBlock, ...]
    slot_bytes: int = 0
    library: str | None = None
