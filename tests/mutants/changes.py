"""Changes to a model's objects, after which its file says what no model can mean."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np

Change = Callable[[Any, random.Random], None]


def _tensor(attribute: str, *values: Any) -> Change:
    def change(model: Any, chance: random.Random) -> None:
        tensor = chance.choice(model.subgraphs[0].tensors)
        setattr(tensor, attribute, copy.deepcopy(chance.choice(values)))

    return change


def _all_tensors(attribute: str, *values: Any) -> Change:
    def change(model: Any, chance: random.Random) -> None:
        value = chance.choice(values)
        for tensor in model.subgraphs[0].tensors:
            setattr(tensor, attribute, copy.deepcopy(value))

    return change


def _quantization(attribute: str, *values: Any) -> Change:
    def change(model: Any, chance: random.Random) -> None:
        with_one = [t.quantization for t in model.subgraphs[0].tensors if t.quantization]
        setattr(chance.choice(with_one), attribute, copy.deepcopy(chance.choice(values)))

    return change


def _operator(attribute: str, *values: Any) -> Change:
    def change(model: Any, chance: random.Random) -> None:
        operator = chance.choice(model.subgraphs[0].operators)
        setattr(operator, attribute, copy.deepcopy(chance.choice(values)))

    return change


def _option(model: Any, chance: random.Random) -> None:
    """A built-in option that is a number, or a list of them, gets another value."""
    options = [o.builtinOptions for o in model.subgraphs[0].operators if o.builtinOptions]
    chosen = [(o, key) for o in options for key, value in vars(o).items() if value is not None]
    if not chosen:
        return
    chosen_options, key = chance.choice(chosen)
    old = getattr(chosen_options, key)
    if isinstance(old, bool):
        setattr(chosen_options, key, not old)
    elif isinstance(old, int):
        # The builder refuses what does not fit; enumerations have one byte.
        setattr(chosen_options, key, chance.choice((-128, -1, 0, 1, 2, 5, 127)))
    elif isinstance(old, float):
        setattr(chosen_options, key, chance.choice((float("nan"), float("inf"), -1.0, 0.0, 1e38)))
    else:
        setattr(chosen_options, key, chance.choice(([], [-1], [-1, -1], [2**31 - 1] * 6, None)))


def _other_options(model: Any, chance: random.Random) -> None:
    """An operator gets the options of another, or none."""
    operators = model.subgraphs[0].operators
    one, other = chance.choice(operators), chance.choice(operators)
    one.builtinOptionsType, one.builtinOptions = other.builtinOptionsType, other.builtinOptions


def _other_operator(model: Any, chance: random.Random) -> None:
    """An operator becomes another."""
    code = chance.choice(model.operatorCodes)
    code.builtinCode = chance.choice((chance.randrange(0, 210), 210, 1 << 30, -5))
    code.deprecatedBuiltinCode = max(-128, min(127, code.builtinCode))


def _shuffled_tensors(model: Any, chance: random.Random) -> None:
    """Two operators' tensors change places: types, shapes and the order no longer fit."""
    operators = model.subgraphs[0].operators
    one, other = chance.choice(operators), chance.choice(operators)
    one.inputs, other.outputs = other.inputs, one.outputs


def _ring(model: Any, chance: random.Random) -> None:
    """An operator reads what it writes, or what comes after it."""
    operators = model.subgraphs[0].operators
    one, later = chance.choice(operators), operators[-1]
    inputs = [int(i) for i in one.inputs]
    inputs[0] = int(chance.choice((one, later)).outputs[0])
    one.inputs = inputs


def _buffer_outside(model: Any, chance: random.Random) -> None:
    """A constant lies behind the flatbuffer, where there is nothing."""
    buffer = chance.choice(model.buffers)
    buffer.data = None
    buffer.offset = chance.choice((2, 1 << 20, 1 << 40, (1 << 64) - 1))
    buffer.size = chance.choice((0, 4, 1 << 40, (1 << 64) - 1))


def _buffer_size(model: Any, chance: random.Random) -> None:
    """A constant is shorter or longer than its tensor."""
    buffer = chance.choice([b for b in model.buffers if b.data is not None and len(b.data)])
    buffer.data = np.resize(np.asarray(buffer.data), chance.choice((1, 3, len(buffer.data) + 1)))


