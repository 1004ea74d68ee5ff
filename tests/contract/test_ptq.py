"""Conversion with the real TensorFlow: every kind of model, and the traps on the way."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import DataError, ModelError
from host.deployment.prepare import model_file
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.engines.aot import AotEngine
from host.models import tflite
from host.models.dataset import Dataset, check_fit, load_dataset
from host.models.feeds import quantize_samples
from host.models.source import FloatModel, load_keras, open_model
from host.oracles.keras import run_keras
from host.quantize.conversion import accept_tflite, quantize_ptq
from tests.fixtures.fakes import Silent
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.runs import shared_model

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
tf_keras = pytest.importorskip("tf_keras", reason="tf_keras is not installed")
keras = pytest.importorskip("keras", reason="Keras 3 is not installed")

KINDS = ["two.h5", "two.keras", "two_saved", "three.keras", "three.h5", "three_saved", "no_ending"]


def network(library: Any) -> Any:
    """Flatten is what puts SHAPE and PACK into a graph whose batch is open."""
    layers = library.layers
    image = library.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(image))
    return library.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    tf_keras.utils.set_random_seed(1)
    two, three = network(tf_keras), network(keras)
    for name in ("two.h5", "two.keras"):
        two.save(path / name)
    two.save(str(path / "two_saved"))
    for name in ("three.keras", "three.h5"):
        three.save(path / name)
    three.export(str(path / "three_saved"), verbose=False)
    (path / "no_ending").write_bytes((path / "two.h5").read_bytes())
    return path


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", samples=50, calibrate=True)


def load(path: Path) -> FloatModel:
    return load_keras(open_model(path))


def biggest_error(source: FloatModel, dataset: Dataset) -> float:
    graph = quantize_ptq(source, dataset).graph
    on_host = tflm_outputs(graph, quantize_samples(dataset, graph))
    expected = run_keras(source, dataset, graph).outputs
    assert expected is not None
    return float(np.abs(graph.output.to_real(on_host) - expected).max())


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_converts(folder: Path, digits: Dataset, name: str) -> None:
    source = load(folder / name)
    assert (source.input_shape, source.output_shape, source.batch) == ((8, 8, 1), (10,), None)
    assert biggest_error(source, digits) < 0.05


def test_the_same_seed_gives_the_same_bytes(folder: Path, digits: Dataset) -> None:
    source = load(folder / "two.h5")
    one, same, other = (quantize_ptq(source, digits, seed=s).graph.sha256 for s in (1, 1, 2))
    assert one == same != other


def test_demo_model() -> None:
    # From the cache, where another test has trained it already.
    source = load_keras(model_file(ModelOptions(), Stages(Silent())))
    assert 1500 <= source.handle.count_params() <= 5000
    whole = load_dataset("digits", calibrate=True)
    assert (source.predict(whole.x).argmax(axis=1) == whole.y).mean() >= 0.95
    quantized = quantize_ptq(source, whole)
    graph = quantized.graph
    assert [a.code for a in quantized.warnings] == ["per-channel-fully-connected"]
    assert (graph.input.shape, graph.output.shape) == ((1, 8, 8, 1), (1, 10))
    on_host = tflm_outputs(graph, quantize_samples(whole, graph))
    assert (on_host.argmax(axis=1) == whole.y).mean() >= 0.95


@pytest.mark.parametrize("name", ["mlperf_ic", "mlperf_ad"])
def test_keras_models_of_others_convert(name: str) -> None:
    source = load(shared_model(f"{name}.h5"))
    x = np.random.default_rng(0).random((8, *source.input_shape), np.float32) * 255
    graph = quantize_ptq(source, Dataset("noise", x, None, x)).graph
    assert graph.output.shape == (1, *source.output_shape)


def two_inputs(library: Any) -> Any:
    both = [library.Input((4,)), library.Input((4,))]
    return library.Model(both, library.layers.Concatenate()(both))


def two_outputs(library: Any) -> Any:
    one = library.Input((4,))
    return library.Model(one, [library.layers.Dense(2)(one), library.layers.Dense(3)(one)])


def open_shape(library: Any) -> Any:
    image = library.Input((None, None, 1))
    return library.Model(image, library.layers.GlobalAveragePooling2D()(image))


def whole_numbers(library: Any) -> Any:
    words = library.Input((4,), dtype="int32")
    return library.Model(words, library.layers.Embedding(5, 3)(words))


def fixed_batch(library: Any) -> Any:
    row = library.Input(batch_shape=(16, 4))
    return library.Model(row, library.layers.Dense(2)(row))


@pytest.mark.parametrize("library", [tf_keras, keras])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (two_inputs, "has 2 inputs"),
        (two_outputs, "has 2 outputs"),
        (open_shape, "open shape"),
        (whole_numbers, "has type int32"),
        (fixed_batch, "batch size 16"),
    ],
)
def test_models_that_cannot_be_used(
    tmp_path: Path, library: Any, make: Callable[[Any], Any], says: str
) -> None:
    path = tmp_path / ("m.h5" if library is tf_keras else "m.keras")
    make(library).save(path)
    with pytest.raises(ModelError, match=says) as caught:
        load(path)
    assert str(path) in caught.value.message


def test_lambda_only_where_it_is_allowed(tmp_path: Path) -> None:
    row = tf_keras.Input((4,))
    model = tf_keras.Model(row, tf_keras.layers.Lambda(lambda x: x + 1)(row))
    model.save(tmp_path / "m.h5")
    with pytest.raises(ModelError, match="Lambda"):
        load(tmp_path / "m.h5")
    assert load_keras(open_model(tmp_path / "m.h5"), allow_unsafe=True).output_shape == (4,)


@pytest.mark.parametrize("library", [tf_keras, keras])
def test_a_custom_layer_is_a_model_error(tmp_path: Path, library: Any) -> None:
    class Mine(library.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    row = library.Input((4,))
    path = tmp_path / ("m.h5" if library is tf_keras else "m.keras")
    library.Model(row, Mine()(row)).save(path)
    with pytest.raises(ModelError, match="Mine") as caught:
        load(path)
    assert "Convert it to a full-int8 .tflite" in caught.value.hint


def test_a_model_that_computes_nan(tmp_path: Path) -> None:
    model = network(tf_keras)
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    model.save(tmp_path / "m.h5")
    with pytest.raises(ModelError, match="NaN"):
        load(tmp_path / "m.h5")


def test_a_damaged_saved_model(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(ModelError, match="cannot load"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("operator", "says"),
    [
        ("sin", r"float operators stand .*: operator \d SIN"),  # TFLite has no int8 kernel
        ("erf", r"cannot be converted to int8 TFLite.*Erf"),  # TFLite has no such operator
    ],
)
def test_an_operator_that_tflite_lacks(
    tmp_path: Path, digits: Dataset, operator: str, says: str
) -> None:
    image = keras.Input((8, 8, 1))
    x = getattr(keras.ops, operator)(keras.layers.Conv2D(4, 3)(image))
    keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(x))).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=says):
        quantize_ptq(load(tmp_path / "m.keras"), digits)


@pytest.mark.parametrize(
    ("factor", "code"), [(255, "input-range-unused"), (1 / 255, "input-saturated")]
)
def test_representative_data_of_another_scale(
    folder: Path, digits: Dataset, factor: float, code: str
) -> None:
    assert digits.x_calibration is not None
    scaled = (digits.x_calibration * factor).astype(np.float32)
    found = quantize_ptq(load(folder / "two.h5"), Dataset("set", digits.x, None, scaled))
    assert code in [advice.code for advice in found.warnings]


def test_mnist_does_not_fit_the_image_classifier() -> None:
    source = load(shared_model("mlperf_ic.h5"))
    mnist = load_dataset("mnist5k", calibrate=True)
    with pytest.raises(DataError, match=r"\(28, 28, 1\).*\(32, 32, 3\)"):
        check_fit(mnist, source.input_shape, source.output_shape)


def ready(folder: Path, **options: Any) -> Any:
    """Convert as a user might, with the converter's own settings."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(folder))
    for name, value in options.items():
        setattr(converter, name, value)
    if "types" in options:
        converter.target_spec.supported_types = options["types"]
    return converter


