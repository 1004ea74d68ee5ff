"""The healthy networks, their data, and how they are trained. TensorFlow is imported when used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from host.base.arrays import Array, FloatArray
from host.models.named_sets import digits

SCORED = 200
CALIBRATION = 200
_BATCH = 32


@dataclass(frozen=True)
class Network:
    """A network and its data.

    Attributes:
        build: the untrained tf_keras model.
        prepare: the digits, [n, 8, 8, 1] in 0..1, as the network takes them.
        epochs: how long it trains.
    """

    build: Callable[[Any], Any]
    prepare: Callable[[FloatArray], FloatArray]
    epochs: int


def as_they_are(x: FloatArray) -> FloatArray:
    return x


def with_gradients(x: FloatArray) -> FloatArray:
    """Three channels: the image, its horizontal and its vertical gradient."""
    right = np.diff(x, axis=2, append=0)
    down = np.diff(x, axis=1, append=0)
    return np.concatenate([x, right, down], axis=3).astype(np.float32)


def standardized(x: FloatArray) -> FloatArray:
    """Mean 0 and deviation 1, as of the training part."""
    return ((x - np.float32(0.305)) / np.float32(0.376)).astype(np.float32)


def save_data(network: Network, path: Path, seed: int) -> None:
    """The .npz that every command of a case gets: x, y, x_train, y_train, x_calibration.

    The last are the representative samples of the healthy conversion, drawn with ``seed``.
    """
    whole = digits()
    assert whole.x_train is not None and whole.y_train is not None and whole.y is not None
    x_train, x = network.prepare(whole.x_train), network.prepare(whole.x[:SCORED])
    np.savez(
        path,
        x=x,
        y=whole.y[:SCORED],
        x_train=x_train,
        y_train=whole.y_train,
        x_calibration=calibration(x_train, seed),
    )


def calibration(x_train: FloatArray, seed: int, count: int = CALIBRATION) -> FloatArray:
    """Representative samples, drawn with a seed."""
    return x_train[np.random.default_rng(seed).permutation(len(x_train))[:count]]


def _separable(tf_keras: Any) -> Any:
    """Convolution, two depthwise-separable blocks, batch normalization everywhere, softmax."""
    layers = tf_keras.layers

    def normalized(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    image = tf_keras.Input((8, 8, 1))
    x = normalized(layers.Conv2D(12, 3, padding="same", use_bias=False)(image))
    x = normalized(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    x = normalized(layers.Conv2D(24, 1, use_bias=False)(x))
    x = normalized(layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x))
    x = normalized(layers.Conv2D(32, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(x))


def _residual(tf_keras: Any) -> Any:
    """Three input channels, a residual ADD, max pooling, dense layers, biases; no normalization."""
    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 3))
    first = layers.Conv2D(12, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(12, 3, padding="same", activation="relu")(first)
    x = layers.Conv2D(12, 3, padding="same")(x)
    x = layers.ReLU()(layers.Add()([x, first]))
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dense(24, activation="relu")(layers.Flatten()(x))
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(x))


def _perceptron(tf_keras: Any) -> Any:
    """Dense layers only."""
    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 1))
    x = layers.Dense(32, activation="relu")(layers.Flatten()(image))
    x = layers.Dense(24, activation="relu")(x)
    return tf_keras.Model(image, layers.Dense(10, activation="softmax")(x))


def _logits(tf_keras: Any) -> Any:
    """Convolutions with bias and normalization, average pooling, and logits for an output."""
    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 1))
    x = image
    for filters, strides in ((8, 1), (16, 2), (24, 1)):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Flatten()(layers.AveragePooling2D()(x))
    return tf_keras.Model(image, layers.Dense(10)(x))


NETWORKS: Mapping[str, Network] = {
    "separable": Network(_separable, as_they_are, 10),
    "residual": Network(_residual, with_gradients, 6),
    "perceptron": Network(_perceptron, as_they_are, 12),
    "logits": Network(_logits, standardized, 6),
}


def train(network: Network, data: Mapping[str, Array], seed: int, path: Path) -> None:
    """Train from scratch and save as Keras 2 .h5; the same seed gives the same weights."""
    tf_keras = tensorflow_keras(seed)
    tf_keras.backend.clear_session()  # or the layers' names would depend on what came before
    model = network.build(tf_keras)
    fit(model, data, network.epochs, 4e-3)
    model.save(path, include_optimizer=False)


def fit(model: Any, data: Mapping[str, Array], epochs: int, rate: float) -> None:
    """Adam with a falling rate, on the training part."""
    import tf_keras

    steps = epochs * -(-len(data["x_train"]) // _BATCH)
    schedule = tf_keras.optimizers.schedules.CosineDecay(rate, steps)
    soft = getattr(model.layers[-1], "activation", None) is not tf_keras.activations.linear
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=not soft)
    model.compile(tf_keras.optimizers.Adam(schedule), loss)
    model.fit(data["x_train"], data["y_train"], batch_size=_BATCH, epochs=epochs, verbose=0)


def tensorflow_keras(seed: int) -> Any:
    """tf_keras, with every random choice fixed."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return tf_keras
