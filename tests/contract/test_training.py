"""Training with the real Keras: what a function may return, which loss and optimizer it gets."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import ConfigError, DataError, ModelError
from host.base.paths import ROOT
from host.models.dataset import Dataset
from host.models.source import FloatModel
from host.quantize.training import (
    Training,
    build_and_train,
    build_model,
    compile_like,
    default_loss,
)
from tests.fixtures import routes as nets

tf_keras, keras = nets.tf_keras, nets.keras
ONCE = Training(epochs=1, qat_epochs=1)


def rows(y: Any, inputs: int = 4) -> Dataset:
    """Noise to train with, and the same to score."""
    x = np.random.default_rng(0).normal(size=(len(y), inputs)).astype(np.float32)
    return Dataset("rows", x, np.asarray(y), x, x_train=x, y_train=np.asarray(y))


def dense(units: int, activation: str | None = None, library: Any = tf_keras) -> Any:
    layers = library.layers
    return library.Sequential([layers.Input((4,)), layers.Dense(units, activation=activation)])


def weights(source: FloatModel) -> bytes:
    return b"".join(np.asarray(w).tobytes() for w in source.handle.get_weights())


def failing() -> Any:
    raise RuntimeError("no luck")


def complaining() -> Any:
    raise ConfigError("its own words", "its own hint")


@pytest.mark.parametrize(
    ("build", "says", "way"),
    [
        (failing, "failing failed: RuntimeError: no luck", "takes no arguments"),
        (lambda: 3, "returned int, not a Keras model", "tf_keras"),
        (nets.Subclassed, "class Subclassed that does not say what its input is", "tf_keras.Input"),
        (lambda: tf_keras.Sequential([tf_keras.layers.Dense(3)]), "Sequential", "tf_keras.Input"),
        (lambda: tf_keras.Model(*two_inputs()), "2 inputs", "one input"),
    ],
)
def test_functions_that_cannot_be_used(build: Callable[[], Any], says: str, way: str) -> None:
    with pytest.raises(ModelError) as caught:
        build_model(build, 0)
    assert says in caught.value.message and way in caught.value.hint


def two_inputs() -> tuple[Any, Any]:
    one, other = tf_keras.Input((4,)), tf_keras.Input((4,))
    return [one, other], tf_keras.layers.Add()([one, other])


def test_a_users_own_error_passes() -> None:
    with pytest.raises(ConfigError, match="its own words"):
        build_model(complaining, 0)


@pytest.mark.parametrize("library", [tf_keras, keras])
def test_a_model_of_either_keras_is_trained(library: Any) -> None:
    data = rows(np.arange(40) % 3)
    source = build_and_train(lambda: dense(3, "softmax", library), data, 0, ONCE)
    assert source.version.startswith(library.__name__.split(".")[0])
    assert weights(source) != weights(build_model(lambda: dense(3, "softmax", library), 0))
    assert len(source.file.sha256) == 64


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        (Dataset("bare", np.zeros((3, 4), np.float32), np.zeros(3), None), "nothing to train with"),
        (rows([0, 1, 7]), r"labels from 0 to 7 \(y\)"),
        (rows([0, 1, 2], inputs=5), r"shape \(5,\).*takes \(4,\)"),
    ],
)
def test_data_that_does_not_fit(dataset: Dataset, says: str) -> None:
    with pytest.raises(DataError, match=says):
        build_and_train(lambda: dense(3), dataset, 0, ONCE)


@pytest.mark.parametrize(
    ("units", "activation", "y", "name", "from_logits"),
    [
        (3, "softmax", np.arange(9) % 3, "sparse_categorical_crossentropy", False),
        (3, None, np.arange(9) % 3, "sparse_categorical_crossentropy", True),
        (3, "sigmoid", np.arange(9) % 3, "binary_crossentropy", False),
        (1, "sigmoid", np.arange(8) % 2, "binary_crossentropy", False),
        (1, "sigmoid", np.linspace(0, 1, 8), "mean_squared_error", None),
        (1, None, np.arange(8) % 2, "mean_squared_error", None),
        (2, None, np.ones((8, 2)), "mean_squared_error", None),
    ],
)
def test_the_loss_of_a_model_that_is_not_compiled(
    units: int, activation: str | None, y: Any, name: str, from_logits: bool | None
) -> None:
    source = build_and_train(lambda: dense(units, activation), rows(y), 0, ONCE)
    loss = source.handle.loss
    assert loss.name == name
    if from_logits is not None:
        assert loss.get_config().get("from_logits", False) == from_logits
    assert type(source.handle.optimizer).__name__ == "Adam"


@pytest.mark.parametrize(
    "loss", ["categorical_crossentropy", tf_keras.losses.CategoricalCrossentropy(), "mse", None]
)
def test_labels_become_one_hot_for_a_loss_that_wants_it(loss: Any) -> None:
    """The label is the place of the largest of three inputs: it learns, or labels were mangled."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = x[:, :3].argmax(axis=1)

    def build() -> Any:
        if loss is None:  # compiled here, with the binary cross-entropy
            return dense(3, "sigmoid")
        model = dense(3, "softmax")
        model.compile(tf_keras.optimizers.Adam(0.1), loss)
        return model

    data = Dataset("rows", x, y, x, x_train=x, y_train=y)
    source = build_and_train(build, data, 0, Training(epochs=5, rate=0.1))
    assert (source.predict(x).argmax(axis=1) == y).mean() > 0.9


