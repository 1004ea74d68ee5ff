"""An operator in its graph: its tensors and options, checked, and the call that it becomes.

A check that fails raises ``RefusalError``; ``lower`` adds which operator it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.base.arrays import Array
from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.quantization import LIMITS, Clamp, activation_clamp
from host.models.tflite import Graph, Operator, Tensor

INT8_HINT = (
    "Convert the model to int8 throughout: TFLITE_BUILTINS_INT8, a representative data set, and "
    "tf.int8 as inference_input_type and inference_output_type."
)
_ROLES = ("left", "right")  # of two operands


class RefusalError(ValueError):
    """What the kernels cannot do; the reason continues a sentence about the operator: ``has …``."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.hint = hint


def require(condition: object, reason: str, hint: str | None = None) -> None:
    """Raise ``RefusalError`` unless the condition is true."""
    if not condition:
        raise RefusalError(reason, hint)


@dataclass(frozen=True)
class OperatorContext:
    """One operator of a graph; ``positions`` are those of the inputs that it computes with.

    The other inputs are constants: weights, axes, shapes. Every method may raise ``RefusalError``.
    """

    graph: Graph
    operator: Operator
    positions: tuple[int, ...] = (0,)

    @property
    def operands(self) -> tuple[Tensor, ...]:
        """What the operator computes with."""
        return tuple(self.tensor(position) for position in self.positions)

    @property
    def x(self) -> Tensor:
        """The first operand, or the only one."""
        return self.tensor(self.positions[0])

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that the operator writes."""
        return tuple(self.graph.tensors[i] for i in self.operator.outputs)

    @property
    def y(self) -> Tensor:
        """The first output, or the only one."""
        return self.outputs[0]

    def option(self, name: str) -> Any:
        """A built-in option by its schema name."""
        require(name in self.operator.options, f"lacks its option {name}")
        return self.operator.options[name]

    def has_input(self, position: int) -> bool:
        """False where an optional input is absent."""
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] != -1

    def tensor(self, position: int) -> Tensor:
        """An input tensor that must be there."""
        require(self.has_input(position), f"lacks input {position}")
        return self.graph.tensors[self.operator.inputs[position]]

    def constant(self, position: int, role: str, *types: str) -> Array:
        """A constant input of one of these types, int32 unless others are given."""
        tensor, types = self.tensor(position), types or ("int32",)
        name = f"{role} {tensor.name!r}"
        require(tensor.dtype in types, f"has {name} of type {tensor.dtype}, not {types[0]}")
        if tensor.data is None:
            raise RefusalError(f"has {name} that are not constant")
        return tensor.data

    def integers(self, position: int, role: str, *types: str) -> list[int]:
        """A constant list of integers, as ``constant``."""
        values = self.constant(position, role, *types)
        require(values.ndim == 1, f"has {role} of shape {values.shape}")
        return [int(v) for v in values]

    def integer(self, position: int, role: str) -> int:
        """A constant of one int32."""
        values = self.constant(position, role)
        require(values.size == 1, f"has {role} of shape {values.shape}")
        return int(values.item())

    def weights(self, rank: int, position: int = 1) -> tuple[Array, tuple[float, ...]]:
        """Constant symmetric int8 weights, and their scales: one, or one per output channel."""
        values, tensor = self.constant(position, "weights", "int8"), self.tensor(position)
        name, q = f"weights {tensor.name!r}", tensor.quantization
        require(len(tensor.shape) == rank and tensor.size, f"has {name} of shape {tensor.shape}")
        if q is None or not all(_usable(s) for s in q.scales):
            raise RefusalError(f"has {name} without usable scales")
        require(not any(q.zero_points), f"has {name} with a zero point other than 0")
        axis, count = self.operator.channel_axis, len(q.scales)
        require(
            count == 1 or (count == tensor.shape[axis] and q.axis == axis),
            f"has {name} of shape {tensor.shape} with {count} scales along dimension {q.axis}; "
            f"expected one, or one for each index of dimension {axis}",
        )
        return values, q.scales

    def bias(self, position: int, count: int, dtype: str = "int32") -> Array:
        """A constant bias for each of ``count`` output channels."""
        values = self.constant(position, "bias", dtype)
        name = self.tensor(position).name
        require(values.size == count, f"has bias {name!r} of shape {values.shape}")
        return values.reshape(count)

    def clamp(self) -> Clamp:
        """The output's range, from its type and the fused activation."""
        activation = int(self.option("fusedActivationFunction"))
        return activation_clamp(activation, self.y.scale, self.y.zero_point, LIMITS[self.y.dtype])

    def check_output_shape(self, expected: tuple[int, ...], position: int = 0) -> None:
        """Check an output's shape, which TFLite-Micro takes from the file, unchecked."""
        shape = self.outputs[position].shape
        require(shape == expected, f"has output shape {shape}, expected {expected}")

    def lowered(
        self,
        type_name: str,
        params: Struct,
        lead: int | None = None,
        scratch: int = 0,
        kernel: str | None = None,
    ) -> Lowered:
        """One call of a kernel, which makes the output of the operands; see ``calling``.

        The kernel is named as the operator, unless ``kernel`` says another, and takes scratch
        memory where ``scratch`` is not 0.
        """
        values = tuple(
            t.index if t.data is None else Constant(role, t.data)
            for t, role in zip(self.operands, _ROLES, strict=False)
        )
        name = kernel or self.operator.name.lower()
        call = Call(name, type_name, params, values, self.y.index)
        return self.calling(call, lead=lead, scratch=scratch)

    def calling(self, *calls: Call, lead: int | None = None, scratch: int = 0) -> Lowered:
        """Calls that make the outputs of the operands.

        Args:
            lead: in bytes, see ``Lowered``; None where the output must not be laid over an operand.
                Of two operands, one that is broadcast is read again, and so never written over.
            scratch: bytes of scratch memory.
        """
        operands, outputs = self.operands, self.operator.outputs
        computed = [t for t in operands if t.data is None]
        over = [t.index for t in computed if len(operands) == 1 or t.size == self.y.size]
        overlaid = () if lead is None else tuple(over)
        inputs = tuple(t.index for t in computed)
        return Lowered(self.operator, inputs, outputs, calls, scratch, overlaid, lead or 0)

    def view(self) -> Lowered:
        """Nothing to compute: the output is the first operand, in another shape."""
        return Lowered(self.operator, (self.x.index,), (self.y.index,), ())


