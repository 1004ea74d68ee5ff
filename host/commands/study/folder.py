"""A study's folder: what it is a study of, and the results of each run, whole or not at all.

plan.json says what the runs are of. A run's .tflite files, its log and its timing come first; its
results, run-0007.npz, are put there as its last act: where that file is, the run is complete. The
same seed gives the same bytes. The board's results of a run are in device-0007.npz.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from host.base import locks
from host.base.arrays import Array
from host.base.errors import ConfigError
from host.base.files import replacing, write_bytes, write_text
from host.commands.study.values import DeviceConditions, DeviceResult, Plan, RouteResult, RunResult
from host.report.document import DOCUMENT, PAGE

_PLAN = "plan.json"
_OURS = ("run-*.npz", "device-*.npz", ".*.tmp", _PLAN)
RUNS_TABLE, PAIRS_TABLE, FIGURE = "runs.csv", "pairs.csv", "figure.png"
# The last was the document's name in version 1 of its schema.
REPORTS = (DOCUMENT, PAGE, RUNS_TABLE, PAIRS_TABLE, FIGURE, "study.json")
_UNREADABLE = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile)


def identity(plan: Plan) -> str:
    """SHA-256 in hex of all that decides what a run computes."""
    return hashlib.sha256(json.dumps(asdict(plan), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Folder:
    """The folder of one plan; ``open_folder`` makes it."""

    path: Path
    plan: str

    def log(self, seed: int) -> Path:
        """What TensorFlow and the others wrote in a run."""
        return self.path / "logs" / f"run-{seed:04d}.log"

    def model(self, seed: int, route: str) -> Path:
        """A route's .tflite file."""
        return self.path / "models" / f"run-{seed:04d}-{route}.tflite"

    def store_run(self, run: RunResult, models: Mapping[str, bytes]) -> None:
        """Write a run: its models by route, its timing, then its results."""
        for route, content in models.items():
            write_bytes(self.model(run.seed, route), content)
        write_text(self._timing(run.seed), json.dumps({"seconds": run.seconds}) + "\n")
        _save(self._results("run", run.seed), _pack_run(run, self.plan))

    def load_run(self, seed: int) -> RunResult | None:
        """A complete run, or None: a file that is missing, damaged or of another plan is none."""
        try:
            with np.load(self._results("run", seed), allow_pickle=False) as arrays:
                run = _unpack_run(arrays, seed, self.plan)
            for route, result in run.routes.items():
                if result.tflite_sha256 is not None:
                    content = self.model(seed, route).read_bytes()
                    if hashlib.sha256(content).hexdigest() != result.tflite_sha256:
                        return None
            timing = json.loads(self._timing(seed).read_text())
            return RunResult(seed, run.routes, float(timing["seconds"]))
        except _UNREADABLE:
            return None

    def store_device(
        self, seed: int, key: str, conditions: DeviceConditions, results: Mapping[str, DeviceResult]
    ) -> None:
        """Write what the board computed for one run; ``key`` says which board and engine."""
        described = json.dumps(conditions.model_dump())
        arrays = {"key": np.array(key), "conditions": np.array(described)}
        for route, result in results.items():
            arrays[f"{route}/outputs"], arrays[f"{route}/ticks"] = result.outputs, result.ticks
        _save(self._results("device", seed), arrays)

    def load_device(
        self, seed: int, key: str
    ) -> tuple[DeviceConditions, dict[str, DeviceResult]] | None:
        """What the same board computed before for that run, by route; None where there is none."""
        try:
            with np.load(self._results("device", seed), allow_pickle=False) as arrays:
                if str(arrays["key"]) != key:
                    return None
                conditions = DeviceConditions(**json.loads(str(arrays["conditions"])))
                return conditions, {
                    r: DeviceResult(seed, r, arrays[f"{r}/outputs"], arrays[f"{r}/ticks"])
                    for r in {name.partition("/")[0]: None for name in arrays if "/" in name}
                }
        except (*_UNREADABLE, TypeError):
            return None

    def _results(self, kind: str, seed: int) -> Path:
        return self.path / f"{kind}-{seed:04d}.npz"

    def _timing(self, seed: int) -> Path:
        return self.path / "logs" / f"run-{seed:04d}.json"


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def open_folder(path: Path, plan: Plan, *, fresh: bool) -> Folder:
    """The folder for a plan, made where it is not there; ``fresh`` forgets an earlier study.

    Raises:
        ConfigError: it is not a folder, holds other files or the runs of another plan, or another
            process holds it.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--out {path} is not a folder")
    known = _read_plan(path / _PLAN)
    if known is None and path.is_dir() and any(p.name != locks.NAME for p in path.iterdir()):
        raise ConfigError(
            f"--out {path} holds other files", "Give a new folder, or one of an earlier study."
        )
    if known is not None and not fresh and known["identity"] != identity(plan):
        raise ConfigError(
            f"{path} holds another study: {_differences(known['plan'], plan)}",
            "Choose another --out, or recompute it all with --fresh.",
        )
    path.mkdir(parents=True, exist_ok=True)
    folder = Folder(path.resolve(), identity(plan))
    with locks.folder(folder.path, "study"):
        stale = [path / name for name in REPORTS]  # not to outlive the runs that they are of
        if fresh:
            stale += [file for pattern in _OURS for file in path.glob(pattern)]
            for name in ("models", "logs", "device"):
                shutil.rmtree(path / name, ignore_errors=True)
        for file in stale:
            file.unlink(missing_ok=True)
        for name in ("models", "logs"):
            (path / name).mkdir(exist_ok=True)
        described = {"identity": folder.plan, "plan": asdict(plan)}
        write_text(path / _PLAN, json.dumps(described, indent=2) + "\n")
    return folder


def _read_plan(path: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(path.read_text())
        return known if {"identity", "plan"} <= set(known) else None
    except (OSError, ValueError, TypeError):
        return None


# What a hash that differs means.
_HASHED = {
    "data_digest": "other samples",
    "model_digest": "another model",
    "program": "made by another version of this program",
}


def _differences(known: dict[str, Any], plan: Plan) -> str:
    """What differs between two plans, in words."""
    wanted = json.loads(json.dumps(asdict(plan)))
    texts = [
        _HASHED.get(name, f"{name} {known.get(name)}, not {value}")
        for name, value in wanted.items()
        if known.get(name) != value
    ]
    return "; ".join(texts) or "its plan is damaged"


def _pack_run(run: RunResult, plan: str) -> dict[str, Array]:
    arrays: dict[str, Array] = {"plan": np.array(plan), "seed": np.array(run.seed)}
    for name, result in run.routes.items():
        facts = {**vars(result), "columns": list(result.columns)}
        arrays[f"{name}/facts"] = np.array(json.dumps(facts))
        for column, outputs in result.columns.items():
            arrays[f"{name}/{column}"] = outputs
    return arrays


def _unpack_run(arrays: Mapping[str, Array], seed: int, plan: str) -> RunResult:
    """The inverse; KeyError or ValueError where it is not that run."""
    if str(arrays["plan"]) != plan or int(arrays["seed"]) != seed:
        raise ValueError("a run of another plan")
    routes = {}
    for key in arrays:
        name, _, what = key.partition("/")
        if what == "facts":
            facts = json.loads(str(arrays[key]))
            facts["columns"] = {c: arrays[f"{name}/{c}"] for c in facts["columns"]}
            routes[name] = RouteResult(**facts)
    return RunResult(seed, routes)
