"""Renders a lowered model as C++: tables, parameter structs and straight-line calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from host import __version__
from host.engines import cpp
from host.engines.aot.ir import Constant, Lowered, Struct, Value, constants_of
from host.engines.aot.memory import ALIGNMENT, arena_bytes
from host.models.tflite import Graph, Tensor
from host.records import ArenaBlock


@dataclass(frozen=True)
class NamedConstant:
    """A constant with its C++ name; ``count`` elements of type ``ctype``."""

    name: str
    ctype: str
    count: int
    values: str
    data: bytes


@dataclass(frozen=True)
class _Step:
    """An operator as the template sees it."""

    comment: str
    type_name: str
    params_name: str
    params: str
    call: str
    offset: int
    nbytes: int


def named_constants(lowered: Sequence[Lowered]) -> dict[Constant, NamedConstant]:
    """All constants in the order in which they are emitted and digested."""
    return {
        constant: _named(f"op{position}_{constant.role}", constant)
        for position, step in enumerate(lowered)
        for constant in constants_of(step)
    }


def digest(graph: Graph, constants: Mapping[Constant, NamedConstant]) -> str:
    """SHA-256, in hex, of the file's SHA-256 and then of every constant as it lies in memory."""
    hashed = hashlib.sha256(bytes.fromhex(graph.sha256))
    for constant in constants.values():
        hashed.update(constant.data)
    return hashed.hexdigest()


def render(
    graph: Graph,
    lowered: Sequence[Lowered],
    arena: Sequence[ArenaBlock],
    constants: Mapping[Constant, NamedConstant],
) -> dict[str, str]:
    """The generated files by name. No name from the .tflite file gets into them."""
    offsets = {block.tensor: block.offset for block in arena}
    text = cpp.render(
        "aot_model.cc.j2",
        version=__version__,
        sha256=cpp.byte_lines(bytes.fromhex(graph.sha256)),
        arena_bytes=arena_bytes(arena),
        alignment=ALIGNMENT,
        constants=list(constants.values()),
        inputs=[_tensor(graph.tensors[i], offsets) for i in graph.inputs],
        outputs=[_tensor(graph.tensors[i], offsets) for i in graph.outputs],
        steps=[
            _step(position, step, graph, offsets, constants)
            for position, step in enumerate(lowered)
        ],
    )
    return {"model.cc": text, "build.json": json.dumps({"engine": "aot"}) + "\n"}


def _named(name: str, constant: Constant) -> NamedConstant:
    values = constant.values.reshape(-1)
    return NamedConstant(
        name=name,
        ctype=f"{values.dtype.name}_t",
        count=values.size,
        values=cpp.lines(_integer(v) for v in values.tolist()),
        data=constant.data,
    )


def _integer(value: int) -> str:
    # In C++, −2147483648 is the negative of a number that is no int32.
    return "INT32_MIN" if value == -(2**31) else str(value)


def _tensor(tensor: Tensor, offsets: Mapping[int, int]) -> str:
    """An initialiser of ``model::Tensor``."""
    assert tensor.quantization is not None
    # A float written in hexadecimal is exact.
    scale = float(np.float32(tensor.quantization.scale)).hex() + "f"
    shape = ", ".join(map(str, tensor.shape))
    return (
        f"{{arena + {offsets[tensor.index]}, {tensor.nbytes}, {len(tensor.shape)}, "
        f"{{{shape}}}, {scale}, {tensor.quantization.zero_point}}}"
    )


def _step(
    position: int,
    step: Lowered,
    graph: Graph,
    offsets: Mapping[int, int],
    constants: Mapping[Constant, NamedConstant],
) -> _Step:
    output = offsets[step.output]
    comment = f"{position}: {step.operator.name}"
    nbytes = graph.tensors[step.output].nbytes
    if step.call is None:
        return _Step(comment, "", "", "", "", output, nbytes)
    operands = [
        constants[operand].name if isinstance(operand, Constant) else f"at({offsets[operand]})"
        for operand in step.call.operands
    ]
    name = f"op{position}"
    call = f"aot::{step.call.kernel}({', '.join([name, *operands, f'at({output})'])});"
    params = _struct(step.call.params, constants, "    ")
    return _Step(comment, step.call.type_name, name, params, call, output, nbytes)


def _struct(struct: Struct, constants: Mapping[Constant, NamedConstant], indent: str) -> str:
    return "\n".join(
        f"{indent}/*{name}=*/{_value(value, constants, indent)}," for name, value in struct.fields
    )


def _value(value: Value, constants: Mapping[Constant, NamedConstant], indent: str) -> str:
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, tuple):
        return "{" + ", ".join(map(_integer, value)) + "}"
    if isinstance(value, Constant):
        return constants[value].name
    return "{\n" + _struct(value, constants, indent + "    ") + f"\n{indent}}}"
