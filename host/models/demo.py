"""The demo model: a small depthwise-separable CNN on scikit-learn's digits."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from host.errors import ToolMissingError

# Part of the key under which a trained demo model is cached: change it whenever the layers or the
# training below change.
DEMO_KEY = "digits-dscnn-1"
_EPOCHS = 30
_BATCH = 32


def train_demo(path: Path, seed: int) -> None:
    """Train the demo model on the digits' training part and save it as a Keras 2 ``.h5``.

    The same seed gives the same weights on the same machine. The file appears at ``path`` whole or
    not at all.

    Raises:
        ToolMissingError: TensorFlow, tf_keras or scikit-learn is not installed.
    """
    from host.models.datasets import digits_split

    try:
        import tensorflow as tf
        import tf_keras
    except ImportError as error:
        raise ToolMissingError(f"training the demo model needs TensorFlow: {error}") from error
    x_train, y_train, _, _ = digits_split()
    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = _build(tf_keras)
    steps = _EPOCHS * -(-len(x_train) // _BATCH)
    schedule = tf_keras.optimizers.schedules.CosineDecay(4e-3, steps)
    model.compile(tf_keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    model.fit(x_train, y_train, batch_size=_BATCH, epochs=_EPOCHS, verbose=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unfinished = Path(folder) / "demo.h5"
        model.save(unfinished, include_optimizer=False)
        unfinished.replace(path)


def _build(tf_keras: Any) -> Any:
    """Conv, two depthwise-separable blocks, global average pooling, dense softmax."""
    layers = tf_keras.layers

    def normalized(x: Any) -> Any:
        # A short memory of the moving averages: training is only some hundred steps long.
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    image = tf_keras.Input((8, 8, 1), name="image")
    x = normalized(layers.Conv2D(16, 3, padding="same", use_bias=False)(image))
    x = normalized(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    x = normalized(layers.Conv2D(32, 1, use_bias=False)(x))
    x = normalized(layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x))
    x = normalized(layers.Conv2D(48, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    probability = layers.Dense(10, activation="softmax", name="probability")(x)
    return tf_keras.Model(image, probability, name="digits_demo")
