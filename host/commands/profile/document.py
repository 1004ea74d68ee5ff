"""A profile as one JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from host.commands.profile.values import Profile
from host.deployment.document import DeviceDocument, Memory, Tflite, conditions, memory
from host.verdict.latency import Latency


class ProfileDocument(DeviceDocument):
    """What every operator costs on a device."""

    schema_version: Literal[1] = 1
    data: str
    """The samples, in words."""
    samples: int
    """Number of samples that were run."""
    macs: int
    """Multiply-accumulates of one inference."""
    ticks_per_mac: float | None
    """Ticks for each of them; null where there are none."""
    latency: Latency
    """Ticks of an inference and of its operators."""
    memory: Memory
    """Memory on the device."""
    folder: Path
    """Where the files of the run are."""


def document(profile: Profile) -> ProfileDocument:
    """The profile's document; ``created`` is the time of this call."""
    device, loaded, latency = profile.deployed, profile.deployed.loaded, profile.latency
    return ProfileDocument(
        command=device.command,
        notes=device.notes,
        engine=device.rendered.engine,
        board=device.board.name,
        model=loaded.model,
        tflite=Tflite(sha256=loaded.graph.sha256, bytes=len(loaded.graph.content)),
        conditions=conditions(device.board, device.info),
        versions=profile.versions,
        data=loaded.data,
        samples=len(loaded.feeds),
        macs=profile.macs,
        ticks_per_mac=latency.median / profile.macs if profile.macs else None,
        latency=latency,
        memory=memory(device.board, device.rendered, device.image, device.info),
        folder=device.folder,
    )
