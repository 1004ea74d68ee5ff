"""A trace, the JSON object that it becomes, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from host.base.arrays import Array
from host.deployment.deployed import Deployed, DeployedDocument, common
from host.firmware.rendered import ExecutedOperator
from host.report.document import DOCUMENT, derived, write_report
from host.report.formats import many, number, plain
from host.verdict.differences import FirstDifference, TensorDifference, difference

VALUES = "tensors.npz"
RESULTS = (DOCUMENT, VALUES)


@dataclass(frozen=True)
class TracedOutput(ExecutedOperator):
    """An operator's output for one sample, by the CRC-32 of its bytes."""

    tensor_name: str
    """The tensor's name."""
    shape: tuple[int, ...]
    """Its shape."""
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
    """The tensor's name."""
    shape: tuple[int, ...]
    """Its shape."""
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

    @property
    def match(self) -> bool:
        """Whether all that was asked for is equal: the named tensors, else every output."""
        if self.tensors:
            return all(tensor.equal for tensor in self.tensors)
        return all(output.equal for output in self.outputs)

    @property
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


class TraceDocument(DeployedDocument):
    """What every operator computes for one sample, on the device and on the host."""

    schema_version: Literal[1] = 1
    verdict: Literal["match", "differs"]
    """match: all that was asked for is equal on the device and on the host."""
    headline: str
    """The result in one line."""
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


def document(trace: Trace) -> TraceDocument:
    """The trace's document; ``created`` is the time of this call."""
    return TraceDocument(
        **common(trace.deployed),
        verdict="match" if trace.match else "differs",
        headline=trace.headline,
        sample=trace.sample,
        outputs=trace.outputs,
        first_difference=trace.first,
        tensors=trace.tensors,
        oracle=trace.oracle,
    )


def write_trace(trace: Trace, device: Mapping[int, Array], host: Mapping[int, Array]) -> None:
    """Write the document and, where tensors were asked for, tensors.npz.

    Args:
        device, host: the tensors that were asked for, by index, each in its full shape. They are
            ``device_<index>`` and ``host_<index>`` in the file: a name may hold anything.

    Raises:
        MachineError: the folder cannot be written to.
    """
    arrays = {f"device_{index}": values for index, values in device.items()}
    arrays |= {f"host_{index}": values for index, values in host.items()}
    write_report(trace.deployed.folder, document(trace), {VALUES: arrays} if arrays else {})
