"""A trace as one JSON object: what ``trace.json`` holds and ``--json`` prints.

``trace_schema.json`` beside this file describes every key.
"""

from __future__ import annotations

from typing import Any

from host.commands.trace import words
from host.commands.trace.values import Trace, TracedOutput, TracedTensor
from host.deployment.document import (
    conditions,
    difference,
    executed,
    first_difference,
    model_values,
    now,
)
from host.report.document import JSON, jsonable

SCHEMA_VERSION = 1


def document(trace: Trace) -> dict[str, JSON]:
    """The trace as plain JSON values; ``created`` is the time of this call."""
    device, loaded = trace.deployed, trace.deployed.loaded
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": now(),
        "command": device.command,
        "verdict": "match" if trace.match else "differs",
        "headline": words.headline(trace),
        "engine": device.rendered.engine,
        "board": device.board.name,
        "data": loaded.data,
        "sample": trace.sample,
        "outputs": [_output(output) for output in trace.outputs],
        "first_difference": first_difference(trace.first),
        "tensors": [_tensor(tensor) for tensor in trace.tensors],
        "oracle": trace.oracle,
        "model": model_values(loaded.model),
        "tflite": {"sha256": loaded.graph.sha256, "bytes": len(loaded.graph.content)},
        "conditions": conditions(device.board, device.info),
        "versions": trace.versions,
        "notes": device.notes,
        "folder": device.folder,
    }
    return {key: jsonable(value) for key, value in values.items()}


def _output(output: TracedOutput) -> dict[str, Any]:
    return {
        **executed(output.operator),
        "tensor_name": output.tensor_name,
        "shape": output.shape,
        "device_crc": output.device_crc,
        "host_crc": output.host_crc,
        "equal": output.equal,
    }


def _tensor(tensor: TracedTensor) -> dict[str, Any]:
    return {
        **executed(tensor.operator),
        "tensor_name": tensor.tensor_name,
        "shape": tensor.shape,
        "equal": tensor.difference is None,
        "values": difference(tensor.difference),
        "text": words.comparison(tensor),
    }
