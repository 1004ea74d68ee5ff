"""The values of `trace`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from host.deployment.deployed import Deployed
from host.firmware.rendered import ExecutedOperator
from host.verdict.differences import FirstDifference, TensorDifference


@dataclass(frozen=True)
class TracedOutput:
    """An operator's output for one sample: the CRC-32 on the device, and by TFLM on the host."""

    operator: ExecutedOperator
    tensor_name: str
    shape: tuple[int, ...]
    device_crc: int
    host_crc: int

    @property
    def equal(self) -> bool:
        """Whether both are the same."""
        return self.device_crc == self.host_crc


@dataclass(frozen=True)
class TracedTensor:
    """A tensor whose values were fetched; ``difference`` is None where all are equal."""

    operator: ExecutedOperator
    tensor_name: str
    shape: tuple[int, ...]
    difference: TensorDifference | None

    def as_first(self, sample: int) -> FirstDifference:
        """The tensor as the first that differs."""
        return FirstDifference(self.operator, self.tensor_name, sample, self.difference)


@dataclass(frozen=True)
class Trace:
    """What every operator computes for one sample, on the device and on the host.

    Attributes:
        outputs: every output, in the order in which the device computes them.
        first: the first that differs, with its values; None where all are equal.
        tensors: those that were asked for; their values are in ``tensors.npz`` in the folder.
        oracle: TFLM on the host and its version.
    """

    deployed: Deployed
    sample: int
    outputs: tuple[TracedOutput, ...]
    first: FirstDifference | None
    tensors: tuple[TracedTensor, ...]
    oracle: str
    versions: Mapping[str, str]

    @property
    def match(self) -> bool:
        """Whether all that was asked for is equal: the named tensors, else every output."""
        if self.tensors:
            return all(tensor.difference is None for tensor in self.tensors)
        return all(output.equal for output in self.outputs)
