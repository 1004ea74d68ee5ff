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
    latency, loaded = profile.latency, profile.loaded
    products = sum(cost.macs for cost in latency.operators)
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": now(),
        "command": profile.command,
        "engine": profile.rendered.engine,
        "board": profile.board.name,
        "data": loaded.data,
        "samples": len(loaded.feeds),
        "macs": products,
        "ticks_per_mac": latency.median / products if products else None,
        "latency": latency_values(latency),
        "memory": memory_values(profile.board, profile.rendered, profile.image, profile.info),
        "model": model_values(loaded.model),
        "tflite": {"sha256": loaded.graph.sha256, "bytes": len(loaded.graph.content)},
        "conditions": conditions(profile.board, profile.info),
        "versions": profile.versions,
        "notes": list(dict.fromkeys(profile.notes)),
        "folder": profile.folder,
    }
    return {key: jsonable(value) for key, value in values.items()}
