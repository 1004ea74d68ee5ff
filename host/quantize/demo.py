"""The demo model: a small depthwise-separable CNN on scikit-learn's digits."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host.base.errors import ToolMissingError
from host.models.data_formats import DEMO_DATA
from host.models.dataset import load_dataset
from host.quantize.training import Training, build_and_train

# Part of the key under which a trained demo model is cached: change it whenever the layers below,
# or how models are trained, change.
DEMO_KEY = "digits-dscnn-2"


def train_demo(path: Path, seed: int) -> None:
    """Train the demo model on the digits' training part and save it as a Keras 2 ``.h5``.

    The same seed gives the same weights on the same machine. The file appears at ``path`` whole or
    not at all.

    Raises:
        ToolMissingError: TensorFlow, tf_keras or scikit-learn is not installed.
    """
    digits = load_dataset(DEMO_DATA)
    model = build_and_train(build_demo, digits, seed, Training()).handle
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unfinished = Path(folder) / "demo.h5"
        model.save(unfinished, include_optimizer=False)
        unfinished.replace(path)


def build_demo(input_shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    """The digits' demo model, with 10 classes. Raises as ``depthwise_separable``."""
    return depthwise_separable("digits_demo", input_shape, (3, 1), ((32, 1), (48, 2)))


def depthwise_separable(
    name: str,
    input_shape: tuple[int, ...],
    first: tuple[int, int],
    blocks: Iterable[tuple[int, int]],
) -> Any:
    """Conv, depthwise-separable blocks, global average pooling, dense softmax, 10 classes.

    Args:
        first: kernel size and stride of the first convolution.
        blocks: filters and stride of each block.

    Raises:
        ToolMissingError: tf_keras is not installed.
    """
    try:
        import tf_keras
    except ImportError as error:
        raise ToolMissingError(f"the demo model needs tf_keras: {error}") from error
    layers = tf_keras.layers

    def normalized(x: Any) -> Any:
        # A short memory of the moving averages: training is only some hundred steps long.
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    image = tf_keras.Input(input_shape, name="image")
    kernel, stride = first
    options = {"padding": "same", "use_bias": False}
    x = normalized(layers.Conv2D(16, kernel, strides=stride, **options)(image))
    for filters, stride in blocks:
        x = normalized(layers.DepthwiseConv2D(3, strides=stride, **options)(x))
        x = normalized(layers.Conv2D(filters, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    probability = layers.Dense(10, activation="softmax", name="probability")(x)
    return tf_keras.Model(image, probability, name=name)
