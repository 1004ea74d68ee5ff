"""An explanation as one JSON object: what ``explain.json`` holds and ``--json`` prints.

``explain_schema.json`` beside this file describes every key with its unit.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import Any

from host.commands.explain import words
from host.commands.explain.explanation import Explanation, Subject
from host.diagnosis.analyse import Agreement
from host.report.document import JSON, jsonable
from host.verdict.statistics import Interval

SCHEMA_VERSION = 1


def document(explanation: Explanation) -> dict[str, JSON]:
    """The explanation as plain JSON values, with null in place of NaN and infinities.

    ``created`` is the time of this call: call it once for one explanation.
    """
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": explanation.command,
        "headline": words.headline(explanation),
        "findings": [dataclasses.asdict(finding) for finding in words.ranked(explanation.findings)],
        "agreement": _agreement(explanation.agreement),
        "first_difference": _first_difference(explanation),
        "equal_after_all": explanation.equal_after_all,
        "interventions": [dataclasses.asdict(row) for row in explanation.interventions],
        "layers": [dataclasses.asdict(layer) for layer in explanation.layers],
        "unaligned": explanation.unaligned,
        "notes": explanation.notes,
        "a": _subject(explanation.a),
        "b": _subject(explanation.b),
        "dataset": explanation.dataset,
        "reference": explanation.reference,
        "conditions": explanation.conditions,
    }
    return {key: jsonable(value) for key, value in values.items()}


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "samples": agreement.samples,
        "equal_outputs": agreement.equal_outputs,
        "equal_samples": agreement.equal_samples,
        "equal_predictions": agreement.equal_predictions,
        "mean_steps": agreement.mean_steps,
        "max_steps": agreement.max_steps,
        "accuracy": {
            "float": _interval(agreement.accuracy.float),
            "a": _interval(agreement.accuracy.a),
            "b": _interval(agreement.accuracy.b),
        },
    }


def _interval(interval: Interval | None) -> Any:
    # A value that could not be computed is as absent as one that was not asked for.
    if interval is None or not math.isfinite(interval.value):
        return None
    return dataclasses.asdict(interval)


def _first_difference(explanation: Explanation) -> Any:
    layer = words.first_layer(explanation)
    if layer is None:
        return None
    return {
        "layer": explanation.first_difference,
        "operator": layer.operator,
        "name": layer.name,
        "tensor": layer.tensor,
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "label": subject.label,
        "source": subject.source,
        "sha256": subject.graph.sha256,
        "bytes": len(subject.graph.content),
        "operators": len(subject.graph.operators),
        "device_samples": None if subject.device is None else len(subject.device),
        "device": subject.device_name,
        "deployed_otherwise": subject.deployed is not None,
    }
