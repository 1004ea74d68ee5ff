"""Changes to a model's objects, after which its file says what no model can mean."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np

Change = Callable[[Any, random.Random], None]


def _set(owner: str, attribute: str, *values: Any) -> Change:
    """An attribute of one of the owners, or of all of them, gets one of the values."""

    def change(model: Any, chance: random.Random) -> None:
        graph = model.subgraphs[0]
        owners = {
            "tensor": graph.tensors,
            "operator": graph.operators,
            "quantization": [t.quantization for t in graph.tensors if t.quantization],
            "model": [model],
            "graph": [graph],
        }[owner.removeprefix("every ")]
        chosen = owners if owner.startswith("every ") else [chance.choice(owners)]
        value = chance.choice(values)
        for each in chosen:
            setattr(each, attribute, copy.deepcopy(value))

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


def _ends(model: Any, chance: random.Random) -> None:
    """The graph's inputs or outputs are other tensors."""
    count = len(model.subgraphs[0].tensors)
    values = ([-1], [count], [2**31 - 1], [-(2**31)], [0, 0], [count - 1], list(range(count)))
    setattr(model.subgraphs[0], chance.choice(("inputs", "outputs")), chance.choice(values))


def _more_subgraphs(model: Any, chance: random.Random) -> None:
    model.subgraphs = model.subgraphs * chance.choice((2, 3))


_SHAPES: tuple[list[int] | None, ...] = (
    *(None, [], [0], [1], [-1], [1, -1], [-(2**31), 2], [2**31 - 1], [1, 2**31 - 1]),
    *([2**31 - 1] * 2, [2**31 - 1] * 6, [1] * 40, [1] * 400, [1, 1 << 28]),
    [1 << 16] * 4,  # whose product is 0 in 64 bits
)
_FLOATS: tuple[list[float] | None, ...] = (
    *(None, [], [0.0], [-1.0], [float("nan")], [float("inf")], [1e-45], [3e38], [0.1] * 7),
)
_POINTS: tuple[list[int] | None, ...] = (None, [], [1], [-129], [2**63 - 1], [-(2**63)], [0] * 7)
_INDICES: tuple[list[int] | None, ...] = (
    *(None, [], [-1], [-1, -1, -1], [0], [0] * 40, [2**31 - 1], [-2], [0, 1, 2, 3]),
)
CHANGES: dict[str, Change] = {
    "shape": _set("tensor", "shape", *_SHAPES),
    "all shapes": _set("every tensor", "shape", *_SHAPES),
    "type": _set("tensor", "type", *range(-1, 20), 127, -128),
    "all types": _set("every tensor", "type", *range(-1, 20), 127),
    "buffer": _set("tensor", "buffer", 0, 1, 2, 1 << 20, (1 << 32) - 1),
    "all buffers": _set("every tensor", "buffer", 0, 1, 2, (1 << 32) - 1),
    "name": _set("tensor", "name", None, b"\xff\xfe", b"*/\n\"'%s\0", b"../" * 99, b"n" * 100_000),
    "quantization": _set("tensor", "quantization", None),
    "no quantization": _set("every tensor", "quantization", None),
    "scale": _set("quantization", "scale", *_FLOATS),
    "zero point": _set("quantization", "zeroPoint", *_POINTS),
    "dimension": _set("quantization", "quantizedDimension", -1, 1, 3, 4, 2**31 - 1, -(2**31)),
    "variable": _set("tensor", "isVariable", True),
    "inputs": _set("operator", "inputs", *_INDICES),
    "outputs": _set("operator", "outputs", *_INDICES),
    "opcode": _set("operator", "opcodeIndex", 1, 5, 1000, (1 << 32) - 1),
    "option": _option,
    "other options": _other_options,
    "other operator": _other_operator,
    "shuffled": _shuffled_tensors,
    "ring": _ring,
    "buffer outside": _buffer_outside,
    "buffer size": _buffer_size,
    "constants": _constant_values,
    "no operator codes": _set("model", "operatorCodes", None, []),
    "no subgraphs": _set("model", "subgraphs", None, []),
    "no buffers": _set("model", "buffers", None, []),
    "no tensors": _set("graph", "tensors", None, []),
    "no operators": _set("graph", "operators", None, []),
    "no inputs": _set("graph", "inputs", None, []),
    "no outputs": _set("graph", "outputs", None, []),
    "ends": _ends,
    "subgraphs": _more_subgraphs,
}
