"""Conversions: post-training quantization, without quantization, and ready .tflite files."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from host.base.arrays import FloatArray
from host.base.errors import DataError, ModelError, ToolMissingError
from host.models import tflite
from host.models.dataset import Dataset
from host.models.source import FloatModel
from host.models.tflite import Graph
from host.quantize.checks import QuantizedModel, activation_type, check_graph
from host.quantize.routes import DEFAULT_ROUTE, ROUTES, Route

# Ranges settle within some hundred samples; more only cost time.
REPRESENTATIVE_SAMPLES = 200
Representative = Callable[[], Iterator[list[FloatArray]]]

# What the route of a ready .tflite is called.
READY = "tflite"


def quantize_ptq(
    source: FloatModel,
    dataset: Dataset,
    route: Route = ROUTES[DEFAULT_ROUTE],
    *,
    seed: int = 0,
    per_channel_dense: bool = True,
) -> QuantizedModel:
    """Convert to full int8 (int16x8), integers in and out, and check the result.

    A fake-quantized model keeps the ranges that it has learned: the representative data is then
    demanded by the converter and ignored.

    Args:
        dataset: its ``x_calibration`` sets the ranges; ``x`` is only compared with them.
        route: its type of activations, and whether weights may have a scale for each channel.
        seed: which calibration samples are taken where there are many.
        per_channel_dense: let dense layers have a scale for each channel, as TensorFlow does by
            itself; TFLM from before May 2024 computes those wrongly.

    Raises:
        DataError: the representative data cannot be used.
        ModelError: the converter refuses the model, or its result is not full int8.
        ToolMissingError: TensorFlow is not installed.
    """
    samples = representative(dataset, source.input_shape, seed)

    def quantized(tf: Any, converter: Any) -> None:
        sets, kind = tf.lite.OpsSet, tf.int8
        operators = sets.TFLITE_BUILTINS_INT8
        if route.activations == "int16":
            operators = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            kind = tf.int16
        converter.target_spec.supported_ops = [operators]
        converter.inference_input_type = converter.inference_output_type = kind
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter._experimental_disable_per_channel = not route.per_channel
        disable_dense = not (route.per_channel and per_channel_dense)
        converter._experimental_disable_per_channel_quantization_for_dense_layers = disable_dense

    graph = _convert(source, quantized, "int8")
    return accept_tflite(graph, dataset, route)


def convert_float(source: FloatModel) -> Graph:
    """Convert without quantization, batch 1: float32 throughout.

    The operators are those of the int8 conversions of the same model, in the same order.

    Raises:
        ModelError: the converter refuses the model.
        ToolMissingError: TensorFlow is not installed.
    """
    return _convert(source, lambda tf, converter: None, "float")


def accept_tflite(
    graph: Graph, dataset: Dataset | None = None, route: Route | None = None
) -> QuantizedModel:
    """Take a .tflite as it is, if it passes the checks.

    Args:
        dataset: see ``check_graph``.
        route: what it came by; None for a ready file, of either type of activations.

    Raises:
        ModelError: it is not full int8 or has one of the traps of ``check_graph``.
    """
    activations = route.activations if route else activation_type(graph)
    warnings = check_graph(graph, dataset, activations)
    return QuantizedModel(graph, route.name if route else READY, warnings)


def _convert(source: FloatModel, settings: Callable[[Any, Any], None], kind: str) -> Graph:
    """Convert, with TensorFlow and the converter handed to ``settings`` first."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ToolMissingError(f"converting needs TensorFlow: {error}") from error
    try:
        # One way for Keras 2, Keras 3 and SavedModel: a function with the batch dimension fixed to
        # 1, as an open one puts SHAPE and PACK operators into the graph and breaks LSTM.
        signature = tf.TensorSpec([1, *source.input_shape], tf.float32, name="input")
        function = tf.function(source.call, input_signature=[signature])
        concrete = function.get_concrete_function()
        # The converter freezes the variables that it finds in an object. Those of a Keras 3 model
        # it does not find there (READ_VARIABLE remains), so they are passed separately.
        holder = tf.Module()
        holder.kept = concrete.graph.variables
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
        settings(tf, converter)
        content = bytes(converter.convert())
    except (ModelError, DataError):
        raise
    except Exception as error:  # the converter raises ConverterError, ValueError, RuntimeError …
        raise _conversion_error(source, error, kind) from error
    return tflite.parse(content, f"the conversion of {source.file.path}")


def _conversion_error(source: FloatModel, error: Exception, kind: str) -> ModelError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The line that names the operators ("TF Select ops: Erf") comes late, after the call sites.
    named = [line for line in lines if re.match(r"(TF Select|Flex|Custom) ops:", line)]
    text = ", ".join(named) or (lines or [type(error).__name__])[0]
    return ModelError(
        f"{source.file.path} cannot be converted to {kind} TFLite: {text[:300]}",
        "Replace the layers that it names with ones that TFLite has built-in operators for.",
    )


def representative(dataset: Dataset, input_shape: tuple[int, ...], seed: int) -> Representative:
    """The representative data set, as the converter calls it: lists of one [1, *input_shape].

    All of ``dataset.x_calibration``, or ``REPRESENTATIVE_SAMPLES`` of it drawn with ``seed``.
    The converter itself accepts an empty set, a wrong shape or NaN without an error and makes a
    wrong model of it, so each is refused here.

    Raises:
        DataError: there is none, it is empty, of another shape, not finite, or constant.
    """
    samples = dataset.x_calibration
    if samples is None or len(samples) == 0:
        raise DataError(
            f"the data set {dataset.name} has no representative data to choose int8 ranges by",
            "Add `x_calibration` (some hundred training samples) to the .npz.",
        )
    if samples.shape[1:] != input_shape:
        raise DataError(
            f"the representative data of {dataset.name} has samples of shape {samples.shape[1:]}, "
            f"the model takes {input_shape}"
        )
    samples = np.asarray(samples, np.float32)
    if not np.isfinite(samples).all():
        raise DataError(
            f"the representative data of {dataset.name} has NaN or infinite values",
            "Remove or repair those samples.",
        )
    if samples.min() == samples.max():
        raise DataError(
            f"the representative data of {dataset.name} is {samples.min():g} everywhere",
            "Give real training samples.",
        )
    if len(samples) > REPRESENTATIVE_SAMPLES:
        order = np.random.default_rng(seed).permutation(len(samples))
        samples = samples[np.sort(order[:REPRESENTATIVE_SAMPLES])]
    return lambda: ([np.ascontiguousarray(row[np.newaxis])] for row in samples)
