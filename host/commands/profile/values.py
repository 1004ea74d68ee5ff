"""The values of `profile`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host.deployment.samples import Loaded
from host.device.identity import DeviceInfo
from host.firmware.boards import Board
from host.firmware.build import Image
from host.firmware.rendered import Rendered
from host.verdict.latency import Latency


@dataclass(frozen=True)
class Profile:
    """What a model costs on a device, operator by operator."""

    board: Board
    loaded: Loaded
    rendered: Rendered
    image: Image
    info: DeviceInfo
    latency: Latency
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    folder: Path
    command: str
