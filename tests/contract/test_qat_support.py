"""Models that tfmot does not support are refused before anything is trained, with a way out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import ModelError
from host.models.dataset import Dataset
from host.models.source import FloatModel, load_keras, open_model
from host.quantize.conversion import quantize_ptq
from host.quantize.follow import check_routes
from host.quantize.qat import fake_quantize
from host.quantize.routes import MAIN_ROUTES, ROUTES
from host.quantize.training import build_model
from tests.fixtures import routes as nets

tf_keras = nets.tf_keras
pytest.importorskip("tensorflow_model_optimization", reason="tfmot is not installed")
Make = Callable[[], Any]

UNSUPPORTED: list[tuple[Make, str, str]] = [
    (nets.nested, "a model inside a model: layer inner (Sequential)", "Flatten it"),
    (nets.nested_functional, "a model inside a model: layer inner (Functional)", "Flatten it"),
    (nets.subclassed_within, "a model inside a model: layer subclassed (Sub", "functional model"),
    (nets.keras3, "models of tf_keras (Keras 2), and this one is of", "set_weights"),
    (nets.with_lambda, "functions: layer lambda (Lambda)", "built-in layers"),
    (nets.function_of_layers, "functions: layer tf.nn.relu (TFOpLambda)", "built-in layers"),
    (nets.lstm, "does not support layer lstm (LSTM)", "Replace it"),
    (nets.conv1d, "does not support layer conv1d (Conv1D)", "Conv2D with a kernel of (1, k)"),
    (nets.prelu, "does not support layer p_re_lu (PReLU)", "LeakyReLU"),
    (nets.layer_normalization, "layer layer_normalization (LayerN", "BatchNormalization"),
    (nets.lone_normalization, "layer batch_normalization (BatchN", "right after a Conv2D"),
    (nets.normalization_behind_relu, "layer batch_normalization (BatchN", "has no activation"),
    (nets.relu6, "the activation relu6 of layer conv2d (Conv2D)", "a ReLU"),
    (nets.quantized_already, "already: layer quantize_layer (QuantizeLayer)", "plain float model"),
]


def samples(source: FloatModel) -> Dataset:
    x = np.random.default_rng(0).random((20, *source.input_shape), np.float32)
    return Dataset("noise", x, None, x)


@pytest.mark.parametrize(
    ("make", "says", "way"), UNSUPPORTED, ids=lambda v: getattr(v, "__name__", "")
)
def test_what_is_refused_and_the_nearest_way(make: Make, says: str, way: str) -> None:
    source = build_model(make, 0)
    before = [w.copy() for w in source.handle.get_weights()]
    with pytest.raises(ModelError) as caught:
        check_routes([ROUTES[name] for name in MAIN_ROUTES], source)
    assert "tensorflow_model_optimization 0." in caught.value.message
    assert says in caught.value.message
    assert way in caught.value.hint and "--route ptq-int8" in caught.value.hint
    after = source.handle.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


# One of each kind: they take a second each.
@pytest.mark.parametrize("make", [nets.subclassed_within, nets.keras3, nets.lstm, nets.prelu])
def test_ptq_is_a_way(make: Make) -> None:
    source = build_model(make, 0)
    check_routes([ROUTES["float"], ROUTES["ptq-int8"]], source)
    assert quantize_ptq(source, samples(source)).graph.output.dtype == "int8"


def test_a_saved_model_has_no_layers(tmp_path: Path) -> None:
    nets.sequence(tf_keras.layers.Conv2D(3, 3)).save(str(tmp_path / "saved"))
    source = load_keras(open_model(tmp_path / "saved"))
    with pytest.raises(ModelError, match="a SavedModel is a graph without layers"):
        fake_quantize(source)


def test_a_lambda_in_a_file_that_is_trusted(tmp_path: Path) -> None:
    nets.with_lambda().save(tmp_path / "m.h5")
    source = load_keras(open_model(tmp_path / "m.h5"), allow_unsafe=True)
    with pytest.raises(ModelError, match="Lambda"):
        fake_quantize(source)


def test_a_file_with_layers_of_tfmot(tmp_path: Path) -> None:
    nets.quantized_already().save(tmp_path / "m.h5")
    with pytest.raises(ModelError, match="layers of tensorflow_model_optimization") as caught:
        load_keras(open_model(tmp_path / "m.h5"))
    assert "plain float model" in caught.value.hint


@pytest.mark.parametrize("make", [nets.nested, nets.nested_functional])
def test_a_flattened_model(make: Make) -> None:
    model = make()
    source = build_model(lambda: nets.flattened(model, "inner"), 0)
    fake_quantize(source)
    x = samples(source).x
    assert np.array_equal(source.predict(x), np.asarray(model(x, training=False)))


def test_a_keras_3_model_rebuilt_in_tf_keras() -> None:
    old = build_model(nets.keras3, 0)
    for layer in old.handle.layers:  # BatchNormalization's too, which start as 0 and 1
        rng = np.random.default_rng(1)
        layer.set_weights([rng.uniform(0.5, 1, w.shape) for w in layer.get_weights()])

    def rebuilt() -> Any:
        new = nets.as_keras2()
        new.set_weights(old.handle.get_weights())
        return new

    source = build_model(rebuilt, 0)
    fake_quantize(source)
    x = samples(source).x
    assert np.allclose(source.predict(x), old.predict(x), rtol=1e-4)


@pytest.mark.parametrize(
    "inner",
    [
        lambda layers: [layers.Reshape((1, 8, 8)), layers.Conv2D(5, (1, 3), activation="relu")],
        lambda layers: [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU()],
        lambda layers: [layers.Conv2D(3, 3), layers.ReLU(6.0)],
        lambda layers: [layers.Conv2D(3, 3), layers.LeakyReLU()],
    ],
)
def test_layers_that_are_recommended(inner: Callable[[Any], list[Any]]) -> None:
    fake_quantize(build_model(lambda: nets.sequence(*inner(tf_keras.layers)), 0))


def test_a_separable_convolution_is_refused_only_where_weights_are_copied_back() -> None:
    source = build_model(nets.separable, 0)
    check_routes([ROUTES["qat-int8"]], source)
    for name in ("qat-weights-ptq", "qat-transplant", "qat-weights-float"):
        with pytest.raises(ModelError, match=r"separable_conv2d \(SeparableConv2D\)") as caught:
            check_routes([ROUTES[name]], source)
        assert "qat-int8" in caught.value.hint and "DepthwiseConv2D" in caught.value.hint
