"""Training: of models that a function builds, and of models that are fine-tuned."""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from host.base.arrays import Array
from host.base.errors import DataError, FlashAndEvalError, ModelError, ToolMissingError, first_line
from host.models.dataset import Dataset, check_fit
from host.models.source import FloatModel, ModelFile, ModelKind, wrap_keras
from host.quantize.routes import DEFAULT_ROUTE

_SUBCLASSED = (
    "Build it of layers instead: tf_keras.Sequential, or tf_keras.Model(inputs, outputs). For the "
    "routes without QAT it is enough to give it an input: "
    "image = tf_keras.Input(shape); tf_keras.Model(image, model(image))."
)
_PROBES = 64


@dataclass(frozen=True)
class Training:
    """How models are trained; the defaults are the demo's.

    Attributes:
        epochs, qat_epochs: passes over the training samples, before and after fake quantization.
        batch: samples a step.
        rate, qat_rate: learning rates at the start; they fall to 0 along a cosine. A compiled
            model's own optimizer keeps its own rate in the first training.
    """

    epochs: int = 30
    qat_epochs: int = 6
    batch: int = 32
    rate: float = 4e-3
    qat_rate: float = 4e-4


def build_and_train(
    build: Callable[[], Any], dataset: Dataset, seed: int, training: Training
) -> FloatModel:
    """Call the function, and train what it returns.

    A compiled model is trained with its own optimizer and loss, any other with Adam and the loss
    that ``default_loss`` chooses. The same seed gives the same weights on the same machine.

    Raises:
        ModelError: as ``build_model``; or it cannot be trained, or its training diverges.
        DataError: there is nothing to train with, or it does not fit the model.
        ToolMissingError: TensorFlow is not installed.
    """
    source = build_model(build, seed)
    require_training(dataset)
    dataset = check_fit(dataset, source.input_shape, source.output_shape)
    model = source.handle
    if not is_compiled(model):
        compile_like(source, model, dataset, training.rate, training.epochs, training.batch)
    fit(source, model, dataset, training.epochs, training.batch)
    digest = hashlib.sha256(model.to_json().encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return replace(source, file=replace(source.file, sha256=digest.hexdigest()))


def build_model(build: Callable[[], Any], seed: int) -> FloatModel:
    """Call the function, with every random generator seeded with ``seed``.

    Raises:
        ModelError: the function fails, or does not return a Keras model that can be used.
        ToolMissingError: TensorFlow is not installed.
    """
    reproducible(seed)
    name = getattr(build, "__name__", type(build).__name__)
    try:
        model = build()
    except FlashAndEvalError:
        raise
    except Exception as error:  # it is the user's code
        raise ModelError(
            f"the function {name} failed: {type(error).__name__}: {error}",
            "Call it by itself: it takes no arguments and returns a Keras model.",
        ) from error
    library = _library(model)
    if library is None:
        raise ModelError(
            f"the function {name} returned {type(model).__name__}, not a Keras model",
            "Return a tf_keras model, such as tf_keras.Sequential([...]).",
        )
    if not getattr(model, "inputs", None):
        raise ModelError(
            f"the function {name} returned a model of class {type(model).__name__} that does not "
            "say what its input is: a subclassed model, or a Sequential without Input",
            _SUBCLASSED,
        )
    kind: ModelKind = "keras2" if library.__name__ == "tf_keras" else "keras3"
    file = ModelFile(Path(name), kind, "", model.name)
    return wrap_keras(file, model, f"{library.__name__} {library.__version__}")


def reproducible(seed: int) -> None:
    """Make what TensorFlow computes from here on depend on ``seed`` and nothing else.

    Sums depend on how many threads share them, so there is one: where TensorFlow has started
    already, it keeps its threads, and equal bytes take equally many. Layers without a name of
    their own, which .tflite files repeat, are numbered from the beginning.

    Raises:
        ToolMissingError: TensorFlow or Keras is not installed.
    """
    try:
        import keras  # noqa: F401
        import tensorflow as tf
        import tf_keras
    except ImportError as error:
        raise ToolMissingError(f"training needs TensorFlow: {error}") from error
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
    tf_keras.backend.reset_uids()
    tf_keras.utils.set_random_seed(seed)  # Python's, NumPy's and TensorFlow's
    tf.config.experimental.enable_op_determinism()


def require_training(dataset: Dataset) -> None:
    """Check that the set has samples to train with.

    Raises:
        DataError: it has none.
    """
    if dataset.x_train is None or dataset.y_train is None or len(dataset.x_train) == 0:
        raise DataError(
            f"the data set {dataset.name} has nothing to train with",
            "Add `x_train` and `y_train` to the .npz, or take a route that does not train, such as "
            f"--route {DEFAULT_ROUTE}.",
        )


def is_compiled(model: Any) -> bool:
    """Whether the model brings its own optimizer and loss."""
    return bool(getattr(model, "optimizer", None)) and bool(getattr(model, "loss", None))


def compile_like(
    source: FloatModel, model: Any, dataset: Dataset, rate: float, epochs: int, batch: int
) -> None:
    """Compile ``model`` with a new optimizer and the loss of the compiled ``source``.

    The optimizer is of ``source``'s class and settings, but for its rate, which falls from
    ``rate`` to 0 along a cosine. Where ``source`` is not compiled: Adam, and ``default_loss``.
    ``source`` and ``model`` are two Keras models of one library, or one.
    """
    library = _library(source.handle)
    assert dataset.x_train is not None
    steps = epochs * -(-len(dataset.x_train) // batch)
    schedule = library.optimizers.schedules.CosineDecay(rate, max(1, steps))
    if is_compiled(source.handle):
        own = source.handle.optimizer
        optimizer = type(own).from_config({**own.get_config(), "learning_rate": schedule})
        model.compile(optimizer, source.handle.loss)
    else:
        model.compile(library.optimizers.Adam(schedule), default_loss(source, dataset))


def default_loss(source: FloatModel, dataset: Dataset) -> Any:
    """The loss for a model that was not compiled, by its labels and by what its outputs look like.

    Class numbers: sparse categorical cross-entropy, of probabilities where the outputs of each
    sample add up to 1, else of logits. Outputs that never leave 0..1, without adding up to 1:
    binary cross-entropy, for class numbers and for targets that are 0 or 1. Other targets: the mean
    squared error.
    """
    losses = _library(source.handle).losses
    assert dataset.y_train is not None
    # Noise this strong drives any other output out of 0..1.
    noise = np.random.default_rng(0).normal(0, 30, (_PROBES, *source.input_shape))
    outputs = source.predict(noise.astype(np.float32)).reshape(_PROBES, -1)
    bounded = bool(((outputs >= 0) & (outputs <= 1)).all())
    probabilities = bounded and bool(np.allclose(outputs.sum(axis=1), 1, atol=1e-3))
    classes = dataset.y_train.dtype.kind == "i"
    if classes and (probabilities or not bounded):
        return losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
    if bounded and (classes or np.isin(dataset.y_train, (0, 1)).all()):
        return losses.BinaryCrossentropy()
    return losses.MeanSquaredError()


def fit(source: FloatModel, model: Any, dataset: Dataset, epochs: int, batch: int) -> None:
    """Train the compiled ``model``, which has ``source``'s input and output, in place.

    Raises:
        ModelError: Keras cannot train it, or the weights become NaN or infinite.
    """
    assert dataset.y_train is not None
    labels = _labels(dataset.y_train, model.loss, source.output_shape)
    try:
        model.fit(dataset.x_train, labels, batch_size=batch, epochs=epochs, verbose=0)
    except Exception as error:  # Keras and TensorFlow raise nearly every built-in type here
        raise ModelError(
            f"{source.file.path} cannot be trained: {first_line(error)}",
            "Compile it with a loss that fits its output, or leave it uncompiled.",
        ) from error
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ModelError(
            f"{source.file.path} diverged in training: its weights are NaN or infinite",
            "Train with a smaller learning rate, and look at the range of the samples.",
        )


def _labels(y: Array, loss: Any, output_shape: tuple[int, ...]) -> Array:
    """Labels as the loss takes them: class numbers only where its name says so, else one-hot."""
    name = f"{type(loss).__name__} {getattr(loss, 'name', getattr(loss, '__name__', loss))}"
    if y.dtype.kind != "i" or "sparse" in name.lower():
        return y
    one_hot = np.eye(int(np.prod(output_shape)), dtype=np.float32)[y]
    return one_hot.reshape(len(y), *output_shape)


def _library(model: Any) -> Any:
    """The Keras that a model is of, tf_keras or keras; None for what is not a model."""
    import keras
    import tf_keras

    return next((each for each in (tf_keras, keras) if isinstance(model, each.Model)), None)
