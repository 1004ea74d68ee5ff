"""From what the user asks to the plan of a study, checked before anything is trained."""

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
from host.base.errors import ConfigError, DataError, FlashAndEvalError
from host.base.paths import ROOT
from host.commands.study import models, runs
from host.commands.study.folder import identity
from host.commands.study.models import check_form, class_count, demo_model, inspect_function
from host.commands.study.options import StudyRequest
from host.commands.study.runs import ENVIRONMENT, load_samples
from host.commands.study.values import Interpreter, Plan
from host.models.data_formats import described
from host.models.dataset import Dataset, check_fit
from host.quantize.routes import MAIN_ROUTES, ROUTES, find_route
from host.quantize.training import Training

_PACKAGES = (
    *("tensorflow", "tf-keras", "tensorflow-model-optimization", "tflite-micro"),
    *("ai-edge-litert", "numpy", "scikit-learn"),
)
# The packages and modules that decide what a run computes.
_PACKAGES_OF_RUNS = (host.models, host.quantize, host.oracles)
_MODULES_OF_RUNS = (models, runs)


def make_plan(
    request: StudyRequest, routes: tuple[str, ...], *, per_channel_dense: bool
) -> tuple[Plan, Dataset, tuple[str, ...]]:
    """What the runs are of, the samples, and what the user must be told about both.

    Raises:
        InputError: numbers, data or model cannot be used.
        ToolMissingError: TensorFlow, or the data set's package, is not installed.
    """
    _check_numbers(request)
    if request.model_function is not None:
        check_form(request.model_function)
    if request.data is None:
        raise ConfigError(f"--dataset is needed: {described(real=True)}")
    dataset = _with_classes(load_samples(request.data, request.samples, request.seed))
    if request.model_function is None:
        demo = demo_model(dataset.name)
        model_digest, training = demo.key, demo.training
    else:
        model_digest = _inspect(request.model_function, dataset, request.seed, routes)
        training = Training()
    wanted = {"epochs": request.epochs, "qat_epochs": request.qat_epochs}
    training = replace(training, **{k: v for k, v in wanted.items() if v is not None})
    executor, note = _executor()
    plan = Plan(
        data=dataset.name,
        data_digest=cache.key(
            *(dataset.x, dataset.y, dataset.x_calibration, dataset.x_train, dataset.y_train)
        ),
        model=request.model_function,
        model_digest=model_digest,
        routes=routes,
        first_seed=request.seed,
        samples=request.samples,
        training=training,
        per_channel_dense=per_channel_dense,
        executor=executor,
        program=_program(),
        packages={name: versions.package_version(name) or "missing" for name in _PACKAGES},
    )
    return plan, dataset, (*dataset.notes, *note)


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
    """Not by the options' own limits: their message is not in the JSON."""
    for name in ("runs", "jobs", "epochs", "qat_epochs", "board_runs"):
        value = getattr(request, name)
        if value is not None and value < 1:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} {value} is too few", "Give 1 or more.")
    if not 0 <= request.seed <= 2**31:
        raise ConfigError(f"--seed {request.seed} is out of range", "Give one from 0 to 2^31.")


def _with_classes(dataset: Dataset) -> Dataset:
    """The samples with class numbers as labels; raises DataError where there are none."""
    y = dataset.y
    if y is not None and not (y.dtype.kind == "f" and y.ndim == 1 and (y != np.floor(y)).any()):
        dataset = check_fit(dataset, dataset.x.shape[1:], (class_count(dataset),))
    if dataset.y is None or dataset.y.dtype.kind != "i":
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
        _, digest = next(outcomes)
    if isinstance(digest, FlashAndEvalError):
        raise digest
    return digest


def _executor() -> tuple[Interpreter, tuple[str, ...]]:
    """What runs the .tflite files on this machine, and a note if that is not a good oracle."""
    if versions.package_version("tflite-micro") is not None:
        return "tflm_host", ()
    return "litert", (
        "TFLM on the host (tflite-micro) is not installed here, so LiteRT runs the .tflite files: "
        "its kernels round differently from a microcontroller's.",
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
