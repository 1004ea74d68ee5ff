"""The model that the user brings: what it is, and the float model inside it.

The content tells what kind a file is, never the ending of its name. TensorFlow and Keras are
imported only when a float model is loaded.
"""

import contextlib
import hashlib
import importlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from host.base.arrays import FloatArray
from host.base.errors import ModelError, ToolMissingError
from host.base.paths import exists
from host.models import tflite
from host.models.keras_file import HDF5_MAGIC, ZIP_MAGIC, read_configuration, refuse_layers
from host.models.unsafe import refuse_keras, refuse_saved_model

ModelKind = Literal["keras2", "keras3", "savedmodel", "tflite"]


@dataclass(frozen=True)
class ModelFile:
    """A model as the user brought it."""

    path: Path
    """Its path, as given."""
    kind: ModelKind
    """Its format."""
    sha256: str
    """SHA-256 in hex, of the file or over a folder's files."""
    name: str


_PREDICT_BATCH = 64

_CONVERT_YOURSELF = (
    "Convert it to a full-int8 .tflite where its custom code is available, and give that file."
)
_FIX_SHAPES = "Rebuild the model with a fixed input shape; only the batch dimension may be open."


@dataclass(frozen=True)
class FloatModel:
    """A loaded Keras or SavedModel model with one float32 input and one float32 output.

    Attributes:
        version: the library that runs it, such as ``tf_keras 2.21.0``.
        input_shape, output_shape: without the batch dimension.
        batch: the batch size that the model insists on, or None.
        call: a TensorFlow tensor [b, *input_shape] in, one [b, *output_shape] out.
        handle: the loaded object; it owns the variables that ``call`` reads.
    """

    file: ModelFile
    version: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    batch: int | None
    call: Callable[[Any], Any]
    handle: Any

    def predict(self, x: FloatArray) -> FloatArray:
        """Outputs, float32 [n, *output_shape], of float32 [n, *input_shape]."""
        step = self.batch or _PREDICT_BATCH
        parts = [
            np.asarray(self.call(np.asarray(x[i : i + step], np.float32)), np.float32)
            for i in range(0, len(x), step)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *self.output_shape), np.float32)


def open_model(path: Path) -> ModelFile:
    """Tell what kind of model ``path`` is, and hash it.

    Raises:
        ModelError: missing, unreadable, empty, truncated, or not a known kind of model.
    """
    if not exists(path):
        raise ModelError(f"there is no model at {path}", "Check the path given to --model.")
    try:
        if path.is_dir():
            return _open_folder(path)
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    if not content:
        raise ModelError(f"{path} is empty", "Save or copy the model again.")
    return ModelFile(path, _kind(path, content), hashlib.sha256(content).hexdigest(), path.stem)


def _open_folder(path: Path) -> ModelFile:
    if not (path / "saved_model.pb").is_file():
        raise ModelError(f"{path} is a folder without saved_model.pb, so it is not a SavedModel")
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        content = file.read_bytes()
        # Name and length go in too, so that moving bytes from file to file changes the hash.
        digest.update(f"{file.relative_to(path).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return ModelFile(path, "savedmodel", digest.hexdigest(), path.resolve().name)


def _kind(path: Path, content: bytes) -> ModelKind:
    if content[4:8] == b"TFL3":
        tflite.parse(content, str(path))
        return "tflite"
    if content.startswith(HDF5_MAGIC) or content.startswith(ZIP_MAGIC):
        _, version = read_configuration(path, content)
        return "keras3" if version.startswith("3") else "keras2"
    raise ModelError(f"{path} is neither a Keras model nor a .tflite file")


def load_keras(model: ModelFile, *, allow_unsafe: bool = False) -> FloatModel:
    """Load the float model: ``.h5`` by tf_keras, ``.keras`` by Keras 3, a SavedModel by TensorFlow.

    ``allow_unsafe``: also load what can run code, as Lambda layers do (see ``unsafe``).

    Raises:
        ModelError: the library refuses the file; or it has several inputs or outputs, an open
            dimension besides the batch, a type other than float32, or a Lambda layer.
        ToolMissingError: TensorFlow or Keras is not installed.
    """
    if model.kind == "tflite":
        raise ModelError(f"{model.path} is a .tflite file and has no float model in it")
    try:
        if model.kind == "savedmodel":
            if not allow_unsafe:
                refuse_saved_model(model.path)
            return _load_saved_model(model)
        content = model.path.read_bytes()
        refuse_layers(model.path, content)
        if not allow_unsafe:
            refuse_keras(model.path, content)
        return _load_keras_file(model, allow_unsafe)
    except (ModelError, ToolMissingError):
        raise
    except ImportError as error:
        raise ToolMissingError(f"loading {model.path} needs TensorFlow: {error}") from error
    except Exception as error:  # Keras and TensorFlow raise nearly every built-in type here
        raise _load_error(model, error) from error


def _load_keras_file(model: ModelFile, allow_unsafe: bool) -> FloatModel:
    # Keras 3 runs on several backends; only TensorFlow's can be converted to .tflite.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    name = "tf_keras" if model.kind == "keras2" else "keras"
    library = importlib.import_module(name)
    options = {"safe_mode": not allow_unsafe}
    if model.kind == "keras2" and not zipfile.is_zipfile(model.path):
        options = {}  # .h5 files have no safe mode: refuse_keras has looked
    with _readable(model) as readable:
        loaded = library.models.load_model(readable, compile=False, **options)
    return wrap_keras(model, loaded, f"{name} {library.__version__}")


def wrap_keras(model: ModelFile, loaded: Any, version: str) -> FloatModel:
    """The float model in a Keras object, of Keras 2 or 3.

    Raises:
        ModelError: several inputs or outputs, an open dimension besides the batch, or a type other
            than float32.
    """
    inputs = _only(model, "input", getattr(loaded, "inputs", None))
    output = _only(model, "output", getattr(loaded, "outputs", None))
    return _float_model(model, version, inputs, output, lambda x: loaded(x, training=False), loaded)


@contextlib.contextmanager
def _readable(model: ModelFile) -> Iterator[str]:
    """A path whose ending Keras accepts: it chooses the reader by the ending, not the content."""
    with model.path.open("rb") as file:
        suffix = ".keras" if file.read(4) == ZIP_MAGIC else ".h5"
    if model.path.suffix == suffix:
        yield str(model.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{suffix}"
        link.symlink_to(model.path.resolve())
        yield str(link)


def _load_saved_model(model: ModelFile) -> FloatModel:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model.path))
    signatures = dict(loaded.signatures)
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    if name is None:
        raise ModelError(
            f"{model.path} has no signature to call",
            "Save it with Keras's model.export(folder), or tf.saved_model.save(…, signatures=…).",
        )
    function = signatures[name]
    _, keywords = function.structured_input_signature
    inputs = _only(model, "input", list(keywords.values()))
    outputs = dict(function.structured_outputs)
    output = _only(model, "output", list(outputs.values()))
    keyword, key = next(iter(keywords)), next(iter(outputs))

    def call(x: Any) -> Any:
        return function(**{keyword: tf.convert_to_tensor(x)})[key]

    return _float_model(model, f"tensorflow {tf.__version__}", inputs, output, call, loaded)


