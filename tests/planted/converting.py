"""Conversions as users make them, right and wrong. Also a program: see ``main``."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from host.base.arrays import Array, FloatArray
from host.models.tflite import Graph, Quantization, parse
from tests.planted.networks import fit, tensorflow_keras

_QAT_RATE = 4e-4
_ARENA = 2**22


def convert(
    model: Any,
    samples: FloatArray,
    *,
    per_channel: bool = True,
    per_channel_dense: bool = True,
    from_keras: bool = False,
) -> bytes:
    """A full-int8 .tflite by TensorFlow's converter; wrong only where the arguments are.

    Args:
        model: tf_keras.
        samples: the representative data; may be empty, which the converter accepts.
        per_channel, per_channel_dense: a scale for each output channel, or one for all.
        from_keras: by the converter's Keras entry, with a copy of the model of batch 1.
    """
    converter = _converter(model, samples, from_keras)
    converter._experimental_disable_per_channel = not per_channel
    dense = not per_channel_dense
    converter._experimental_disable_per_channel_quantization_for_dense_layers = dense
    return bytes(converter.convert())


def convert_with_float(model: Any, samples: FloatArray, node: str) -> bytes:
    """The same, but one operator stays float, as TensorFlow's quantization debugger can have it.

    Args:
        model, samples: as for ``convert``.
        node: the name of the operator's output tensor.

    Returns:
        A file with a float interface: a QUANTIZE first and a DEQUANTIZE last.
    """
    import tensorflow as tf

    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=[node])
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=_converter(model, samples, False),
        debug_dataset=lambda: ([samples[i : i + 1]] for i in range(len(samples))),
        debug_options=options,
    )
    return bytes(debugger.get_nondebug_quantized_model())


def _converter(model: Any, samples: FloatArray, from_keras: bool) -> Any:
    import tensorflow as tf
    import tf_keras

    shape = model.input_shape[1:]
    if from_keras:
        image = tf_keras.Input(shape, batch_size=1)
        converter = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model(image, model(image)))
    else:
        signature = tf.TensorSpec([1, *shape], tf.float32)
        function = tf.function(lambda x: model(x, training=False), input_signature=[signature])
        concrete = function.get_concrete_function()
        holder = tf.Module()  # saving all of the model's layers would take most of the time
        holder.kept = concrete.graph.variables
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)

    def representative() -> Iterator[list[FloatArray]]:
        return ([samples[i : i + 1]] for i in range(len(samples)))

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter


def load(path: Path) -> Any:
    return tensorflow_keras(0).models.load_model(path, compile=False)


def quantization_aware(plain: Any, data: Mapping[str, Array], epochs: int) -> Any:
    """A fine-tuned, fake-quantized copy of the plain model, as tfmot makes it."""
    tensorflow_keras(0)
    from tensorflow_model_optimization.quantization.keras import quantize_model

    model = quantize_model(plain)
    fit(model, data, epochs, _QAT_RATE)
    return model


def settle_ranges(model: Any, data: Mapping[str, Array]) -> None:
    """Let the moving averages of the activations' ranges converge; no weight changes."""
    model.trainable = False  # batch normalization, too, stays as it is
    with _fast_averages():
        for index in range(0, len(data["x_train"]), 16):
            model(data["x_train"][index : index + 16], training=True)
    model.trainable = True


@contextlib.contextmanager
def _fast_averages() -> Iterator[None]:
    """tfmot averages with 0.999, for which some thousand steps are needed; here with 0.9."""
    from tensorflow_model_optimization.python.core.quantization.keras import quant_ops

    original = quant_ops.MovingAvgQuantize

    def fast(*arguments: Any, **options: Any) -> Any:
        return original(*arguments, **{**options, "ema_decay": 0.9})

    quant_ops.MovingAvgQuantize = fast
    try:
        yield
    finally:
        quant_ops.MovingAvgQuantize = original


def without_quantizers(model: Any, plain: Any) -> Any:
    """A copy of the plain model with the weights that quantization-aware training arrived at."""
    import tf_keras

    copy = tf_keras.models.clone_model(plain)
    trained = {w.name: w.numpy() for w in model.weights}
    copy.set_weights([trained[w.name] for w in plain.weights])
    return copy


def output_codes(graph: Graph, x: Array) -> Array:
    """Outputs of TFLM on the host, of the output's type; x real values, or codes of the input.

    Deliberately not ``host.oracles``: this is what the planted faults are checked with. It also
    takes models whose input or output is float.
    """
    from tflite_micro import runtime

    if x.dtype != np.int8 and graph.input.dtype == "int8":
        x = codes(x, graph.input.quantization)
    interpreter = runtime.Interpreter.from_bytes(graph.content, arena_size=_ARENA)
    rows = []
    for sample in x:
        interpreter.set_input(np.ascontiguousarray(sample[np.newaxis]), 0)
        interpreter.invoke()
        rows.append(np.array(interpreter.get_output(0)[0]))
    return np.stack(rows)


def codes(values: Array, q: Quantization | None) -> Array:
    assert q is not None
    rounded = np.round(values / np.float64(q.scale)) + q.zero_point
    return np.clip(rounded, -128, 127).astype(np.int8)


def main() -> None:
    """Convert in this process: model.h5, data.npz, and where to write the .tflite."""
    source, data, target = map(Path, sys.argv[1:4])
    with np.load(data) as arrays:
        content = convert(load(source), arrays["x_calibration"])
    parse(content)
    target.write_bytes(content)


if __name__ == "__main__":
    main()
