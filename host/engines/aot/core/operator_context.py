"""An operator in its graph, with the checks that every lowering needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.base.errors import OperatorError
from host.engines.aot.core.quantization import LIMITS, Clamp, activation_clamp
from host.models.tflite import Graph, Operator, Tensor

INT8_HINT = (
    "Convert the model to int8 throughout: TFLITE_BUILTINS_INT8, a representative data set, and "
    "tf.int8 as inference_input_type and inference_output_type."
)
INT8 = ("int8",)


@dataclass(frozen=True)
class Site:
    """One operator of a graph. Everything below raises OperatorError where a check fails."""

    graph: Graph
    operator: Operator

    def refuse(self, reason: str, hint: str | None = None) -> OperatorError:
        """The error to raise; ``reason`` goes on from the operator's name: ``has …``."""
        return OperatorError(f"{self.graph.describe(self.operator)} {reason}", hint)

    def option(self, name: str) -> Any:
        """A built-in option by its schema name."""
        if name not in self.operator.options:
            raise self.refuse(f"lacks its option {name}")
        return self.operator.options[name]

    def count_inputs(self, least: int, most: int, outputs: int = 1) -> None:
        """Check how many inputs there are, and how many outputs."""
        count = len(self.operator.inputs)
        if not least <= count <= most:
            raise self.refuse(f"has {count} inputs")
        if len(self.operator.outputs) != outputs:
            raise self.refuse(f"has {len(self.operator.outputs)} outputs")

    def has_input(self, position: int) -> bool:
        """False where an optional input is absent."""
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] != -1

    def tensor(self, position: int) -> Tensor:
        """An input tensor that must be there."""
        if not self.has_input(position):
            raise self.refuse(f"lacks input {position}")
        return self.graph.tensors[self.operator.inputs[position]]

    def operand(self, position: int, types: Sequence[str] = INT8) -> Tensor:
        """An input of one of these types, computed or constant."""
        tensor = self.tensor(position)
        self.check_type(tensor, "input", types)
        return tensor

    def activation(self, position: int = 0, types: Sequence[str] = INT8) -> Tensor:
        """An input of one of these types that is computed, not constant."""
        tensor = self.tensor(position)
        if tensor.data is not None:
            raise self.refuse(f"has constant input {tensor.name!r}")
        self.check_type(tensor, "input", types)
        return tensor

    def output(self, position: int = 0, types: Sequence[str] = INT8) -> Tensor:
        """An output of one of these types."""
        tensor = self.graph.tensors[self.operator.outputs[position]]
        self.check_type(tensor, "output", types)
        return tensor

    def check_type(self, tensor: Tensor, role: str, types: Sequence[str]) -> None:
        """Check that a tensor has one of these types, and no empty dimension.

        int8, uint8 and int16 must be quantized: with one scale, and a zero point within the type;
        int16's is 0.
        """
        name = f"{role} {tensor.name!r}"
        if tensor.dtype not in types:
            expected = " or ".join(types)
            raise self.refuse(f"has {name} of type {tensor.dtype}, not {expected}", INT8_HINT)
        if tensor.size == 0:
            raise self.refuse(f"has {name} with an empty shape {tensor.shape}")
        if tensor.dtype not in LIMITS:
            return
        quantization = tensor.quantization
        if quantization is None:
            raise self.refuse(f"has {name} without a scale")
        if quantization.per_channel:
            raise self.refuse(f"has {name} with one scale per channel")
        if not _usable(quantization.scale):
            raise self.refuse(f"has {name} with scale {quantization.scale}")
        zero_point = quantization.zero_point
        limits = LIMITS[tensor.dtype]
        if not limits.minimum <= zero_point <= limits.maximum or (
            tensor.dtype == "int16" and zero_point != 0
        ):
            raise self.refuse(f"has {name} with zero point {zero_point}")

    def constant(self, position: int, dtype: str, role: str) -> tuple[Tensor, npt.NDArray[Any]]:
        """A constant input of a type, and its values."""
        tensor = self.tensor(position)
        if tensor.dtype != dtype:
            raise self.refuse(f"has {role} {tensor.name!r} of type {tensor.dtype}, not {dtype}")
        if tensor.data is None:
            raise self.refuse(f"has {role} {tensor.name!r} that are not constant")
        return tensor, tensor.data

    def integers(self, position: int, role: str, types: Sequence[str] = ("int32",)) -> list[int]:
        """A constant list of integers of one of these types."""
        dtype = self.tensor(position).dtype
        _, values = self.constant(position, dtype if dtype in types else types[0], role)
        if values.ndim != 1:
            raise self.refuse(f"has {role} of shape {values.shape}")
        return [int(v) for v in values]

    def integer(self, position: int, role: str) -> int:
        """A constant of one int32."""
        values = self.constant(position, "int32", role)[1]
        if values.size != 1:
            raise self.refuse(f"has {role} of shape {values.shape}")
        return int(values.item())

    def axis(self, axis: int, rank: int) -> int:
        """An axis that may be counted from the end, as one that is not."""
        if not -rank <= axis < rank:
            raise self.refuse(f"has axis {axis} for rank {rank}")
        return axis % rank

    def weights(self, position: int, rank: int, axis: int) -> tuple[Tensor, tuple[float, ...]]:
        """Constant symmetric int8 weights, and their scales: one, or one per index of ``axis``."""
        tensor, _ = self.constant(position, "int8", "weights")
        if len(tensor.shape) != rank or tensor.size == 0:
            raise self.refuse(f"has weights {tensor.name!r} of shape {tensor.shape}")
        quantization = tensor.quantization
        if quantization is None or not all(_usable(s) for s in quantization.scales):
            raise self.refuse(f"has weights {tensor.name!r} without usable scales")
        if any(quantization.zero_points):
            raise self.refuse(f"has weights {tensor.name!r} with a zero point other than 0")
        count = len(quantization.scales)
        if count > 1 and (count != tensor.shape[axis] or quantization.axis != axis):
            raise self.refuse(
                f"has weights {tensor.name!r} of shape {tensor.shape} with {count} scales "
                f"along dimension {quantization.axis}; expected one, or one for each index "
                f"of dimension {axis}"
            )
        return tensor, quantization.scales

    def clamp(self) -> Clamp:
        """The output's range, from its type and the fused activation."""
        y = self.output(types=tuple(LIMITS))
        activation = int(self.option("fusedActivationFunction"))
        return activation_clamp(activation, scale_of(y), zero_point_of(y), LIMITS[y.dtype])

    def check_output_shape(self, expected: tuple[int, ...], position: int = 0) -> None:
        """Check an output's shape, which TFLite-Micro takes from the file, unchecked."""
        shape = self.graph.tensors[self.operator.outputs[position]].shape
        if shape != expected:
            raise self.refuse(f"has output shape {shape}, expected {expected}")


def scale_of(tensor: Tensor) -> float:
    """Scale of a tensor that ``check_type`` has passed and that is quantized."""
    assert tensor.quantization is not None
    return tensor.quantization.scale


def zero_point_of(tensor: Tensor) -> int:
    """Zero point of a tensor that ``check_type`` has passed and that is quantized."""
    assert tensor.quantization is not None
    return tensor.quantization.zero_point


def _usable(scale: float) -> bool:
    return math.isfinite(scale) and bool(np.float32(scale) > 0)
