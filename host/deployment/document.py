"""Parts of a report as plain Python values, which several documents share."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from host.device.exchange import LinkStatistics
from host.device.identity import DeviceInfo
from host.firmware.boards import Board
from host.firmware.build import Image
from host.firmware.rendered import ArenaBlock, ExecutedOperator, Rendered
from host.models.source import ModelFile
from host.verdict import differences
from host.verdict.costs import Activation, OperatorCost
from host.verdict.differences import FirstDifference, TensorDifference
from host.verdict.latency import Latency, milliseconds


def now() -> str:
    """The time, ISO 8601 with the offset from UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def model_values(model: ModelFile) -> dict[str, Any]:
    """The model as the user brought it, as plain values."""
    return {
        "name": model.name,
        "kind": model.kind,
        "path": str(model.path),
        "sha256": model.sha256,
    }


def link_values(link: LinkStatistics) -> dict[str, Any]:
    """What the link carried, as plain values."""
    return {**vars(link), "rate": link.rate}


def conditions(board: Board, info: DeviceInfo) -> dict[str, Any]:
    """What the numbers hold under: a number without these is not reported."""
    return {
        "engine": info.engine,
        "engine_version": info.engine_version,
        "compiler": info.compiler,
        "board": board.name,
        "board_description": board.description,
        "board_reported": info.board,
        "board_options": board.options,
        "target": board.target,
        "link": board.link,
        "tick_unit": info.tick_unit,
        "tick_rate": info.tick_rate,
        "protocol_version": info.protocol_version,
        "protocol_hash": info.protocol_hash,
        "receive_window": info.receive_window,
        "model_digest": info.model_digest,
    }


def first_difference(first: FirstDifference | None) -> dict[str, Any] | None:
    """Where the device leaves the oracle, as plain values."""
    if first is None:
        return None
    return {
        "operator": executed(first.operator),
        "tensor_name": first.tensor_name,
        "sample": first.sample,
        "values": difference(first.values),
        "text": f"{differences.position(first)}: {differences.difference(first.values)}",
    }


def difference(found: TensorDifference | None) -> dict[str, Any] | None:
    """How a tensor differs, as plain values."""
    return None if found is None else dataclasses.asdict(found)


def executed(operator: ExecutedOperator) -> dict[str, Any]:
    """An operator's output, as plain values."""
    return {"index": operator.index, "name": operator.name, "tensor": operator.tensor}


def latency_values(latency: Latency) -> dict[str, Any]:
    """Ticks of an inference and of its operators, as plain values."""
    return {
        "unit": latency.unit,
        "rate": latency.rate,
        "median": latency.median,
        "min": latency.minimum,
        "max": latency.maximum,
        "median_ms": milliseconds(latency.median, latency.unit, latency.rate),
        "samples": latency.samples,
        "warmup": latency.warmup,
        "disturbance": latency.disturbance,
        "operators": [_operator_cost(cost) for cost in latency.operators],
    }


def _operator_cost(cost: OperatorCost) -> dict[str, Any]:
    """What an operator costs, as plain values."""
    return {
        "index": cost.index,
        "name": cost.name,
        "tensor": cost.writes[0].tensor,
        "ticks": cost.ticks,
        "share": cost.share,
        "macs": cost.macs,
        "ticks_per_mac": cost.ticks_per_mac,
        "bytes_read": cost.bytes_read,
        "bytes_written": cost.bytes_written,
        "reads": [_activation(activation) for activation in cost.reads],
        "writes": [_activation(activation) for activation in cost.writes],
    }


def _activation(activation: Activation) -> dict[str, Any]:
    return {
        "tensor": activation.tensor,
        "name": activation.name,
        "bytes": activation.nbytes,
        "offset": activation.offset,
    }


def memory_values(
    board: Board, rendered: Rendered, image: Image, info: DeviceInfo
) -> dict[str, Any]:
    """What the image takes and the arena's plan, as plain values, in bytes."""
    return {
        "arena_reserved": info.arena_reserved,
        "arena_used": info.arena_used,
        "arena_planned": info.arena_planned,
        "arena_persistent": info.arena_used - info.arena_planned,
        "model_slots": 2 * rendered.slot_bytes,
        "ram_headroom": board.ram - image.ram,
        "flash": image.flash,
        "ram": image.ram,
        "constants": rendered.constant_bytes,
        "limits": {"flash": board.flash, "ram": board.ram},
        "sections": [{"name": s.name, "bytes": s.nbytes, "kind": s.kind} for s in image.sections],
        "arena": [_arena_block(block) for block in rendered.arena],
    }


def _arena_block(block: ArenaBlock) -> dict[str, Any]:
    """A block of the arena's plan, as plain values."""
    return {
        "tensor": block.tensor,
        "name": block.name,
        "offset": block.offset,
        "bytes": block.nbytes,
        "first": block.first,
        "last": block.last,
    }
