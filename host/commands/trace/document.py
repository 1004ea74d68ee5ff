"""A trace as one JSON object."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from host.deployment.deployed import DeployedDocument
from host.firmware.rendered import ExecutedOperator
from host.report.document import derived
from host.report.formats import many, number, plain
from host.verdict.differences import FirstDifference, TensorDifference, difference


@dataclass(frozen=True)
class TracedOutput(ExecutedOperator):
    """An operator's output for one sample, by the CRC-32 of its bytes."""

    tensor_name: str
    shape: tuple[int, ...]
    device_crc: int
    """The CRC-32 on the device."""
    host_crc: int
    """The CRC-32 by TFLM on the host."""

    @derived
    def equal(self) -> bool:
        """Whether both are the same."""
        return self.device_crc == self.host_crc


@dataclass(frozen=True)
class TracedTensor(ExecutedOperator):
    """A tensor that was asked for; its values are in tensors.npz."""

    tensor_name: str
    shape: tuple[int, ...]
    values: TensorDifference | None
    """How its values differ; null where all are equal."""

    @derived
    def equal(self) -> bool:
        """Whether all values are equal."""
        return self.values is None

    @derived
    def text(self) -> str:
        """The same in a sentence."""
        who = f"tensor {self.tensor} '{plain(self.tensor_name)}' of operator {self.index} "
        who += plain(self.name)
        if self.values is None:
            return f"{who}: all {number(prod(self.shape))} values equal"
        return f"{who}: {difference(self.values)}"


class TraceDocument(DeployedDocument):
    """What every operator computes for one sample, on the device and on the host."""

    schema_version: Literal[1] = 1
    sample: int
    """Index of the sample."""
    outputs: tuple[TracedOutput, ...]
    """Every output, in the order in which the device computes them."""
    first_difference: FirstDifference | None
    """The first that differs; null where all are equal."""
    tensors: tuple[TracedTensor, ...]
    """Those that were asked for."""
    oracle: str
    """TFLM on the host and its version."""

    @derived
    def verdict(self) -> Literal["match", "differs"]:
        """match: all that was asked for is equal on the device and on the host."""
        return "match" if all(one.equal for one in self.tensors or self.outputs) else "differs"

    @derived
    def headline(self) -> str:
        """The result in one line."""
        compared = self.tensors or self.outputs
        what = many(len(self.tensors), "tensor")
        if not self.tensors:
            what = f"the outputs of all operators ({len(self.outputs)})"
        differ = sum(not one.equal for one in compared)
        if differ:
            verb = "differs" if differ == 1 else "differ"
            return f"sample {self.sample}: of {what}, {differ} {verb}"
        verb = "equals" if len(self.tensors) == 1 else "equal"
        return f"sample {self.sample}: {what} {verb} TFLM on the host"
