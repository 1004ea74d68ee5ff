"""Studies made up from numbers, as if they had been run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.commands.study import compare, words
from host.commands.study.values import (
    BoardWork,
    DeviceConditions,
    DeviceResult,
    Failure,
    Plan,
    RouteResult,
    RunResult,
    Study,
)
from host.quantize.routes import ROUTES
from host.quantize.training import Training

CLASSES = 4
CONDITIONS = DeviceConditions("qemu-m4", "aot", "0.1.0", "gcc 12", "instructions", 0)


def plan(routes: Sequence[str] = ("float", "qat-int8", "ptq-int8"), **changes: object) -> Plan:
    values: dict[str, object] = {
        "data": "digits",
        "data_digest": "d" * 64,
        "model": None,
        "model_digest": "demo",
        "routes": tuple(routes),
        "first_seed": 0,
        "samples": None,
        "training": Training(),
        "per_channel_dense": True,
        "executor": "tflm_host",
        "program": "p" * 64,
        "packages": {"tensorflow": "2.21.0"},
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


def outputs(predicted: Array, *, int8: bool) -> Array:
    """Outputs [n, CLASSES] whose arg-max is ``predicted``."""
    one_hot = np.eye(CLASSES)[predicted]
    return (one_hot * 200 - 100).astype(np.int8) if int8 else one_hot.astype(np.float32)


def route_result(name: str, predicted: Array, file: str | None = None) -> RouteResult:
    if ROUTES[name].runs_in == "keras":
        return RouteResult(name, {"keras": outputs(predicted, int8=False)}, "keras")
    columns: dict[str, Array] = {
        "keras": outputs(predicted, int8=False),
        "litert": outputs(predicted, int8=True),
        "tflm_host": outputs(predicted, int8=True),
    }
    sha256 = file or f"{name:.64}"
    return RouteResult(name, columns, "tflm_host", sha256, 9000, 1 / 256, -128)  # type: ignore[arg-type]


def flipped(labels: Array, count: int, start: int = 0) -> Array:
    """Predictions with ``count`` errors, from sample ``start`` on."""
    predicted = labels.copy()
    predicted[start : start + count] = (predicted[start : start + count] + 1) % CLASSES
    return predicted


def labels(samples: int = 100) -> Array:
    return np.arange(samples, dtype=np.int64) % CLASSES


def run_results(
    errors: Mapping[str, Sequence[int]],
    samples: int = 100,
    starts: Mapping[str, int] | None = None,
    files: Mapping[str, str] | None = None,
) -> list[RunResult]:
    """Runs in which each route errs on so many samples, one number a run."""
    y = labels(samples)
    starts, files = starts or {}, files or {}
    return [
        RunResult(
            seed,
            {
                name: route_result(
                    name, flipped(y, counts[seed], starts.get(name, 0)), files.get(name)
                )
                for name, counts in errors.items()
            },
            seconds=1.5,
        )
        for seed in range(len(next(iter(errors.values()))))
    ]


def device_results(runs: Sequence[RunResult], wrong: int = 0) -> BoardWork:
    """The board's column; ``wrong`` samples of the first model differ."""
    results: list[DeviceResult] = []
    for run in runs:
        for name, result in run.routes.items():
            if result.result == "tflm_host":
                found = result.outputs.copy()
                if not results:
                    found[:wrong, 0] ^= 1
                results.append(DeviceResult(run.seed, name, found, np.full(len(found), 1234.0)))
    return BoardWork(CONDITIONS, tuple(results), 1, len(results))


def study(
    folder: Path,
    errors: Mapping[str, Sequence[int]],
    *,
    starts: Mapping[str, int] | None = None,
    files: Mapping[str, str] | None = None,
    device: bool = False,
    wrong: int = 0,
    failures: tuple[Failure, ...] = (),
) -> Study:
    runs = run_results(errors, starts=starts, files=files)
    names, y, r = tuple(errors), labels(), len(runs)
    routes = tuple(compare.summarize_route(n, ROUTES[n].meaning, runs, y) for n in names)
    pairs = compare.compare_pairs(names, runs, y)
    board = device_results(runs, wrong) if device else None
    column = compare.summarize_device(runs, board) if board else None
    said = words.sentences(routes, pairs, r, len(y))
    return Study(
        plan=plan(names),
        asked=r + len(failures),
        reused=0,
        jobs=2,
        samples=len(y),
        classes=CLASSES,
        trained_on=500,
        labels=y,
        runs=tuple(runs),
        device_results=board.results if board else (),
        failures=failures,
        routes=routes,
        pairs=pairs,
        device=column,
        headline=words.headline(routes, pairs, r),
        sentences=(words.device_sentence(column), *said) if column else said,
        pair_sentences=tuple(words.pair_sentence(p, r, len(pairs)) for p in pairs),
        notes=("a note",),
        versions={"python": "3.11"},
        machine="a machine",
        seconds=12.0,
        folder=folder,
        command="python -m host study --dataset digits",
    )