def noise() -> Iterator[list[Any]]:
    for index in range(4):
        yield [np.random.default_rng(index).random((1, 8, 8, 1), np.float32)]


DEFAULT = [tf.lite.Optimize.DEFAULT]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "float model"),
        ({"optimizations": DEFAULT, "types": [tf.float16]}, "float16 model"),
        (
            {
                "optimizations": DEFAULT,
                "representative_dataset": lambda: iter(()),
                "inference_output_type": tf.int8,
            },
            "representative data set empty",
        ),
    ],
)
def test_tflite_files_with_traps(folder: Path, options: dict[str, Any], says: str) -> None:
    content = ready(folder / "three.keras", **options).convert()
    with pytest.raises(ModelError, match=says) as caught:
        accept_tflite(tflite.parse(content))
    assert "onvert" in caught.value.hint


@pytest.mark.parametrize("ends", [tf.float32, tf.uint8, tf.int8])
def test_ready_files_are_taken_whatever_their_ends(folder: Path, ends: Any) -> None:
    # The open batch leaves operators that compute shapes; they are no traps.
    options = {"optimizations": DEFAULT, "representative_dataset": noise}
    interface = {"inference_input_type": ends, "inference_output_type": ends}
    graph = tflite.parse(ready(folder / "three.keras", **options, **interface).convert())
    assert graph.input.dtype == graph.output.dtype == ends.name
    assert "SHAPE" in [operator.name for operator in graph.operators]
    accept_tflite(graph)
    AotEngine().check(graph)
    samples = Dataset("set", np.concatenate([x for (x,) in noise()]), None, None)
    on_host = tflm_outputs(graph, quantize_samples(samples, graph))
    assert on_host.dtype == ends.name
