"""A profile as one JSON object: what its ``report.json`` holds and ``--json`` prints.

``profile_schema.json`` beside this file describes every key with its unit.
"""

from __future__ import annotations

from typing import Any

from host.commands.profile.values import Profile
from host.deployment.document import conditions, latency_values, memory_values, model_values, now
from host.report.document import JSON, jsonable

SCHEMA_VERSION = 1


def document(profile: Profile) -> dict[str, JSON]:
    """The profile as plain JSON values; ``created`` is the time of this call."""
    device, loaded, latency = profile.deployed, profile.deployed.loaded, profile.latency
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": now(),
        "command": device.command,
        "engine": device.rendered.engine,
        "board": device.board.name,
        "data": loaded.data,
        "samples": len(loaded.feeds),
        "macs": profile.macs,
        "ticks_per_mac": latency.median / profile.macs if profile.macs else None,
        "latency": latency_values(latency),
        "memory": memory_values(device.board, device.rendered, device.image, device.info),
        "model": model_values(loaded.model),
        "tflite": {"sha256": loaded.graph.sha256, "bytes": len(loaded.graph.content)},
        "conditions": conditions(device.board, device.info),
        "versions": profile.versions,
        "notes": device.notes,
        "folder": device.folder,
    }
    return {key: jsonable(value) for key, value in values.items()}
