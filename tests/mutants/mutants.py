"""Broken .tflite files, made from whole ones; as a program, it reads them as the product does.

Bytes are changed where the reader of flatbuffers looks, which a reading of the whole file tells;
objects are changed so that the file stays a flatbuffer, and says what no model can mean. All of it
follows from the file and a seed.
"""

import json
import random
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from host.base.errors import ModelError
from host.engines.aot import AotEngine
from host.models import tflite
from host.models.edit import pack
from host.quantize.checks import activation_type, check_graph
from tests.fixtures import models
from tests.fixtures.runs import SHARED_MODELS
from tests.mutants.bombs import bombs
from tests.mutants.changes import CHANGES

SECONDS = 2
MEMORY = 1 << 30  # bytes
_BIG = (
    *(0, 1, 2, 3, 7, 0x7FFF, 0xFFFF, 1 << 20, (1 << 31) - 1, 1 << 31),
    *((1 << 32) - 4, (1 << 32) - 1),
)


class Mutant(NamedTuple):
    """A file; ``fatal`` where no part of it can be a model, so that it must be refused."""

    name: str
    content: bytes
    fatal: bool = False


class _Read(NamedTuple):
    """What the reader took as one number: a struct format, and where."""

    format: str
    place: int


def whole() -> dict[str, bytes]:
    """The models that are broken: small ones of the tests, and those that others trained."""
    made = {"dense": models.dense(6, 3), "every": models.every_operator()}
    shared = {path.stem: path.read_bytes() for path in sorted(SHARED_MODELS.glob("*.tflite"))}
    return made | shared


def mutants(name: str, content: bytes, each: int = 30) -> Iterator[Mutant]:
    """All mutants of a model; about ``each`` of every kind that is drawn."""
    chance = random.Random(name)
    for size in range(0, len(content), 64):
        yield Mutant(f"{name}: first {size} bytes", content[:size], fatal=True)
    for wrong in (b"TFL2", b"TFL4", b"\0\0\0\0", b"tfl3"):
        yield Mutant(f"{name}: identifier {wrong!r}", content[:4] + wrong + content[8:], fatal=True)
    yield from _byte_mutants(name, content, each, chance)
    for what, change in CHANGES.items():
        for number in range(max(2, each // 8)):
            model = schema.ModelT.InitFromPackedBuf(content, 0)
            change(model, chance)
            yield Mutant(f"{name}: {what} {number}", pack(model))


def _reads(content: bytes) -> list[_Read]:
    """Every number that a reading of the file looks at, and every element of its small vectors."""
    found: dict[_Read, None] = {}
    get, vector = flatbuffers.encode.Get, flatbuffers.encode.GetVectorAsNumpy

    def watch(packer: struct.Struct, buffer: bytes, place: int) -> Any:
        found[_Read(packer.format, place)] = None
        return get(packer, buffer, place)

    def watch_vector(kind: Any, buffer: bytes, count: int, place: int) -> Any:
        dtype = np.dtype(kind)
        for i in range(min(count, 8)):
            found[_Read("<" + dtype.char, place + i * dtype.itemsize)] = None
        return vector(kind, buffer, count, place)

    flatbuffers.encode.Get, flatbuffers.encode.GetVectorAsNumpy = watch, watch_vector
    try:
        schema.ModelT.InitFromPackedBuf(content, 0)
    finally:
        flatbuffers.encode.Get, flatbuffers.encode.GetVectorAsNumpy = get, vector
    return list(found)


def _byte_mutants(name: str, content: bytes, each: int, chance: random.Random) -> Iterator[Mutant]:
    by_format: dict[str, list[_Read]] = {}
    for read in _reads(content):
        by_format.setdefault(read.format, []).append(read)
    for format_, reads in sorted(by_format.items()):
        for _ in range(each * (4 if format_ == "<I" else 1)):
            read = chance.choice(reads)
            mask = (1 << 8 * struct.calcsize(format_)) - 1
            value = _value(content, read, chance) & mask
            changed = bytearray(content)
            end = read.place + struct.calcsize(format_)
            changed[read.place : end] = value.to_bytes(end - read.place, "little")
            yield Mutant(f"{name}: {format_} at {read.place} is {value:#x}", bytes(changed))
    places = [read.place for reads in by_format.values() for read in reads]
    for number in range(each):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 2, 8, 64))):
            changed[chance.choice(places)] = chance.randrange(256)
        yield Mutant(f"{name}: noise {number}", bytes(changed))


def _value(content: bytes, read: _Read, chance: random.Random) -> int:
    """What to write instead: a limit, a neighbour, a float that is none, or a way back."""
    (old,) = struct.unpack_from(read.format, content, read.place)
    if isinstance(old, float):
        odd = (float("nan"), float("inf"), -1.0, 0.0, -0.0, 1e-45, 1e-38, 3e38, 1e30)
        return int.from_bytes(struct.pack("<f", chance.choice(odd)), "little")
    (root,) = struct.unpack_from("<I", content)
    old = int(old[0]) if isinstance(old, bytes) else int(old)
    choices = (
        chance.choice(_BIG),
        old + chance.choice((-64, -8, -4, -2, -1, 1, 2, 4, 8, 64)),
        -old,
        root - read.place,  # to the root: a table that holds itself
        chance.randrange(0, len(content), 4) - read.place,
        len(content) - read.place - chance.choice((0, 1, 2, 4, 8)),
    )
    return chance.choice(choices)


def verdict(mutant: Mutant) -> str:
    """``refused`` or ``ran``; else what is wrong with the way in which it ended."""
    try:
        graph = tflite.parse(mutant.content, "m.tflite")
        engine = AotEngine()
        engine.check(graph)
        engine.render(graph)
        check_graph(graph, activations=activation_type(graph))
    except ModelError as error:
        if isinstance(error.__cause__, MemoryError):
            return "ended for want of memory"
        return "refused" if error.message and error.hint else "no hint"
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        return f"{type(error).__name__}: {error} at {where}"
    return "ran, but is no model" if mutant.fatal else "ran"


def all_mutants(name: str) -> Iterator[Mutant]:
    """The mutants of one model, or the bombs."""
    if name == "bombs":
        return (Mutant(*bomb) for bomb in bombs())
    return mutants(name, whole()[name])


def main(name: str, first: int) -> None:
    """Print a line for each mutant from number ``first`` on: its name and its verdict.

    A mutant that takes more than SECONDS of processor time ends the process, whatever it is in.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number, mutant in enumerate(all_mutants(name)):
        if number < first:
            continue
        # The limit is on the processor's time, since others may be using the machine.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        found = verdict(mutant)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps([mutant.name, found]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
