"""Models with float32 or uint8 at their ends, and with int16 inside, as a native program."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.models import tflite
from host.models.named_sets import digits
from host.quantize.demo import build_demo
from tests.fixtures.command_line import run_ok

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytest.importorskip("tf_keras", reason="tf_keras is not installed")
pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this platform")

SAMPLES = "60"


def convert(model: Any, samples: Any, ends: str, operators: Any) -> bytes:
    """Quantized inside by ``operators``, with this type at both ends."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in samples)
    converter.target_spec.supported_ops = [operators]
    converter.inference_input_type = converter.inference_output_type = getattr(tf, ends)
    return bytes(converter.convert())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    whole = digits()
    assert whole.x_train is not None
    model = build_demo()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(whole.x_train, whole.y_train, epochs=3, verbose=0)
    folder = tmp_path_factory.mktemp("models")
    sets = tf.lite.OpsSet
    int8 = sets.TFLITE_BUILTINS_INT8
    int16 = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    kinds = {
        "float32": ("float32", int8),
        "uint8": ("uint8", int8),
        "int16": ("int16", int16),
        "float32, int16 inside": ("float32", int16),
    }
    paths = {}
    for name, (ends, operators) in kinds.items():
        paths[name] = folder / f"{name}.tflite"
        paths[name].write_bytes(convert(model, whole.x_train[:100], ends, operators))
    return paths


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("float32", "digits"),
        ("float32", "random"),
        ("uint8", "digits"),
        ("int16", "digits"),
        ("float32, int16 inside", "digits"),
    ],
)
def test_the_device_matches(models: dict[str, Path], name: str, data: str, tmp_path: Path) -> None:
    kind = name.split(",")[0]
    graph = tflite.load(models[name])
    assert graph.input.dtype == graph.output.dtype == kind
    done = run_ok(
        *("flash-and-eval", "--board", "process-sanitized", "--model", models[name]),
        *("--data", data, "--samples", SAMPLES, "--json", "--out", tmp_path / "run"),
    )
    report = done.json
    assert (
        report["headline"] == f"The device computes the int8 model: {SAMPLES}/{SAMPLES} bit-exact"
    )
    assert report["gaps"]["deployment"]["max_steps"] == 0
    assert report["gaps"]["desktop_reference"]["max_steps"] <= 5
    with np.load(tmp_path / "run" / "predictions.npz") as predictions:
        device = predictions["device"]
        assert device.dtype == kind and np.array_equal(device, predictions["tflm_host"])
        assert len(np.unique(device)) > 50
    if data == "digits":
        assert report["accuracy"]["device"]["value"] > 0.7
    else:
        assert not any("clipped" in note for note in report["notes"])


def test_a_keras_model_by_the_route_to_int16(tmp_path: Path) -> None:
    done = run_ok(
        *("flash-and-eval", "--board", "process", "--route", "ptq-int16x8", "--samples", SAMPLES),
        *("--json", "--out", tmp_path / "run"),
    )
    report = done.json
    assert (
        report["headline"] == f"The device computes the int8 model: {SAMPLES}/{SAMPLES} bit-exact"
    )
    assert report["tflite"]["route"] == "ptq-int16x8"
    assert report["gaps"]["quantization"]["max_error"] < 0.05
    assert report["accuracy"]["device"]["value"] > 0.9
