"""Models of the routes that fine-tune, on an emulated board."""

from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.command_line import run_ok
from tests.fixtures.routes import digits, tf_keras

pytest.importorskip("tensorflow_model_optimization", reason="tfmot is not installed")


def test_qat_and_its_transplant_match_on_the_device_and_each_other(tmp_path: Path) -> None:
    layers = tf_keras.layers
    inner = [layers.Conv2D(4, 3, activation="relu"), layers.Flatten()]
    tail = layers.Dense(10, activation="softmax")
    tf_keras.utils.set_random_seed(0)
    tf_keras.Sequential([layers.Input((8, 8, 1)), *inner, tail]).save(tmp_path / "model.h5")
    data = digits()
    assert data.x_train is not None and data.y_train is not None and data.y is not None
    x_train, y_train = data.x_train[:300], data.y_train[:300]
    np.savez(tmp_path / "set.npz", x=data.x[:40], y=data.y[:40], x_train=x_train, y_train=y_train)
    outputs = {}
    for route in ("qat-int8", "qat-transplant"):
        done = run_ok(
            *("flash-and-eval", "--route", route, "--model", tmp_path / "model.h5"),
            *("--data", tmp_path / "set.npz", "--json", "--out", tmp_path / route),
        )
        report = done.json
        assert report["verdict"] == "match" and report["tflite"]["route"] == route
        assert report["gaps"]["deployment"]["bit_equal"] == 1.0
        assert report["columns"]["keras"]["version"].endswith("fake-quantized (QAT)")
        with np.load(tmp_path / route / "predictions.npz") as predictions:
            outputs[route] = predictions["device"]
    assert outputs["qat-int8"].shape == (40, 10)
    assert np.array_equal(outputs["qat-int8"], outputs["qat-transplant"])
