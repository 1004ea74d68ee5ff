"""Renders a lowered model as C++: tables, parameter structs and straight-line calls."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from host import __version__
from host.engines.aot import memory
from host.engines.aot.core.ir import Constant, Lowered, Struct, Value, constants_of
from host.firmware import cpp
from host.firmware.rendered import ALIGNMENT, ArenaBlock
from host.models.tflite import TYPE_CODES, Graph


@dataclass(frozen=True)
class Source:
    """A lowered model whose tensors lie in an arena, as C++."""

    graph: Graph
    lowered: Sequence[Lowered]
    arena: Sequence[ArenaBlock]

    @cached_property
    def names(self) -> dict[Constant, str]:
        """The C++ names of all constants; equal tables share one."""
        names: dict[Constant, str] = {}
        known: dict[tuple[str, bytes], str] = {}
        for position, step in enumerate(self.lowered):
            for number, constant in enumerate(constants_of(step)):
                key = (constant.values.dtype.name, constant.data)
                names[constant] = known.setdefault(key, f"op{position}_{number}_{constant.role}")
        return names

    @property
    def tables(self) -> dict[str, Constant]:
        """Every table once, by name, in the order in which they are emitted and digested."""
        return {name: constant for constant, name in self.names.items()}

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the file's SHA-256 and then of every table as it lies in memory."""
        hashed = hashlib.sha256(bytes.fromhex(self.graph.sha256))
        for constant in self.tables.values():
            hashed.update(constant.data)
        return hashed.hexdigest()

    def render(self) -> str:
        """The generated ``model.cc``. No name from the .tflite file gets into it."""
        return cpp.render(
            "aot_model.cc.j2",
            version=__version__,
            sha256=cpp.byte_lines(bytes.fromhex(self.graph.sha256)),
            arena_bytes=memory.arena_bytes(self.arena),
            alignment=ALIGNMENT,
            constants=[
                {
                    "name": name,
                    "ctype": _ctype(constant.values.dtype.name),
                    "count": constant.values.size,
                    "entries": cpp.lines(map(_number, constant.values.reshape(-1).tolist())),
                }
                for name, constant in self.tables.items()
            ],
            inputs=[self._tensor(index) for index in self.graph.inputs],
            outputs=[self._tensor(index) for index in self.graph.outputs],
            steps=[self._step(position, step) for position, step in enumerate(self.lowered)],
            output_count=sum(len(step.outputs) for step in self.lowered),
        )

    @cached_property
    def _offsets(self) -> dict[int, int]:
        return {block.tensor: block.offset for block in self.arena}

    def _at(self, index: int) -> str:
        return f"at<{_ctype(self.graph.tensors[index].dtype)}>({self._offsets[index]})"

    def _tensor(self, index: int) -> str:
        """An initialiser of ``model::Tensor``."""
        tensor = self.graph.tensors[index]
        q = tensor.quantization
        scale, zero_point = (q.scale, q.zero_point) if q is not None else (0.0, 0)
        shape = ", ".join(map(str, tensor.shape))
        kind = TYPE_CODES[tensor.dtype]
        return (
            f"{{arena + {self._offsets[index]}, {tensor.nbytes}, {kind}, {len(tensor.shape)}, "
            f"{{{shape}}}, {_number(float(np.float32(scale)))}, {zero_point}}}"
        )

    def _step(self, position: int, step: Lowered) -> dict[str, object]:
        """An operator as the template sees it; ``outputs`` are offset and size of each."""
        params, calls = [], []
        for number, call in enumerate(step.calls):
            name = f"op{position}" if len(step.calls) == 1 else f"op{position}_{number}"
            initialiser = self._struct(call.params, "    ")
            params.append({"type_name": call.type_name, "name": name, "initialiser": initialiser})
            arguments = [
                self.names[operand] if isinstance(operand, Constant) else self._at(operand)
                for operand in (*call.operands, call.output)
            ]
            if step.scratch:
                arguments.append(f"at<int8_t>({self._offsets[memory.scratch_key(position)]})")
            calls.append(f"aot::{call.kernel}({', '.join([name, *arguments])});")
        outputs = [(self._offsets[i], self.graph.tensors[i].nbytes) for i in step.outputs]
        comment = f"{position}: {step.operator.name}"
        return {"comment": comment, "params": params, "calls": calls, "outputs": outputs}

    def _struct(self, struct: Struct, indent: str) -> str:
        return "\n".join(
            f"{indent}/*{name}=*/{self._value(value, indent)},"
            for name, value in struct.fields.items()
        )

    def _value(self, value: Value, indent: str) -> str:
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, tuple):
            return "{" + ", ".join(map(_number, value)) + "}"
        if isinstance(value, Constant):
            return self.names[value]
        return "{\n" + self._struct(value, indent + "    ") + f"\n{indent}}}"


def _ctype(dtype: str) -> str:
    return {"float32": "float", "bool": "bool"}.get(dtype, f"{dtype}_t")


def _number(value: int | float) -> str:
    if isinstance(value, float):
        # A float written in hexadecimal is exact.
        return value.hex() + "f"
    # In C++, −2147483648 is the negative of a number that is no int32.
    return {-(2**31): "INT32_MIN", -(2**63): "INT64_MIN"}.get(value, str(value))
