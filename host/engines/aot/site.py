"""An operator in its graph, with the checks that every lowering needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.engines.aot.quantization import INT8_MAX, INT8_MIN, Clamp, activation_clamp
from host.errors import OperatorError
from host.models.tflite import Graph, Operator, Quantization, Tensor

INT8_HINT = (
    "Convert the model to int8 throughout: TFLITE_BUILTINS_INT8, a representative data set, and "
    "tf.int8 as inference_input_type and inference_output_type. For int16 there is --engine tflm."
)


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

    def count_inputs(self, least: int, most: int) -> None:
        """Check how many inputs there are, and that there is one output."""
        count = len(self.operator.inputs)
        if not least <= count <= most:
            raise self.refuse(f"has {count} inputs")
        if len(self.operator.outputs) != 1:
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

    def activation(self, position: int = 0) -> Tensor:
        """An int8 input that is computed, not constant."""
        tensor = self.tensor(position)
        if tensor.data is not None:
            raise self.refuse(f"has constant input {tensor.name!r}")
        self.check_int8(tensor, "input")
        return tensor

    def output(self) -> Tensor:
        """The int8 output."""
        tensor = self.graph.tensors[self.operator.outputs[0]]
        self.check_int8(tensor, "output")
        return tensor

    def check_int8(self, tensor: Tensor, role: str) -> Quantization:
        """Check that a tensor is int8 with one scale, and has no empty dimension."""
        if tensor.dtype != "int8":
            reason = f"has {role} {tensor.name!r} of type {tensor.dtype}, not int8"
            raise self.refuse(reason, INT8_HINT)
        if tensor.size == 0:
            raise self.refuse(f"has {role} {tensor.name!r} with an empty shape {tensor.shape}")
        quantization = tensor.quantization
        if quantization is None:
            raise self.refuse(f"has {role} {tensor.name!r} without a scale")
        if quantization.per_channel:
            raise self.refuse(f"has {role} {tensor.name!r} with one scale per channel")
        if not _usable(quantization.scale):
            raise self.refuse(f"has {role} {tensor.name!r} with scale {quantization.scale}")
        if not INT8_MIN <= quantization.zero_point <= INT8_MAX:
            raise self.refuse(
                f"has {role} {tensor.name!r} with zero point {quantization.zero_point}"
            )
        return quantization

    def constant(self, position: int, dtype: str, role: str) -> tuple[Tensor, npt.NDArray[Any]]:
        """A constant input of a type, and its values."""
        tensor = self.tensor(position)
        if tensor.dtype != dtype:
            raise self.refuse(f"has {role} {tensor.name!r} of type {tensor.dtype}, not {dtype}")
        if tensor.data is None:
            raise self.refuse(f"has {role} {tensor.name!r} that are not constant")
        return tensor, tensor.data

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
        """The output's range, from the fused activation."""
        quantization = self.check_int8(self.output(), "output")
        activation = int(self.option("fusedActivationFunction"))
        return activation_clamp(activation, quantization.scale, quantization.zero_point)

    def check_output_shape(self, expected: tuple[int, ...]) -> None:
        """Check the output's shape, which TFLite-Micro takes from the file, unchecked."""
        shape = self.output().shape
        if shape != expected:
            raise self.refuse(f"has output shape {shape}, expected {expected}")


def scale_of(tensor: Tensor) -> float:
    """Scale of a tensor that ``check_int8`` has passed."""
    assert tensor.quantization is not None
    return tensor.quantization.scale


def zero_point_of(tensor: Tensor) -> int:
    """Zero point of a tensor that ``check_int8`` has passed."""
    assert tensor.quantization is not None
    return tensor.quantization.zero_point


def _usable(scale: float) -> bool:
    return math.isfinite(scale) and bool(np.float32(scale) > 0)
