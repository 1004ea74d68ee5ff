"""Small tf_keras models for tests of the routes, and what tfmot does not support."""

from __future__ import annotations

from typing import Any

import pytest

from host.models.dataset import Dataset
from host.models.datasets import load_dataset
from host.quantize.training import Training

tf_keras = pytest.importorskip("tf_keras", reason="tf_keras is not installed")
keras = pytest.importorskip("keras", reason="Keras 3 is not installed")

IMAGE = (8, 8, 1)
SHORT = Training(epochs=3, qat_epochs=1)


def digits() -> Dataset:
    """All digits, with samples to train and to calibrate with."""
    return load_dataset("digits", samples=None, seed=0, input_shape=IMAGE, calibrate=True)


# --- supported --------------------------------------------------------------------------------


def branches() -> Any:
    """Concatenation, an average pool that QAT requantizes behind, a residual, a fused ReLU."""
    layers = tf_keras.layers
    image = tf_keras.Input(IMAGE)
    one = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    other = layers.Conv2D(4, 1, activation="relu")(image)
    x = layers.AveragePooling2D()(layers.Concatenate()([one, other]))
    x = layers.Conv2D(8, 3)(layers.ZeroPadding2D()(x))
    x = layers.Add()([x, layers.LeakyReLU()(x)])
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


def dense_normalized() -> Any:
    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            layers.Input(IMAGE),
            layers.Flatten(),
            layers.Dense(16, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )


def separable() -> Any:
    layers = tf_keras.layers
    return sequence(layers.DepthwiseConv2D(3), layers.SeparableConv2D(4, 3, activation="relu"))


def sequence(*inner: Any, shape: tuple[int, ...] = IMAGE) -> Any:
    """The layers between an input and a dense layer."""
    layers = tf_keras.layers
    return tf_keras.Sequential([layers.Input(shape), *inner, layers.Flatten(), layers.Dense(10)])


# --- not supported by tfmot -------------------------------------------------------------------


def nested() -> Any:
    inner = tf_keras.Sequential([tf_keras.layers.Conv2D(3, 3, name="within")], name="inner")
    return sequence(inner)


def nested_functional() -> Any:
    image = tf_keras.Input(IMAGE)
    conv = tf_keras.layers.Conv2D(3, 3, name="within")
    return sequence(tf_keras.Model(image, tf_keras.layers.ReLU()(conv(image)), name="inner"))


def flattened(model: Any, name: str) -> Any:
    """The model with its inner model's layers in its place, as the error recommends."""
    image = x = tf_keras.Input(model.input_shape[1:])
    for layer in model.layers:
        inner = layer.layers if layer.name == name else [layer]
        for each in inner:
            if not isinstance(each, tf_keras.layers.InputLayer):
                x = each(x)
    return tf_keras.Model(image, x)


class Subclassed(tf_keras.Model):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.flat, self.dense = tf_keras.layers.Flatten(), tf_keras.layers.Dense(10)

    def call(self, x: Any) -> Any:
        return self.dense(self.flat(x))


def subclassed_within() -> Any:
    image = tf_keras.Input(IMAGE)
    return tf_keras.Model(image, Subclassed()(image))


def keras3() -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(IMAGE),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def as_keras2() -> Any:
    """The layers of ``keras3`` in tf_keras."""
    layers = tf_keras.layers
    return sequence(layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU())


def function_of_layers() -> Any:
    import tensorflow as tf

    image = tf_keras.Input(IMAGE)
    x = tf_keras.layers.Flatten()(tf.nn.relu(image))
    return tf_keras.Model(image, tf_keras.layers.Dense(10)(x))


def with_lambda() -> Any:
    return sequence(tf_keras.layers.Lambda(lambda x: x + 1))


def lstm() -> Any:
    return sequence(tf_keras.layers.LSTM(5), shape=(8, 4))


def conv1d() -> Any:
    return sequence(tf_keras.layers.Conv1D(5, 3), shape=(8, 4))


def prelu() -> Any:
    return sequence(tf_keras.layers.Conv2D(3, 3), tf_keras.layers.PReLU())


def layer_normalization() -> Any:
    return sequence(tf_keras.layers.Dense(3), tf_keras.layers.LayerNormalization(), shape=(8,))


def lone_normalization() -> Any:
    return sequence(tf_keras.layers.BatchNormalization())


def normalization_behind_relu() -> Any:
    layers = tf_keras.layers
    return sequence(layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization())


def relu6() -> Any:
    return sequence(tf_keras.layers.Conv2D(3, 3, activation="relu6"))


def quantized_already() -> Any:
    tfmot = pytest.importorskip("tensorflow_model_optimization")
    return tfmot.quantization.keras.quantize_model(sequence(tf_keras.layers.Conv2D(3, 3)))
