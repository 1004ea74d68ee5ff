"""Functions that build models for a study, good ones and bad ones, as users write them."""

from __future__ import annotations

import os
import signal
from typing import Any

CRASHES_WITH_SEED = 2


def small(input_shape: tuple[int, ...], classes: int, seed: int) -> Any:
    """A dense network; with one seed, its process is killed."""
    if seed == CRASHES_WITH_SEED:
        os.kill(os.getpid(), signal.SIGKILL)
    import tf_keras

    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            tf_keras.Input(input_shape),
            layers.Dense(8, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def compiled() -> Any:
    import tensorflow as tf

    # Means tf_keras in a study, whatever TensorFlow's default.
    keras = tf.keras
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def with_defaults(width: int = 4, *, classes: int = 3) -> Any:
    import tf_keras

    layers = [tf_keras.Input((6,)), tf_keras.layers.Dense(classes)]
    return tf_keras.Sequential(layers)


def wants_more(depth: int) -> Any:
    return depth


def raises() -> Any:
    raise ValueError("no GPU, no model")


def returns_nothing() -> Any:
    return None


def keras_3() -> Any:
    import keras

    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])


def not_built() -> Any:
    import tf_keras

    return tf_keras.Sequential([tf_keras.layers.Dense(3)])


def too_wide() -> Any:
    import tf_keras

    return tf_keras.Sequential([tf_keras.Input((7,)), tf_keras.layers.Dense(3)])


def with_lambda() -> Any:
    import tf_keras

    layers = tf_keras.layers
    shifted = layers.Lambda(lambda x: x + 1)
    return tf_keras.Sequential([tf_keras.Input((6,)), shifted, layers.Dense(3)])


no_function = 3