def _only(model: ModelFile, what: str, tensors: Any) -> Any:
    """The single input or output."""
    if not tensors:
        raise ModelError(
            f"{model.path} does not say what its {what} is",
            "Call the model once, or give it an Input layer, before it is saved.",
        )
    if len(tensors) > 1:
        names = ", ".join(f"{t.name} {_plain_shape(t.shape)}" for t in tensors)
        raise ModelError(
            f"{model.path} has {len(tensors)} {what}s ({names}); one is supported",
            f"Give a model with one {what}: split it, or concatenate inside the model.",
        )
    return tensors[0]


def _float_model(
    model: ModelFile, version: str, input_: Any, output: Any, call: Any, handle: Any
) -> FloatModel:
    for what, tensor in (("input", input_), ("output", output)):
        dtype = getattr(tensor.dtype, "name", str(tensor.dtype))
        if dtype != "float32":
            raise ModelError(
                f"{model.path}: {what} {tensor.name} has type {dtype}; float32 is supported",
                "Change the model's type, or give a full-int8 .tflite.",
            )
    shape, result = _plain_shape(input_.shape), _plain_shape(output.shape)
    if len(shape) < 2 or None in shape[1:]:
        raise ModelError(f"{model.path}: input {input_.name} has open shape {shape}", _FIX_SHAPES)
    batch = shape[0]
    if batch not in (None, 1):
        raise ModelError(
            f"{model.path}: input {input_.name} has batch size {batch}; a device runs batch 1",
            "Rebuild the model with an open batch dimension or batch size 1.",
        )
    fixed = tuple(int(d) for d in shape[1:] if d is not None)
    # A call with zeros settles open output dimensions, and shows that the model runs at all.
    outcome = np.asarray(call(np.zeros((1, *fixed), np.float32)))
    if outcome.ndim < 2 or outcome.shape[0] != 1:
        raise ModelError(
            f"{model.path}: output {output.name} has shape {result}; its first dimension must be "
            "the batch and there must be another",
            _FIX_SHAPES,
        )
    if not np.isfinite(outcome).all():
        raise ModelError(
            f"{model.path} computes NaN or infinite outputs even for an input of zeros",
            "Look at its training: it diverged, or the weights were damaged.",
        )
    return FloatModel(model, version, fixed, outcome.shape[1:], batch, call, handle)


def _plain_shape(shape: Any) -> tuple[int | None, ...]:
    return tuple(None if d is None else int(d) for d in shape)


def _load_error(model: ModelFile, error: Exception) -> ModelError:
    text = " ".join(str(error).split())
    hint = None
    # Keras 3 begins with a page about its outermost object; what is missing comes later.
    missing = re.search(r"(Could not locate|Unknown layer|Unknown object).*", text)
    if "batch_shape" in text:
        hint = "Keras 3 wrote this file: save it as .keras, which says so, and give that."
    elif missing:
        hint = _CONVERT_YOURSELF
    elif "ambda" in text:
        hint = "Replace Lambda layers with built-in layers."
    text = missing.group(0) if missing else text
    short = text if len(text) <= 300 else text[:300] + "…"
    return ModelError(f"cannot load {model.path}: {type(error).__name__}: {short}", hint)
