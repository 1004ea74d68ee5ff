"""A study as one JSON object: what ``study.json`` holds and ``--json`` prints; and as tables.

``study_schema.json`` beside this file describes every key with its unit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from host.commands.study.values import DeviceSummary, Pair, RouteSummary, Study
from host.report.document import JSON, jsonable
from host.verdict.gaps import decide
from host.verdict.statistics import Interval

SCHEMA_VERSION = 1


def document(study: Study) -> dict[str, JSON]:
    """The study as plain JSON values. ``created`` is the time of this call: call it once."""
    plan = study.plan
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": study.command,
        "headline": study.headline,
        "sentences": study.sentences,
        "data": {
            "name": plan.data,
            "samples": study.samples,
            "trained_on": study.trained_on,
            "classes": study.classes,
            "digest": plan.data_digest,
        },
        "model": {"function": plan.model, "digest": plan.model_digest},
        "runs": {
            "asked": study.asked,
            "done": len(study.runs),
            "reused": study.reused,
            "seeds": [run.seed for run in study.runs],
            "failed": [asdict(failure) for failure in study.failures],
        },
        "training": asdict(plan.training),
        "routes": [_route(route) for route in study.routes],
        "agreement": agreement(study),
        "pairs": [
            {**_pair(pair), "sentence": sentence}
            for pair, sentence in zip(study.pairs, study.pair_sentences, strict=True)
        ],
        "device": _device(study.device),
        "results": results(study),
        "notes": study.notes,
        "conditions": {
            "executor": plan.executor,
            "per_channel_dense": plan.per_channel_dense,
            "threads_per_run": 1,
            "jobs": study.jobs,
            "machine": study.machine,
            "packages": plan.packages,
        },
        "versions": study.versions,
        "timings": {
            "wall_seconds": study.seconds,
            "run_seconds": [run.seconds for run in study.runs],
        },
    }
    return {key: jsonable(value) for key, value in values.items()}


def agreement(study: Study) -> dict[str, Any]:
    """Between every two routes: shares of equal predictions and of equal int8 output values."""
    names = [route.route for route in study.routes]
    place = {name: index for index, name in enumerate(names)}
    predictions: list[list[float | None]] = [[1.0] * len(names) for _ in names]
    outputs: list[list[float | None]] = [[None] * len(names) for _ in names]
    for pair in study.pairs:
        i, j = place[pair.left], place[pair.right]
        predictions[i][j] = predictions[j][i] = 1.0 - pair.differing
        outputs[i][j] = outputs[j][i] = pair.equal_outputs
    return {"routes": names, "predictions": predictions, "int8_outputs": outputs}


def results(study: Study) -> list[dict[str, Any]]:
    """A row for each run, route and executor."""
    rows = []
    for run in study.runs:
        for name, result in run.routes.items():
            for executor, outputs in result.columns.items():
                wrong = int(np.count_nonzero(decide(outputs) != study.labels))
                file = None if executor == "keras" else result.tflite_sha256
                rows.append(_row(study, run.seed, name, executor, wrong, file))
    runs = {run.seed: run for run in study.runs}
    for device in study.device_results:
        result = runs[device.seed].routes[device.route]
        oracle = result.columns["tflm_host"]
        equal = (device.outputs == oracle).reshape(len(oracle), -1).all(axis=1)
        wrong = int(np.count_nonzero(decide(device.outputs) != study.labels))
        row = _row(study, device.seed, device.route, "device", wrong, result.tflite_sha256)
        row["equal_to_tflm_host"] = float(equal.mean())
        row["median_ticks"] = float(np.median(device.ticks))
        rows.append(row)
    order = {name: index for index, name in enumerate(study.plan.routes)}
    return sorted(rows, key=lambda row: (row["seed"], order[row["route"]]))


def _row(
    study: Study, seed: int, route: str, executor: str, wrong: int, file: str | None
) -> dict[str, Any]:
    return {
        "seed": seed,
        "route": route,
        "executor": executor,
        "samples": study.samples,
        "errors": wrong,
        "error_percent": 100 * wrong / study.samples,
        "equal_to_tflm_host": None,
        "median_ticks": None,
        "tflite_sha256": file,
    }


def runs_csv(study: Study) -> str:
    """``results`` as CSV."""
    return _csv(results(study))


def pairs_csv(study: Study) -> str:
    """A row for each two routes; of McNemar's tests the number of runs with p below 5 %."""
    rows = []
    for pair, sentence in zip(study.pairs, study.pair_sentences, strict=True):
        row = _pair(pair)
        difference = row.pop("difference")
        p = row.pop("mcnemar_p")
        corrected = row.pop("mcnemar_p_corrected")
        rows.append(
            {
                "left": row.pop("left"),
                "right": row.pop("right"),
                "difference_points": difference["mean"],
                "difference_low": difference["low"],
                "difference_high": difference["high"],
                **row,
                "mcnemar_runs_below_5_percent": sum(value < 0.05 for value in p),
                "mcnemar_runs_below_5_percent_corrected": sum(value < 0.05 for value in corrected),
                "sentence": sentence,
            }
        )
    return _csv(rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _route(route: RouteSummary) -> dict[str, Any]:
    return {
        "name": route.route,
        "meaning": route.meaning,
        "executor": route.executor,
        "error": {
            **_interval(route.error),
            "sd": route.sd,
            "min": min(route.errors),
            "max": max(route.errors),
        },
        "errors": route.errors,
        "keeps_keras_predictions": route.keeps,
        "tflite_bytes": route.tflite_bytes or None,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "left": pair.left,
        "right": pair.right,
        "difference": _interval(pair.difference),
        "separated": pair.separated,
        "wilcoxon_p": pair.wilcoxon,
        "wilcoxon_p_corrected": pair.wilcoxon_corrected,
        "t_p": pair.t,
        "t_p_corrected": pair.t_corrected,
        "mcnemar_p": pair.mcnemar,
        "mcnemar_p_corrected": pair.mcnemar_corrected,
        "mcnemar_p_over_pairs": pair.mcnemar_pairs,
        "differing_predictions": pair.differing,
        "differing_runs": pair.differing_runs,
        "equal_int8_outputs": pair.equal_outputs,
        "same_outputs_runs": pair.same_outputs_runs,
        "same_file_runs": pair.same_file_runs,
        "detectable_points": pair.detectable,
    }


def _device(device: DeviceSummary | None) -> Mapping[str, Any] | None:
    if device is None:
        return None
    return {
        **asdict(device.conditions),
        "match": device.match,
        "models": device.models,
        "equal_models": device.equal_models,
        "inferences": device.inferences,
        "equal_inferences": device.equal_inferences,
        "differing": [
            {"seed": seed, "route": route, "samples": count}
            for seed, route, count in device.differing
        ],
        "images_built": device.builds,
        "models_loaded": device.loaded,
        "median_ticks": device.ticks,
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"mean": interval.value, "low": interval.low, "high": interval.high}
