"""A trace as one JSON object, and its files."""

from collections.abc import Mapping
from typing import Literal

from host.base.arrays import Array
from host.commands.trace.values import Trace, TracedOutput, TracedTensor
from host.deployment.deployed import DeployedDocument, common
from host.report.document import DOCUMENT, write_report
from host.verdict.differences import FirstDifference

VALUES = "tensors.npz"
RESULTS = (DOCUMENT, VALUES)


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