def test_a_compiled_model_keeps_its_optimizer_and_loss() -> None:
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build() -> Any:
        model = dense(3)
        model.compile(tf_keras.optimizers.SGD(0.25, momentum=0.5), loss)
        return model

    data = rows(np.arange(40) % 3)
    source = build_and_train(build, data, 0, ONCE)
    own = source.handle.optimizer
    assert (type(own).__name__, float(own.learning_rate)) == ("SGD", 0.25)
    assert source.handle.loss is loss
    copy = tf_keras.models.clone_model(source.handle)
    compile_like(source, copy, data, 1e-3, 2, 32)
    assert copy.optimizer is not own and copy.loss is loss
    config = copy.optimizer.get_config()
    assert (type(copy.optimizer).__name__, config["momentum"]) == ("SGD", 0.5)
    schedule = config["learning_rate"]["config"]
    assert (schedule["initial_learning_rate"], schedule["decay_steps"]) == (1e-3, 2 * 2)


def test_a_loss_that_does_not_fit_is_a_model_error() -> None:
    def build() -> Any:
        model = dense(3)
        model.compile("adam", lambda y, p: y.no_such_thing)
        return model

    with pytest.raises(ModelError, match="build cannot be trained") as caught:
        build_and_train(build, rows(np.arange(9) % 3), 0, ONCE)
    assert "loss" in caught.value.hint


def test_training_that_diverges() -> None:
    def build() -> Any:
        model = dense(1)
        model.compile(tf_keras.optimizers.SGD(1e30), "mse")
        return model

    with pytest.raises(ModelError, match="diverged"):
        build_and_train(build, rows(np.arange(99.0)), 0, ONCE)


def test_the_loss_is_chosen_by_outputs_not_by_the_last_layers_name() -> None:
    layers = tf_keras.layers
    split = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Softmax()])
    data = rows(np.arange(9) % 3)
    assert default_loss(build_model(lambda: split, 0), data).get_config()["from_logits"] is False


def test_the_same_seed_trains_the_same_weights() -> None:
    data = nets.digits()
    one, same, other = (
        build_and_train(nets.dense_normalized, data, seed, ONCE) for seed in (1, 1, 2)
    )
    assert weights(one) == weights(same) != weights(other)
    assert one.file.sha256 == same.file.sha256 != other.file.sha256


def test_weights_do_not_depend_on_how_many_processors_there_are(tmp_path: Path) -> None:
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: nothing to compare")
    script = (
        "import os, sys; os.sched_setaffinity(0, set(map(int, sys.argv[2].split(','))))\n"
        "from dataclasses import replace\n"
        "from host.quantize.demo import build_demo; from tests.fixtures.routes import digits\n"
        "from host.quantize.training import Training, build_and_train\n"
        "data = digits()\n"
        "few = replace(data, x_train=data.x_train[:256], y_train=data.y_train[:256])\n"
        "source = build_and_train(build_demo, few, 0, Training(epochs=1))\n"
        "source.handle.save_weights(sys.argv[1])\n"
    )
    processors = sorted(os.sched_getaffinity(0))[:2]
    running = {}
    for name, chosen in (("one", processors[:1]), ("two", processors)):
        path = tmp_path / f"{name}.h5"
        arguments = [str(path), ",".join(map(str, chosen))]
        command = [sys.executable, "-c", script, *arguments]
        running[path] = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert [process.wait() for process in running.values()] == [0, 0]
    assert len({_weights_digest(path) for path in running}) == 1


def _weights_digest(path: Path) -> str:
    """Over the arrays: the file itself has times in it."""
    import h5py  # type: ignore[import-untyped]

    arrays: list[bytes] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: arrays.append(item[()].tobytes()) if hasattr(item, "dtype") else None
        )
    assert len(arrays) > 20
    return hashlib.sha256(b"".join(arrays)).hexdigest()
