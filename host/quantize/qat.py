"""Quantization-aware training (QAT), by tensorflow_model_optimization (tfmot).

tfmot adds fake quantization after the layers and around the weights of a copy of the model, so that
training sees what int8 costs. What it does not support is refused before anything is trained.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from host.base.arrays import FloatArray
from host.base.errors import ModelError, ToolMissingError
from host.models.dataset import Dataset, check_fit
from host.models.source import FloatModel, wrap_keras
from host.quantize.qat_support import refusal, refuse
from host.quantize.training import Training, compile_like, fit, reproducible, require_training

_CALIBRATION_BATCH = 256

Observe = Callable[[Any, dict[str, Any]], None]


def check_copy(source: FloatModel) -> None:
    """Check that QAT's weights can be copied back into this model.

    Raises:
        ModelError: tfmot replaces one of its layers.
    """
    for layer in getattr(source.handle, "layers", ()):
        if type(layer).__name__ in ("SeparableConv1D", "SeparableConv2D"):
            raise _unmatched(source, layer)


def fake_quantize(source: FloatModel) -> Any:
    """A fake-quantized copy of the Keras model with the same weights, as tfmot builds it.

    Raises:
        ModelError: tfmot does not support the model: the message names the layer, the hint what
            works instead.
        ToolMissingError: tfmot is not installed.
    """
    tfmot = _tfmot()
    refuse(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tfmot.quantization.keras.quantize_model(source.handle)
    except Exception as error:  # RuntimeError, ValueError, AttributeError …
        raise refusal(source, error) from error


def fine_tune(
    source: FloatModel, dataset: Dataset, seed: int, training: Training, *, calibrated: bool = False
) -> FloatModel:
    """Train a fake-quantized copy of a trained model.

    Args:
        seed: the same seed gives the same weights and ranges on the same machine.
        training: its ``qat_…`` and ``batch``.
        calibrated: set the activations' ranges from the training samples first. Otherwise they
            start at −6…6, as tfmot has it, and move by a thousandth a step.

    Raises:
        DataError: there is nothing to train with, or it does not fit the model.
        ModelError: as ``fake_quantize``; or the model cannot be trained.
        ToolMissingError: tfmot is not installed.
    """
    require_training(dataset)
    dataset = check_fit(dataset, source.input_shape, source.output_shape)
    assert dataset.x_train is not None
    reproducible(seed)
    model = fake_quantize(source)
    if calibrated:
        calibrate(model, dataset.x_train)
    epochs, batch = training.qat_epochs, training.batch
    compile_like(source, model, dataset, training.qat_rate, epochs, batch)
    fit(source, model, dataset, epochs, batch)
    kind = "calibrated and fake-quantized" if calibrated else "fake-quantized"
    return wrap_keras(source.file, model, f"{source.version}, {kind} (QAT)")


def calibrate(model: Any, x: FloatArray) -> None:
    """Set every activation range of a fake-quantized model to what the samples make of it.

    Each becomes the smallest and the largest value that the activation takes in the float model,
    and includes 0, as TFLite requires. A range without extent stays as it is.
    """
    ranges: dict[Any, tuple[Any, float, float]] = {}

    def observe(inputs: Any, weights: dict[str, Any]) -> None:
        values = np.asarray(inputs)
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        _, least, most = ranges.get(weights["min_var"].ref(), (weights, low, high))
        ranges[weights["min_var"].ref()] = (weights, min(low, least), max(high, most))

    with _unquantized(observe):
        for index in range(0, len(x), _CALIBRATION_BATCH):
            model(x[index : index + _CALIBRATION_BATCH], training=False)
    for weights, low, high in ranges.values():
        if low < high:
            weights["min_var"].assign(low)
            weights["max_var"].assign(high)


def with_qat_weights(source: FloatModel, qat: FloatModel, *, rounded: bool = False) -> FloatModel:
    """A copy of the plain model with the weights of its fake-quantized, fine-tuned copy.

    ``rounded``: each weight as fake quantization rounds it.

    Raises:
        ModelError: a variable of one has no partner of its shape in the other.
    """
    import tf_keras

    plain = tf_keras.models.clone_model(source.handle)
    if not plain.built:
        plain.build((None, *source.input_shape))
    wrappers = {w.layer.name: w for w in qat.handle.layers if hasattr(w, "layer")}
    unused = {v.ref() for v in qat.handle.weights if not _is_quantizer(v)}
    for layer in plain.layers:
        if not layer.weights:
            continue
        wrapper = wrappers.get(layer.name)
        theirs = [] if wrapper is None else [v for v in wrapper.weights if not _is_quantizer(v)]
        by_name = {_last(v): v for v in theirs}
        partners = [by_name.get(_last(v)) for v in layer.weights]
        shapes = [None if p is None else tuple(p.shape) for p in partners]
        if len(by_name) != len(theirs) or shapes != [tuple(v.shape) for v in layer.weights]:
            raise _unmatched(source, layer)
        # Of the weights that tfmot quantizes what it makes of them.
        quantized = wrapper._weight_vars if rounded and wrapper else ()
        values = {v.ref(): quantizer(v, False, weights=own) for v, quantizer, own in quantized}
        matched = [p for p in partners if p is not None]
        layer.set_weights([values.get(p.ref(), p).numpy() for p in matched])
        unused -= {p.ref() for p in matched}
    if unused:
        names = ", ".join(sorted(ref.deref().name for ref in unused))
        raise ModelError(f"tfmot's variables {names} have no place in {source.file.path}")
    kind = "QAT's rounded weights" if rounded else "QAT's weights"
    return wrap_keras(source.file, plain, f"{source.version}, {kind}")


@contextlib.contextmanager
def _unquantized(observe: Observe) -> Iterator[None]:
    """In this block fake quantization passes values on, and ``observe`` gets each activation
    quantizer's input and its variables ``min_var`` and ``max_var``; not inside of tf.function."""
    quantizers = _tfmot().quantization.keras.quantizers

    def of_weights(self: Any, inputs: Any, training: Any, weights: Any, **more: Any) -> Any:
        return inputs

    def of_activations(self: Any, inputs: Any, training: Any, weights: Any, **more: Any) -> Any:
        observe(inputs, weights)
        return inputs

    calls = {
        quantizers.LastValueQuantizer: of_weights,
        quantizers.MovingAverageQuantizer: of_activations,
        quantizers.AllValuesQuantizer: of_activations,  # the model's input
    }
    originals = {kind: kind.__call__ for kind in calls}
    try:
        for kind, call in calls.items():
            kind.__call__ = call
        yield
    finally:
        for kind, call in originals.items():
            kind.__call__ = call


def _tfmot() -> Any:
    try:
        import tensorflow_model_optimization as tfmot
    except ImportError as error:
        raise ToolMissingError(
            f"quantization-aware training needs tensorflow_model_optimization: {error}"
        ) from error
    return tfmot


def _is_quantizer(variable: Any) -> bool:
    """Whether a variable is tfmot's own: a range, or its count of steps."""
    return _last(variable) == "optimizer_step" or _last(variable).endswith(("_min", "_max"))


def _last(variable: Any) -> str:
    """``kernel`` of ``conv2d/kernel:0``."""
    return str(variable.name).split("/")[-1].split(":")[0]


def _unmatched(source: FloatModel, layer: Any) -> ModelError:
    return ModelError(
        f"{source.file.path}: tfmot has replaced layer {layer.name} ({type(layer).__name__}), so "
        "its weights cannot be copied back",
        "Take --route qat-int8, which needs no copy; or replace the layer (a SeparableConv2D is a "
        "DepthwiseConv2D without bias and a Conv2D of 1×1).",
    )
