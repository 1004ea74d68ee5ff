"""Conversions: post-training quantization, without quantization, and ready .tflite files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from host.base.errors import DataError, ModelError, ToolMissingError
from host.models import tflite
from host.models.dataset import Dataset
from host.models.source import FloatModel
from host.models.tflite import Graph
from host.quantize.checks import QuantizedModel, check_graph
from host.quantize.representative import representative


def quantize_ptq(
    source: FloatModel,
    dataset: Dataset,
    *,
    seed: int = 0,
    per_channel_dense: bool = True,
    per_channel: bool = True,
    activations: Literal["int8", "int16"] = "int8",
    route: str = "ptq-int8",
) -> QuantizedModel:
    """Convert to full int8, int8 in and out, and check the result.

    A fake-quantized model keeps the ranges that it has learned: the representative data is then
    demanded by the converter and ignored.

    Args:
        source: the float model.
        dataset: its ``x_calibration`` sets the ranges; ``x`` is only compared with them.
        seed: which calibration samples are taken where there are many.
        per_channel_dense: let dense layers have a scale for each channel, as TensorFlow does by
            itself; TFLM from before May 2024 computes those wrongly.
        per_channel: let weights have a scale for each channel at all.
        activations: "int16" for 16-bit activations, input and output with 8-bit weights.
        route: what the result is called.

    Raises:
        DataError: the representative data cannot be used.
        ModelError: the converter refuses the model, or its result is not full int8.
        ToolMissingError: TensorFlow is not installed.
    """
    samples = representative(dataset, source.input_shape, seed)

    def quantized(tf: Any, converter: Any) -> None:
        sets, kind = tf.lite.OpsSet, tf.int8
        operators = sets.TFLITE_BUILTINS_INT8
        if activations == "int16":
            operators = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            kind = tf.int16
        converter.target_spec.supported_ops = [operators]
        converter.inference_input_type = converter.inference_output_type = kind
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter._experimental_disable_per_channel = not per_channel
        disable_dense = not (per_channel and per_channel_dense)
        converter._experimental_disable_per_channel_quantization_for_dense_layers = disable_dense

    graph = _convert(source, quantized, "int8")
    return QuantizedModel(graph, route, check_graph(graph, dataset, activations))


def convert_float(source: FloatModel) -> Graph:
    """Convert without quantization, batch 1: float32 throughout.

    The operators are those of the int8 conversions of the same model, in the same order.

    Raises:
        ModelError: the converter refuses the model.
        ToolMissingError: TensorFlow is not installed.
    """
    return _convert(source, lambda tf, converter: None, "float")


def accept_tflite(
    graph: Graph,
    dataset: Dataset | None = None,
    activations: Literal["int8", "int16"] = "int8",
    route: str = "tflite",
) -> QuantizedModel:
    """Take a ready .tflite as it is, if it passes the checks.

    Raises:
        ModelError: it is not full int8 or has one of the traps of ``check_graph``.
    """
    return QuantizedModel(graph, route, check_graph(graph, dataset, activations))


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
        # it does not find there (READ_VARIABLE remains), so they are handed over by themselves.
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
    # The line that names the operators ("TF Select ops: Erf") comes late, behind the call sites.
    named = [line for line in lines if re.match(r"(TF Select|Flex|Custom) ops:", line)]
    text = ", ".join(named) or (lines or [type(error).__name__])[0]
    return ModelError(
        f"{source.file.path} cannot be converted to {kind} TFLite: {text[:300]}",
        "Replace the layers that it names by ones with TFLite built-in operators.",
    )
