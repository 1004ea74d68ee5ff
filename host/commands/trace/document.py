"""A trace as one JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from host.commands.trace import words
from host.commands.trace.values import Trace, TracedOutput, TracedTensor
from host.deployment.document import DeviceDocument, Tflite, conditions
from host.verdict.differences import FirstDifference


class TraceDocument(DeviceDocument):
    """What every operator computes for one sample, on the device and on the host."""

    schema_version: Literal[1] = 1
    verdict: Literal["match", "differs"]
    """match: all that was asked for is equal on the device and on the host."""
    headline: str
    """The result in one line."""
    data: str
    """The samples, in words."""
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
    folder: Path
    """Where the files of the run are."""


def document(trace: Trace) -> TraceDocument:
    """The trace's document; ``created`` is the time of this call."""
    device, loaded = trace.deployed, trace.deployed.loaded
    return TraceDocument(
        command=device.command,
        notes=device.notes,
        engine=device.rendered.engine,
        board=device.board.name,
        model=loaded.model,
        tflite=Tflite(sha256=loaded.graph.sha256, bytes=len(loaded.graph.content)),
        conditions=conditions(device.board, device.info),
        versions=trace.versions,
        verdict="match" if trace.match else "differs",
        headline=words.headline(trace),
        data=loaded.data,
        sample=trace.sample,
        outputs=trace.outputs,
        first_difference=trace.first,
        tensors=trace.tensors,
        oracle=trace.oracle,
        folder=device.folder,
    )
