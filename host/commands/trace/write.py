"""The files of a trace in its folder."""

from __future__ import annotations

from collections.abc import Mapping

from host.base.arrays import Array
from host.commands.trace.document import document
from host.commands.trace.values import Trace
from host.report.document import DOCUMENT, write_report

VALUES = "tensors.npz"
RESULTS = (DOCUMENT, VALUES)


def write_trace(trace: Trace, device: Mapping[int, Array], host: Mapping[int, Array]) -> None:
    """Write the document and, where tensors were asked for, tensors.npz.

    Args:
        trace: the result.
        device, host: the tensors that were asked for, by index, each in its full shape. They are
            ``device_<index>`` and ``host_<index>`` in the file: a name may hold anything.

    Raises:
        MachineError: the folder cannot be written to.
    """
    arrays = {f"device_{index}": values for index, values in device.items()}
    arrays |= {f"host_{index}": values for index, values in host.items()}
    write_report(trace.deployed.folder, document(trace), {VALUES: arrays} if arrays else {})
