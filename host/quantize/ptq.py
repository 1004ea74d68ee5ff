"""Post-training quantization, and ready .tflite files."""

from __future__ import annotations

import re
from typing import Any

from host.errors import DataError, ModelError, ToolMissingError
from host.models import tflite
from host.models.source import FloatModel
from host.models.tflite import Graph
from host.quantize.checks import check_graph
from host.quantize.representative import representative
from host.records import Dataset, QuantizedModel


def quantize_ptq(
    source: FloatModel, dataset: Dataset, *, seed: int = 0, per_channel_dense: bool = True
) -> QuantizedModel:
    """Convert to full int8, int8 in and out, and check the result.

    Args:
        source: the float model.
        dataset: its ``x_calibration`` sets the ranges; ``x`` is only compared with them.
        seed: which calibration samples are taken where there are many.
        per_channel_dense: let dense layers have a scale for each channel, as TensorFlow does by
            itself; TFLM from before May 2024 computes those wrongly.

    Raises:
        DataError: the representative data cannot be used.
        ModelError: the converter refuses the model, or its result is not full int8.
        ToolMissingError: TensorFlow is not installed.
    """
    samples = representative(dataset, source.input_shape, seed)
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ToolMissingError(f"converting needs TensorFlow: {error}") from error
    try:
        content = _convert(tf, source, samples, per_channel_dense)
    except (ModelError, DataError):
        raise
    except Exception as error:  # the converter raises ConverterError, ValueError, RuntimeError …
        raise _conversion_error(source, error) from error
    graph = tflite.parse(content, f"the conversion of {source.file.path}")
    return QuantizedModel(graph, "ptq", check_graph(graph, dataset))


def accept_tflite(graph: Graph, dataset: Dataset | None = None) -> QuantizedModel:
    """Take a ready .tflite as it is, if it passes the checks.

    Raises:
        ModelError: it is not full int8 or has one of the traps of ``check_graph``.
    """
    return QuantizedModel(graph, "tflite", check_graph(graph, dataset))


def _convert(tf: Any, source: FloatModel, samples: Any, per_channel_dense: bool) -> bytes:
    # One way for Keras 2, Keras 3 and SavedModel: a function with the batch dimension fixed to 1,
    # as an open one puts SHAPE and PACK operators into the graph and breaks LSTM.
    signature = tf.TensorSpec([1, *source.input_shape], tf.float32, name="input")
    function = tf.function(source.call, input_signature=[signature])
    concrete = function.get_concrete_function()
    # The converter freezes the variables that it finds in an object. Those of a Keras 3 model it
    # does not find there (READ_VARIABLE remains), so they are handed over by themselves.
    holder = tf.Module()
    holder.kept = concrete.graph.variables
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    disable = not per_channel_dense
    converter._experimental_disable_per_channel_quantization_for_dense_layers = disable
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _conversion_error(source: FloatModel, error: Exception) -> ModelError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The line that names the operators ("TF Select ops: Erf") comes late, behind the call sites.
    named = [line for line in lines if re.match(r"(TF Select|Flex|Custom) ops:", line)]
    text = ", ".join(named) or (lines or [type(error).__name__])[0]
    return ModelError(
        f"{source.file.path} cannot be converted to int8 TFLite: {text[:300]}",
        "Replace the layers that it names by ones with TFLite built-in operators.",
    )
