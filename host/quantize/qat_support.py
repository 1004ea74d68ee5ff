"""What tensorflow_model_optimization (tfmot) does not support, and what to do instead."""

import re
from collections.abc import Iterator
from importlib import metadata

from host.base.errors import ModelError, first_line
from host.models.source import FloatModel
from host.quantize.routes import DEFAULT_ROUTE

_PTQ = f" Or take --route {DEFAULT_ROUTE}, which needs no QAT."
_NEAREST = {
    "BatchNormalization": "Put it right after a Conv2D, DepthwiseConv2D or Dense layer of its own "
    "that has no activation, and add the activation as a layer after it.",
    "Conv1D": "Reshape to (1, steps, channels) and use Conv2D with a kernel of (1, k).",
    "LayerNormalization": "Use BatchNormalization right after a Conv2D or Dense layer.",
    "PReLU": "Use ReLU or LeakyReLU.",
    "Rescaling": "Rescale the samples before they are given to the model.",
}
# What tfmot's QuantizeAwareActivation takes as the activation of a convolution or dense layer.
_ACTIVATIONS = ("linear", "relu", "softmax", "sigmoid", "tanh", "swish", "gelu")


def refuse(source: FloatModel) -> None:
    """Refuse what tfmot accepts silently, or refuses with a message that does not help.

    Raises:
        ModelError: a SavedModel, a Keras 3 model, a subclassed model, or one with a model, a
            Lambda, an operation outside of layers or tfmot's layers in it.
    """
    for what, way in _objections(source):
        raise _error(source, what, way)


def _objections(source: FloatModel) -> Iterator[tuple[str, str]]:
    """What tfmot does not do with a model, and what to do instead; only the first is whole."""
    import tf_keras

    model = source.handle
    if source.file.kind == "savedmodel":
        yield (
            "needs Keras layers, and a SavedModel is a graph without layers",
            "Save the tf_keras model itself, model.save('model.h5'), and give that.",
        )
    if not isinstance(model, tf_keras.Model):
        yield (
            f"takes models of tf_keras (Keras 2), and this one is of {source.version}",
            "Build the same layers in tf_keras, copy the weights with "
            "new.set_weights(old.get_weights()), and save that as .h5.",
        )
    if not getattr(model, "_is_graph_network", False):
        yield (
            "takes Sequential and functional models, and this one is subclassed "
            f"({type(model).__name__})",
            "Build it as tf_keras.Sequential or tf_keras.Model(inputs, outputs).",
        )
    for layer in model.layers:
        what = f"layer {layer.name} ({type(layer).__name__})"
        if type(layer).__module__.startswith("tensorflow_model_optimization"):
            yield (
                f"has been applied already: {what}",
                "Give the plain float model, before quantize_model or pruning (strip_pruning).",
            )
        if isinstance(layer, tf_keras.Model):
            way = "Build it of layers, as a functional model."
            if getattr(layer, "_is_graph_network", False):
                way = (
                    "Flatten it: call the inner model's layers, but for its InputLayer, one after "
                    f"the other: `for layer in model.get_layer({layer.name!r}).layers: "
                    "x = layer(x)`."
                )
            yield f"does not take a model inside a model: {what}", way
        if isinstance(layer, tf_keras.layers.Lambda) or type(layer).__name__.endswith("OpLambda"):
            yield (
                f"does not quantize functions: {what}",
                "Replace it with built-in layers, such as ReLU, Add or Concatenate.",
            )
        name = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if name not in _ACTIVATIONS:
            yield (
                f"does not support the activation {name} of {what}",
                f"Use one of {', '.join(_ACTIVATIONS)}, or a ReLU or LeakyReLU layer after it.",
            )


def refusal(source: FloatModel, error: Exception) -> ModelError:
    """tfmot's own exception as an error of this program."""
    layer = re.search(r"Layer (\S+):<class '(.*?)'> is not supported", str(error))
    if layer is None:
        return _error(source, f"refuses it: {first_line(error)}", "Use built-in layers.")
    kind = layer.group(2).split(".")[-1]
    what = f"does not support layer {layer.group(1)} ({kind})"
    return _error(source, what, _NEAREST.get(kind, "Replace it with layers that it supports."))


def _error(source: FloatModel, what: str, way: str) -> ModelError:
    library = f"tensorflow_model_optimization {metadata.version('tensorflow_model_optimization')}"
    return ModelError(
        f"{source.file.path} cannot have quantization-aware training: {library} {what}", way + _PTQ
    )
