"""The files of a trace in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.base.files import replacing, write_text
from host.commands.trace.document import document
from host.commands.trace.values import Trace

VALUES = "tensors.npz"
RESULTS = ("trace.json", VALUES)


def write_trace(trace: Trace, device: Mapping[int, Array], host: Mapping[int, Array]) -> Path:
    """Write tensors.npz, where tensors were asked for, and trace.json; the path of trace.json.

    Args:
        trace: what was found.
        device, host: the tensors that were asked for, by index, each in its full shape. They are
            ``device_<index>`` and ``host_<index>`` in the file: a name may hold anything.

    Raises:
        MachineError: the folder cannot be written to.
    """
    if device:
        arrays = {f"device_{index}": values for index, values in device.items()}
        arrays |= {f"host_{index}": values for index, values in host.items()}
        with replacing(trace.deployed.folder / VALUES) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    path = trace.deployed.folder / "trace.json"
    write_text(path, json.dumps(document(trace), indent=2, allow_nan=False) + "\n")
    return path
