"""From what the user asks to the plan of a study, checked before anything is trained."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

import host.models
import host.oracles
import host.quantize
from host.base import cache, isolated, versions
from host.base.errors import ConfigError, DataError, FlashAndEvalError, ToolMissingError
from host.base.paths import ROOT
from host.commands.study import models, runs
from host.commands.study.folder import identity
from host.commands.study.models import check_form, demo_model, inspect_function
from host.commands.study.options import StudyRequest, separated
from host.commands.study.runs import ENVIRONMENT, load_samples
from host.commands.study.values import Plan
from host.deployment.request import DeviceOptions
from host.deployment.setup import Setup, find_setup
from host.models.data_formats import described
from host.models.dataset import Dataset, check_fit
from host.oracles.columns import ColumnName
from host.quantize.routes import MAIN_ROUTES, ROUTES, find_route
from host.quantize.training import Training

_PACKAGES = (
    *("tensorflow", "tf-keras", "tensorflow-model-optimization", "tflite-micro"),
    *("ai-edge-litert", "numpy", "scikit-learn"),
)
# The packages and modules that decide what a run computes.
_PACKAGES_OF_RUNS = (host.models, host.quantize, host.oracles)
_MODULES_OF_RUNS = (models, runs)


def study_setup(request: StudyRequest) -> Setup | None:
    """The board that a study also runs on, seen to be there; None where none was asked for.

    Raises:
        ConfigError: no such board or engine; or options for a board without one.
        ToolMissingError: what starts it, or the engine, is not installed.
    """
    if request.board is None:
        if request.board_routes or request.board_runs is not None or request.link is not None:
            raise ConfigError("--board-routes, --board-runs and --link need --board")
        return None
    setup = find_setup(
        DeviceOptions(request.board, request.engine, link=request.link, timeout=request.timeout)
    )
    if versions.package_version("tflite-micro") is None:
        raise ToolMissingError(
            "--board needs TFLM on the host (tflite-micro) to compare the board with"
        )
    if setup.engine.per_channel_dense:
        return setup
    note = (
        f"Dense layers get one scale for all channels in every route: the TFLite-Micro of "
        f"{setup.board.name} computes a scale for each channel wrongly."
    )
    return replace(setup, notes=(*setup.notes, note))


def make_plan(request: StudyRequest, setup: Setup | None) -> tuple[Plan, Dataset, tuple[str, ...]]:
    """What the runs are of, the samples, and what the user must be told about both.

    Raises:
        InputError: routes, numbers, data or model cannot be used.
        ToolMissingError: TensorFlow, or the data set's package, is not installed.
    """
    routes = chosen_routes(separated(request.routes))
    _check_numbers(request)
    if request.board_routes:
        _check_board_routes(separated(request.board_routes), routes)
    if request.model_function is not None:
        check_form(request.model_function)
    if request.data is None:
        raise ConfigError(f"--dataset is needed: {described(real=True)}")
    dataset = _classes(load_samples(request.data, request.samples, request.seed))
    digest = cache.key(
        dataset.x, dataset.y, dataset.x_calibration, dataset.x_train, dataset.y_train
    )
    if request.model_function is None:
        demo = demo_model(dataset.name)
        model_digest, training = demo.key, demo.training
    else:
        model_digest = _inspect(request.model_function, dataset, request.seed, routes)
        training = Training()
    if request.epochs is not None:
        training = replace(training, epochs=request.epochs)
    if request.qat_epochs is not None:
        training = replace(training, qat_epochs=request.qat_epochs)
    executor, note = _executor()
    notes = (*dataset.notes, *((note,) if note else ()))
    plan = Plan(
        data=dataset.name,
        data_digest=digest,
        model=request.model_function,
        model_digest=model_digest,
        routes=routes,
        first_seed=request.seed,
        samples=request.samples,
        training=training,
        per_channel_dense=setup is None or setup.engine.per_channel_dense,
        executor=executor,
        program=_program(),
        packages={name: versions.package_version(name) or "missing" for name in _PACKAGES},
    )
    return plan, dataset, notes


def chosen_routes(names: tuple[str, ...]) -> tuple[str, ...]:
    """The routes of that name, in the order of the tables; none names the main ones.

    Raises:
        ConfigError: there is no such route.
    """
    if "all" in names:
        return tuple(ROUTES)
    wanted = {find_route(name).name for name in names or MAIN_ROUTES}
    return tuple(name for name in ROUTES if name in wanted)


def default_folder(plan: Plan) -> Path:
    """runs/study-…: the same plan has the same folder, however many runs are asked for."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", plan.data)[:40]
    return ROOT / "runs" / f"study-{safe}-{identity(plan)[:8]}"


def _check_numbers(request: StudyRequest) -> None:
    numbers = {
        "--runs": request.runs,
        "--jobs": request.jobs,
        "--epochs": request.epochs,
        "--qat-epochs": request.qat_epochs,
        "--board-runs": request.board_runs,
    }
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name} {value} is too few", "Give 1 or more.")
    if not 0 <= request.seed <= 2**31:
        raise ConfigError(f"--seed {request.seed} is out of range", "Give one from 0 to 2^31.")


def _check_board_routes(wanted: tuple[str, ...], routes: tuple[str, ...]) -> None:
    for name in wanted:
        route = find_route(name)
        if route.runs_in != "tflite" or route.activations != "int8":
            raise ConfigError(f"--board-routes {name}: that route has no int8 model")
        if name not in routes:
            raise ConfigError(
                f"--board-routes {name} is not among the routes of the study",
                f"They are: {', '.join(routes)} (--routes).",
            )


def _classes(dataset: Dataset) -> Dataset:
    """The samples with class numbers as labels.

    Raises:
        DataError: there are none.
    """
    y = dataset.y
    if y is not None and y.dtype.kind == "f" and y.ndim == 1 and (y != np.floor(y)).any():
        y = None
    if y is not None:
        width = y.shape[1] if y.ndim == 2 and y.shape[1] > 1 else 1 + max(1, int(y.max()))
        dataset = check_fit(dataset, dataset.x.shape[1:], (width,))
        y = dataset.y
    if y is None or y.dtype.kind != "i":
        raise DataError(
            f"the data set {dataset.name} has no class labels: a study compares error rates, so "
            "it is for classification",
            "Give `y` as one class number per sample; or flash-and-eval for a single model.",
        )
    return dataset


def _inspect(function: str, dataset: Dataset, seed: int, routes: tuple[str, ...]) -> str:
    """Digest of the user's model, built once in a process like those of the runs."""
    arguments = (function, dataset, seed, routes)
    calls = isolated.side_by_side(inspect_function, [arguments], 1, ENVIRONMENT)
    with contextlib.closing(calls) as outcomes:
        _, found = next(outcomes)
    if isinstance(found, FlashAndEvalError):
        raise found
    return found


def _executor() -> tuple[ColumnName, str | None]:
    if versions.package_version("tflite-micro") is not None:
        return "tflm_host", None
    return "litert", (
        "TFLM on the host (tflite-micro) is not installed here, so LiteRT runs the .tflite files: "
        "its kernels round differently from a microcontroller's."
    )


def _program() -> str:
    """SHA-256 over the sources that decide what a run computes."""
    files = [Path(str(module.__file__)) for module in _MODULES_OF_RUNS]
    for package in _PACKAGES_OF_RUNS:
        files += sorted(Path(package.__path__[0]).glob("*.py"))
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()
