"""Layers as Keras has them, converted by TensorFlow, on engine ``aot``: equal to TFLite-Micro."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.models.dataset import Dataset
from host.models.source import load_keras, open_model
from host.quantize.conversion import quantize_ptq
from tests.aot.reference import compare
from tests.fixtures import native

tf_keras = pytest.importorskip("tf_keras", reason="tf_keras is not installed")
pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this platform")

pytestmark = pytest.mark.skipif(native.COMPILER is None, reason="g++ is not installed")


def recurrent(layers: Any) -> Any:
    x = image = tf_keras.Input((9, 6))
    x = layers.LSTM(8, return_sequences=True)(x)
    x = layers.Bidirectional(layers.LSTM(5))(x)
    return tf_keras.Model(image, layers.Dense(3, activation="softmax")(x))


def decoder(layers: Any) -> Any:
    x = image = tf_keras.Input((5, 4, 3))
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(4, (2, 3), strides=(1, 3), padding="valid", use_bias=False)(x)
    return tf_keras.Model(image, layers.GlobalMaxPooling2D()(x))


def attention(layers: Any) -> Any:
    x = image = tf_keras.Input((7, 8))
    query, key, value = (layers.Dense(6)(x) for _ in range(3))
    x = layers.Attention()([query, value, key])
    return tf_keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def mixer(layers: Any) -> Any:
    """Dense layers along both axes of a matrix, as in an MLP-Mixer."""
    x = image = tf_keras.Input((6, 5))
    y = layers.Permute((2, 1))(layers.Dense(6, activation="relu")(layers.Permute((2, 1))(x)))
    x = layers.Dot(axes=2)([layers.Add()([x, y]), x])
    return tf_keras.Model(image, layers.GlobalMaxPooling1D()(x))


def residual(layers: Any) -> Any:
    """Branches that come together in every way, with squeeze and excitation."""
    x = image = tf_keras.Input((8, 8, 3))
    x = layers.Add()([layers.Conv2D(3, 3, padding="same")(x), x])
    gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 3))(gate)])
    small = layers.UpSampling2D(2)(layers.MaxPooling2D()(x))
    x = layers.Concatenate()([x, small, layers.Subtract()([x, small])])
    x = layers.Maximum()([layers.Cropping2D(1)(x), layers.Cropping2D(((2, 0), (0, 2)))(x)])
    return tf_keras.Model(image, layers.Dense(4)(layers.Flatten()(layers.ZeroPadding2D(1)(x))))


def activated(layers: Any) -> Any:
    def hard_swish(y: Any) -> Any:
        gate = layers.ReLU(6.0)(layers.Rescaling(1.0, offset=3.0)(y))
        return layers.Multiply()([y, layers.Rescaling(1 / 6)(gate)])

    x = image = tf_keras.Input((6, 5, 4))
    for activation in (
        layers.LeakyReLU(0.1),
        layers.PReLU(alpha_initializer="random_uniform", shared_axes=[1, 2]),
        hard_swish,
        layers.Activation("swish"),
        layers.Activation("tanh"),
    ):
        x = activation(layers.Conv2D(5, 1)(x))
    return tf_keras.Model(image, layers.Flatten()(x))


# And the operators that must be seen in the conversion.
MODELS: list[tuple[Callable[[Any], Any], set[str]]] = [
    (recurrent, {"UNIDIRECTIONAL_SEQUENCE_LSTM", "REVERSE_V2"}),
    (decoder, {"TRANSPOSE_CONV", "RESIZE_BILINEAR", "REDUCE_MAX"}),
    (attention, {"BATCH_MATMUL", "MEAN"}),
    (mixer, {"BATCH_MATMUL", "REDUCE_MAX"}),
    (residual, {"CONCATENATION", "MUL", "SUB", "MAXIMUM", "STRIDED_SLICE", "PAD", "LOGISTIC"}),
    (activated, {"LEAKY_RELU", "PRELU", "HARD_SWISH", "LOGISTIC", "TANH"}),
]


@pytest.mark.parametrize(("network", "wanted"), MODELS, ids=[m.__name__ for m, _ in MODELS])
def test_converted_layers_equal_tflite_micro(
    network: Callable[[Any], Any], wanted: set[str], tmp_path: Path
) -> None:
    tf_keras.utils.set_random_seed(1)
    network(tf_keras.layers).save(tmp_path / "model.h5")
    source = load_keras(open_model(tmp_path / "model.h5"))
    rng = np.random.default_rng(1)
    calibration = rng.normal(0, 1, (64, *source.input_shape)).astype(np.float32)
    graph = quantize_ptq(source, Dataset("drawn", calibration[:1], None, calibration)).graph
    assert wanted <= {operator.name for operator in graph.operators}
    samples = rng.integers(-128, 128, (16, *graph.input.shape), dtype=np.int8)
    samples[0], samples[1] = -128, 127
    compare(graph, (samples,), tmp_path)
