"""A run as one JSON object: what ``report.json`` holds and ``--json`` prints.

``schema.json`` beside this file describes every key with its unit.
"""

from __future__ import annotations

import math
from typing import Any

from host.commands.evaluate.values import Evaluation
from host.deployment.document import (
    conditions,
    first_difference,
    latency_values,
    link_values,
    memory_values,
    model_values,
    now,
)
from host.oracles.columns import COLUMNS, Column
from host.report.document import JSON, jsonable
from host.verdict.gaps import GAPS, Gap
from host.verdict.statistics import Interval

SCHEMA_VERSION = 1


def document(evaluation: Evaluation) -> dict[str, JSON]:
    """The run as plain JSON values, with null in place of NaN and infinities.

    ``created`` is the time of this call, so that a run has one document: call it once.
    """
    verdict = evaluation.verdict
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": now(),
        "command": evaluation.command,
        "verdict": "match" if verdict.match else "differs",
        "headline": verdict.headline,
        "task": verdict.task,
        "engine": evaluation.rendered.engine,
        "board": evaluation.board.name,
        "samples": verdict.samples,
        "accuracy": {name: _interval(verdict.accuracy.get(name)) for name in COLUMNS},
        "errors": {name: _interval(verdict.errors.get(name)) for name in COLUMNS},
        "gaps": {name: _gap(verdict.gaps.get(name)) for name in GAPS},
        "first_difference": first_difference(verdict.first_difference),
        "columns": {name: _column(evaluation.columns.get(name)) for name in COLUMNS},
        "latency": latency_values(evaluation.latency),
        "memory": memory_values(
            evaluation.board, evaluation.rendered, evaluation.image, evaluation.device.info
        ),
        "link": link_values(evaluation.device.link),
        "model": model_values(evaluation.model),
        "tflite": {
            "sha256": evaluation.quantized.graph.sha256,
            "bytes": len(evaluation.quantized.graph.content),
            "route": evaluation.quantized.route,
            "warnings": [
                {"code": w.code, "message": w.message, "remedy": w.remedy}
                for w in evaluation.quantized.warnings
            ],
        },
        "dataset": {"name": evaluation.dataset.name, "notes": evaluation.dataset.notes},
        "conditions": _conditions(evaluation),
        "versions": evaluation.versions,
        "timings": [
            {"stage": t.stage, "seconds": t.seconds, "reused": t.reused} for t in evaluation.timings
        ],
        # Two stages may say the same thing; a reader wants it once.
        "notes": list(dict.fromkeys((*evaluation.notes, *verdict.notes))),
        "device_log": evaluation.device.log,
    }
    return {key: jsonable(value) for key, value in values.items()}


def _interval(interval: Interval | None) -> Any:
    # A value that could not be computed is as absent as one that was not asked for.
    if interval is None or not math.isfinite(interval.value):
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _column(column: Column | None) -> dict[str, Any]:
    if column is None:
        return {"version": "", "absent": "not run"}
    absent = column.absent
    if column.outputs is None and absent is None:
        absent = "no reason given"
    return {"version": column.version, "absent": absent}


def _gap(gap: Gap | None) -> Any:
    if gap is None:
        return None
    return {
        "left": gap.left,
        "right": gap.right,
        "samples": gap.samples,
        "bit_equal": gap.bit_equal,
        "bit_equal_values": gap.bit_equal_values,
        "flips": gap.flips,
        "flip_rate_upper": gap.flip_rate_upper,
        "max_steps": gap.max_steps,
        "mean_steps": gap.mean_steps,
        "max_error": gap.max_error,
        "mean_error": gap.mean_error,
        "mcnemar_p": gap.mcnemar_p,
        "disagreements": [
            {
                "sample": d.sample,
                "left": d.left,
                "right": d.right,
                "label": d.label,
                "steps": d.steps,
                "left_margin": d.left_margin,
                "right_margin": d.right_margin,
            }
            for d in gap.disagreements
        ],
    }


def _conditions(evaluation: Evaluation) -> dict[str, Any]:
    return {
        **conditions(evaluation.board, evaluation.device.info),
        "image_reused": evaluation.image.reused,
        "samples": evaluation.verdict.samples,
        "profiled_runs": len(evaluation.device.operator_ticks),
        "traced_samples": len(evaluation.device.traced),
        "warmup": evaluation.latency.warmup,
    }