def check_type(
    tensor: Tensor, role: str, types: Sequence[str], hint: str | None = INT8_HINT
) -> None:
    """Check that a tensor has one of these types, and no empty dimension.

    int8, uint8 and int16 must be quantized: with one scale, and a zero point within the type;
    int16's is 0.
    """
    name, expected = f"{role} {tensor.name!r}", " or ".join(types)
    require(tensor.dtype in types, f"has {name} of type {tensor.dtype}, not {expected}", hint)
    require(tensor.size, f"has {name} with an empty shape {tensor.shape}")
    if tensor.dtype in LIMITS:
        check_scale(tensor, name, Clamp(0, 0) if tensor.dtype == "int16" else LIMITS[tensor.dtype])


def check_scale(tensor: Tensor, name: str, zero_points: Clamp) -> None:
    """Check that a tensor has one usable scale, and a zero point in a range."""
    q = tensor.quantization
    if q is None:
        raise RefusalError(f"has {name} without a scale")
    require(not q.per_channel, f"has {name} with one scale per channel")
    require(_usable(q.scale), f"has {name} with scale {q.scale}")
    inside = zero_points.minimum <= q.zero_point <= zero_points.maximum
    require(inside, f"has {name} with zero point {q.zero_point}")


def from_front(axis: int, rank: int) -> int:
    """An axis that may be counted from the end, counted from the front."""
    require(-rank <= axis < rank, f"has axis {axis} for rank {rank}")
    return axis % rank


def broadcast_shape(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which two are broadcast, as NumPy does it."""
    try:
        return np.broadcast_shapes(left, right)
    except ValueError:
        raise RefusalError(
            f"has input shapes {left} and {right}, which cannot be broadcast"
        ) from None


def _usable(scale: float) -> bool:
    return math.isfinite(scale) and bool(np.float32(scale) > 0)
