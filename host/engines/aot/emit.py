"""Renders a lowered model as C++: tables, parameter structs and straight-line calls."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from host import __version__
from host.engines.aot import memory
from host.engines.aot.core.ir import Constant, Lowered, Struct, Value, constants_of
from host.engines.aot.memory import arena_bytes
from host.firmware import cpp
from host.firmware.rendered import ALIGNMENT, ArenaBlock
from host.models.tflite import TYPE_CODES, Graph, Tensor


@dataclass(frozen=True)
class NamedConstant:
    """A constant with its C++ name; ``count`` elements of type ``ctype``."""

    name: str
    ctype: str
    count: int
    values: str
    data: bytes


def named_constants(lowered: Sequence[Lowered]) -> dict[Constant, NamedConstant]:
    """All constants; equal tables share a name."""
    named: dict[Constant, NamedConstant] = {}
    known: dict[tuple[str, bytes], NamedConstant] = {}
    for position, step in enumerate(lowered):
        for number, constant in enumerate(constants_of(step)):
            key = (constant.values.dtype.name, constant.data)
            if key not in known:
                known[key] = _named(f"op{position}_{number}_{constant.role}", constant)
            named[constant] = known[key]
    return named


def distinct(constants: Mapping[Constant, NamedConstant]) -> list[NamedConstant]:
    """Every table once, in the order in which they are emitted and digested."""
    return list({constant.name: constant for constant in constants.values()}.values())


def digest(graph: Graph, constants: Mapping[Constant, NamedConstant]) -> str:
    """SHA-256, in hex, of the file's SHA-256 and then of every constant as it lies in memory."""
    hashed = hashlib.sha256(bytes.fromhex(graph.sha256))
    for constant in distinct(constants):
        hashed.update(constant.data)
    return hashed.hexdigest()


def render(
    graph: Graph,
    lowered: Sequence[Lowered],
    arena: Sequence[ArenaBlock],
    constants: Mapping[Constant, NamedConstant],
) -> str:
    """The generated ``model.cc``. No name from the .tflite file gets into it."""
    offsets = {block.tensor: block.offset for block in arena}
    return cpp.render(
        "aot_model.cc.j2",
        version=__version__,
        sha256=cpp.byte_lines(bytes.fromhex(graph.sha256)),
        arena_bytes=arena_bytes(arena),
        alignment=ALIGNMENT,
        constants=distinct(constants),
        inputs=[_tensor(graph.tensors[i], offsets) for i in graph.inputs],
        outputs=[_tensor(graph.tensors[i], offsets) for i in graph.outputs],
        steps=[
            _step(position, step, graph, offsets, constants)
            for position, step in enumerate(lowered)
        ],
        output_count=sum(len(step.outputs) for step in lowered),
    )


def _named(name: str, constant: Constant) -> NamedConstant:
    values = constant.values.reshape(-1)
    return NamedConstant(
        name=name,
        ctype=_ctype(values.dtype.name),
        count=values.size,
        values=cpp.lines(_number(v) for v in values.tolist()),
        data=constant.data,
    )


def _ctype(dtype: str) -> str:
    return {"float32": "float", "bool": "bool"}.get(dtype, f"{dtype}_t")


def _number(value: int | float) -> str:
    if isinstance(value, float):
        # A float written in hexadecimal is exact.
        return value.hex() + "f"
    # In C++, −2147483648 is the negative of a number that is no int32.
    return {-(2**31): "INT32_MIN", -(2**63): "INT64_MIN"}.get(value, str(value))


def _tensor(tensor: Tensor, offsets: Mapping[int, int]) -> str:
    """An initialiser of ``model::Tensor``."""
    q = tensor.quantization
    scale, zero_point = (q.scale, q.zero_point) if q is not None else (0.0, 0)
    shape = ", ".join(map(str, tensor.shape))
    kind = TYPE_CODES[tensor.dtype]
    return (
        f"{{arena + {offsets[tensor.index]}, {tensor.nbytes}, {kind}, {len(tensor.shape)}, "
        f"{{{shape}}}, {_number(float(np.float32(scale)))}, {zero_point}}}"
    )


def _step(
    position: int,
    step: Lowered,
    graph: Graph,
    offsets: Mapping[int, int],
    constants: Mapping[Constant, NamedConstant],
) -> dict[str, object]:
    """An operator as the template sees it; ``outputs`` are offset and size of each."""

    def at(index: int) -> str:
        return f"at<{_ctype(graph.tensors[index].dtype)}>({offsets[index]})"

    params, calls = [], []
    for number, call in enumerate(step.calls):
        name = f"op{position}" if len(step.calls) == 1 else f"op{position}_{number}"
        initialiser = _struct(call.params, constants, "    ")
        params.append({"type_name": call.type_name, "name": name, "initialiser": initialiser})
        operands = [
            constants[operand].name if isinstance(operand, Constant) else at(operand)
            for operand in call.operands
        ]
        if call.scratch:
            operands.append(f"at<int8_t>({offsets[memory.scratch_key(position)]})")
        # The output stands before the scratch memory.
        operands.insert(len(call.operands), at(call.output))
        calls.append(f"aot::{call.kernel}({', '.join([name, *operands])});")
    outputs = [(offsets[index], graph.tensors[index].nbytes) for index in step.outputs]
    comment = f"{position}: {step.operator.name}"
    return {"comment": comment, "params": params, "calls": calls, "outputs": outputs}


def _struct(struct: Struct, constants: Mapping[Constant, NamedConstant], indent: str) -> str:
    return "\n".join(
        f"{indent}/*{name}=*/{_value(value, constants, indent)},"
        for name, value in struct.fields.items()
    )


def _value(value: Value, constants: Mapping[Constant, NamedConstant], indent: str) -> str:
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, tuple):
        return "{" + ", ".join(map(_number, value)) + "}"
    if isinstance(value, Constant):
        return constants[value].name
    return "{\n" + _struct(value, constants, indent + "    ") + f"\n{indent}}}"