def _constant_values(model: Any, chance: random.Random) -> None:
    """A constant of few bytes, such as axes or shapes, has other values."""
    small = [b for b in model.buffers if b.data is not None and 0 < len(b.data) <= 64]
    for buffer in small[:1] and [chance.choice(small)]:
        byte = chance.choice((0, 1, 5, 0x7F, 0x80, 0xFF))
        buffer.data = np.full(len(buffer.data), byte, np.uint8)


def _missing(owner: str, attribute: str) -> Change:
    def change(model: Any, chance: random.Random) -> None:
        target = model if owner == "model" else model.subgraphs[0]
        setattr(target, attribute, chance.choice((None, [])))

    return change


def _ends(model: Any, chance: random.Random) -> None:
    """The graph's inputs or outputs are other tensors."""
    count = len(model.subgraphs[0].tensors)
    values = ([-1], [count], [2**31 - 1], [-(2**31)], [0, 0], [count - 1], list(range(count)))
    setattr(model.subgraphs[0], chance.choice(("inputs", "outputs")), chance.choice(values))


def _more_subgraphs(model: Any, chance: random.Random) -> None:
    model.subgraphs = model.subgraphs * chance.choice((2, 3))


_SHAPES: tuple[list[int] | None, ...] = (
    None,
    [],
    [0],
    [1],
    [-1],
    [1, -1],
    [-(2**31), 2],
    [2**31 - 1],
    [1, 2**31 - 1],
    [2**31 - 1] * 2,
    [2**31 - 1] * 6,
    [1 << 16] * 4,  # whose product is 0 in 64 bits
    [1] * 40,
    [1] * 400,
    [1, 1 << 28],
)
_FLOATS: tuple[list[float] | None, ...] = (
    None,
    [],
    [0.0],
    [-1.0],
    [float("nan")],
    [float("inf")],
    [1e-45],
    [3e38],
    [0.1] * 7,
)
_POINTS: tuple[list[int] | None, ...] = (None, [], [1], [-129], [2**63 - 1], [-(2**63)], [0] * 7)
_INDICES: tuple[list[int] | None, ...] = (
    None,
    [],
    [-1],
    [-1, -1, -1],
    [0],
    [0] * 40,
    [2**31 - 1],
    [-2],
    [0, 1, 2, 3],
)
CHANGES: dict[str, Change] = {
    "shape": _tensor("shape", *_SHAPES),
    "all shapes": _all_tensors("shape", *_SHAPES),
    "type": _tensor("type", *range(-1, 20), 127, -128),
    "all types": _all_tensors("type", *range(-1, 20), 127),
    "buffer": _tensor("buffer", 0, 1, 2, 1 << 20, (1 << 32) - 1),
    "all buffers": _all_tensors("buffer", 0, 1, 2, (1 << 32) - 1),
    "name": _tensor("name", None, b"\xff\xfe", b"*/\n\"'%s\0", b"../" * 99, b"n" * 100_000),
    "quantization": _tensor("quantization", None),
    "no quantization": _all_tensors("quantization", None),
    "scale": _quantization("scale", *_FLOATS),
    "zero point": _quantization("zeroPoint", *_POINTS),
    "dimension": _quantization("quantizedDimension", -1, 1, 3, 4, 2**31 - 1, -(2**31)),
    "variable": _tensor("isVariable", True),
    "inputs": _operator("inputs", *_INDICES),
    "outputs": _operator("outputs", *_INDICES),
    "opcode": _operator("opcodeIndex", 1, 5, 1000, (1 << 32) - 1),
    "option": _option,
    "other options": _other_options,
    "other operator": _other_operator,
    "shuffled": _shuffled_tensors,
    "ring": _ring,
    "buffer outside": _buffer_outside,
    "buffer size": _buffer_size,
    "constants": _constant_values,
    "no operator codes": _missing("model", "operatorCodes"),
    "no subgraphs": _missing("model", "subgraphs"),
    "no buffers": _missing("model", "buffers"),
    "no tensors": _missing("graph", "tensors"),
    "no operators": _missing("graph", "operators"),
    "no inputs": _missing("graph", "inputs"),
    "no outputs": _missing("graph", "outputs"),
    "ends": _ends,
    "subgraphs": _more_subgraphs,
}
