"""``--route`` at the command line: what is refused, and before how much work."""

from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.command_line import refused
from tests.fixtures.datasets import npz
from tests.fixtures.models import dense, saved

tf_keras = pytest.importorskip("tf_keras", reason="tf_keras is not installed")
SMALL = np.random.default_rng(0).random((30, 4), np.float32)


@pytest.fixture
def keras_model(tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("route", "says"), [("nonsense", "no route 'nonsense'"), ("qat", "runs in Keras only")]
)
def test_a_route_that_leads_to_no_device(tmp_path: Path, route: str, says: str) -> None:
    # The model does not exist: the route is looked at first.
    assert says in refused(tmp_path, "--route", route, "--model", "nothing.h5")


def test_a_ready_tflite_has_been_converted(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.tflite", dense(6, 3))
    message = refused(tmp_path, "--route", "qat-int8", "--model", path, "--data", "random")
    assert "--route qat-int8 converts a float model" in message


def test_nothing_to_train_with(tmp_path: Path, keras_model: Path) -> None:
    data = npz(tmp_path, x=SMALL, y=np.arange(30) % 3, x_calibration=SMALL)
    message = refused(tmp_path, "--route", "qat-int8", "--model", keras_model, "--data", data)
    assert "has nothing to train with" in message


def test_a_model_that_tfmot_does_not_support(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    layers = tf_keras.layers
    tf_keras.Sequential([layers.Input((4,)), layers.LayerNormalization(), layers.Dense(3)]).save(
        path
    )
    data = npz(tmp_path, x=SMALL, y=np.arange(30) % 3, x_train=SMALL, y_train=np.arange(30) % 3)
    message = refused(tmp_path, "--route", "qat-int8", "--model", path, "--data", data)
    assert "does not support layer layer_normalization (LayerNormalization)" in message
