"""The models that a study trains: the demo models, and what a user's function builds.

Only ``inspect_function`` and what ``builder`` returns import TensorFlow, or run the user's code:
both belong in a process of their own.
"""

import contextlib
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from host.base.errors import ConfigError, FlashAndEvalError, ModelError
from host.models.data_formats import DEMO_DATA, MNIST
from host.models.dataset import Dataset, check_fit
from host.quantize.demo import DEMO_KEY, build_demo, depthwise_separable
from host.quantize.follow import check_routes
from host.quantize.routes import find_route
from host.quantize.training import Training, build_model

_BUILD_WITH_TF_KERAS = (
    "Let it return a Sequential or functional model of tf_keras (`import tf_keras as keras`)."
)


@dataclass(frozen=True)
class DemoModel:
    """A model that needs no function of the user's, and how it is trained; ``key`` changes with
    its layers."""

    key: str
    build: Callable[[], Any]
    training: Training


def _build_mnist() -> Any:
    """As the digits' demo, but every block halves the picture."""
    return depthwise_separable("mnist_demo", (28, 28, 1), (5, 2), ((32, 2), (64, 2)))


# By the name of the data set.
DEMO_MODELS = {
    DEMO_DATA: DemoModel(DEMO_KEY, build_demo, Training()),
    MNIST: DemoModel("mnist-dscnn-1", _build_mnist, Training(epochs=12, qat_epochs=3, rate=8e-3)),
}


def demo_model(data: str) -> DemoModel:
    """The demo model of a data set; raises ConfigError where it has none."""
    if data not in DEMO_MODELS:
        raise ConfigError(
            f"there is no demo model for the data {data}: --model-fn must name a function that "
            "builds one",
            f"Demo models are there for {' and '.join(DEMO_MODELS)}.",
        )
    return DEMO_MODELS[data]


def builder(function: str | None, dataset: Dataset, seed: int) -> Callable[[], Any]:
    """What builds the untrained model: the user's function, or the data set's demo model.

    ``package.module:function`` is offered the seed, and the shape and classes of the data set.

    Raises:
        ConfigError, ModelError: see ``find_function`` and ``call_function``.
    """
    if function is None:
        return demo_model(dataset.name).build
    build = partial(call_function, function, dataset, seed)
    build.__name__ = function  # type: ignore[attr-defined]  # messages name the model by it
    return build


def check_form(spec: str) -> None:
    """Refuse, with a ConfigError, what is not of the form ``package.module:function``, or whose
    package is not there. Nothing is imported."""
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", spec):
        raise ConfigError(
            f"--model-fn {spec} is not of the form package.module:function",
            "For a function `build` in net.py in this folder: --model-fn net:build.",
        )
    name = spec.partition(":")[0].partition(".")[0]
    if find_spec(name) is None and PathFinder.find_spec(name, [str(Path.cwd())]) is None:
        raise _no_module(spec, name)


def _no_module(spec: str, name: str) -> ConfigError:
    return ConfigError(
        f"--model-fn {spec}: there is no module {name}",
        "It is looked for in the current folder and where Python looks.",
    )


def find_function(spec: str) -> Callable[..., Any]:
    """Import ``package.module:function``; modules of the current folder are found too.

    Raises:
        ConfigError: another form, no such module or function, or the import fails.
    """
    check_form(spec)
    module_name, _, name = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise _no_module(spec, error.name) from error
        raise ConfigError(f"--model-fn {spec}: {module_name} needs {error.name}") from error
    except Exception as error:  # whatever the user's module does
        raise ConfigError(
            f"--model-fn {spec}: importing {module_name} fails: {_said(error)}",
            "Try it: python -c 'import " + module_name + "'",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        what = "is not a function" if hasattr(module, name) else "does not exist"
        functions = [n for n, v in vars(module).items() if inspect.isfunction(v) and n[0] != "_"]
        raise ConfigError(
            f"--model-fn {spec}: {name} {what} in {module_name}",
            f"Its functions are: {', '.join(functions) or 'none'}.",
        )
    return cast(Callable[..., Any], function)


def call_function(spec: str, dataset: Dataset, seed: int) -> Any:
    """The model that the user's function builds, with those of ``seed``, ``input_shape`` and
    ``classes`` that it takes.

    Raises:
        ConfigError: see ``find_function``; or it needs something else.
        ModelError: it raises, or returns something else than a built tf_keras model.
    """
    function = find_function(spec)
    shape, classes = dataset.x.shape[1:], class_count(dataset)
    offered = {"seed": seed, "input_shape": shape, "classes": classes}
    parameters = inspect.signature(function).parameters
    unknown = [
        p.name
        for p in parameters.values()
        if p.name not in offered
        and p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if unknown:
        raise ConfigError(
            f"--model-fn {spec} needs {', '.join(unknown)}, which the study does not pass",
            "It may take seed, input_shape and classes; other parameters need a default.",
        )
    try:
        model = function(**{name: offered[name] for name in offered if name in parameters})
    except FlashAndEvalError:
        raise
    except Exception as error:  # whatever the user's function does
        raise ModelError(
            f"--model-fn {spec} raised {_said(error)}", "Call it by itself to see where."
        ) from error
    _check_kind(spec, model)
    return model


def class_count(dataset: Dataset) -> int:
    """How many classes the labels tell of, at least 2."""
    labels = [y for y in (dataset.y, dataset.y_train) if y is not None]
    one_hot = [y.shape[1] for y in labels if y.ndim == 2 and y.shape[1] > 1]
    return one_hot[0] if one_hot else 1 + max(1, *(int(y.max()) for y in labels))


def _check_kind(spec: str, model: Any) -> None:
    bases = [f"{base.__module__}.{base.__name__}" for base in type(model).__mro__]
    if any(base.startswith("keras.") and base.endswith(".Model") for base in bases):
        raise ModelError(
            f"--model-fn {spec} returns a model of Keras 3, with which "
            "tensorflow_model_optimization cannot do quantization-aware training",
            _BUILD_WITH_TF_KERAS,
        )
    if not any(base.startswith("tf_keras.") and base.endswith(".Model") for base in bases):
        kind = bases[0].removeprefix("builtins.")
        said = f"--model-fn {spec} returns {kind}, not a tf_keras model"
        raise ModelError(said, _BUILD_WITH_TF_KERAS)


def inspect_function(spec: str, dataset: Dataset, seed: int, routes: tuple[str, ...]) -> str:
    """Build the model once, and see that it fits the data and can follow the routes.

    Returns:
        A digest that changes with the function's file or the model's layers.

    Raises:
        ConfigError, ModelError: see ``call_function``, ``build_model`` and ``check_routes``.
        DataError: the data does not fit the model.
    """
    source = build_model(builder(spec, dataset, seed), seed)
    check_fit(dataset, source.input_shape, source.output_shape)
    check_routes(map(find_route, routes), source)
    total = hashlib.sha256()
    with contextlib.suppress(TypeError, OSError):  # it has no source file
        written = inspect.getsourcefile(inspect.unwrap(find_function(spec)))
        total.update(Path(written).read_bytes() if written else b"")
    total.update(source.handle.to_json().encode())
    return total.hexdigest()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
