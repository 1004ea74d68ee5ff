"""All inputs and outputs of a run as one .npz, for a notebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.base.files import replacing
from host.commands.evaluate.values import Evaluation


def save_predictions(evaluation: Evaluation, path: Path) -> None:
    """Write the samples and what every column made of them, n rows each.

    Keys: ``x`` and, where there are labels, ``y`` as in the data set; ``keras`` (float32, real
    units), ``litert``, ``litert_reference``, ``tflm_host``, ``device`` (the output tensor's own
    type) where they ran; ``ticks`` float64 [n] and ``operator_ticks`` float64 [r, operators] in
    the device's tick unit.

    Raises:
        MachineError: the file cannot be written.
    """
    arrays: dict[str, Array] = {"x": evaluation.dataset.x}
    if evaluation.dataset.y is not None:
        arrays["y"] = evaluation.dataset.y
    for name, column in evaluation.columns.items():
        if column.outputs is not None:
            arrays[name] = column.outputs
    arrays["ticks"] = evaluation.device.ticks
    arrays["operator_ticks"] = evaluation.device.operator_ticks
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
