"""What a model file could make this machine do besides compute, found without loading it.

Keras has a safe mode, but tf_keras's imports any module that a file names, .h5 files have none, and
a SavedModel is a program. So the names in a file are compared with those that models are made of.
``--allow-unsafe-model`` skips all of this.
"""

import builtins
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host.base.errors import ModelError
from host.models.keras_file import HDF5_MAGIC, objects, read_configuration
from host.models.unpacking import check_unpacked

_PARTS = (
    "activations|constraints|dtype_policies|engine|initializers|layers|losses|metrics"
    "|mixed_precision|models|ops|optimizers|quantizers|random|regularizers"
)
_MODULE = re.compile(rf"(tf_)?keras(\.src)?(\.({_PARTS})(\.\w+)*)?")
_FUNCTIONS = re.compile(r"(tf_)?keras(\.src)?\.(activations|losses|metrics|ops)(\.\w+)*")
# Classes begin with a capital, so that a function of a module cannot pass for one.
_CLASS = re.compile(r"([\w.]+>)?[A-Z]\w*|__\w+__")
_CODE = {"Lambda", "__lambda__"}
# They wrap code or models from elsewhere, reach into Python objects, or read files that they name.
_REACHING = {
    *("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TensorFlowOpLayer"),
    *("ClassMethod", "InstanceMethod", "InstanceProperty", "__typespec__", "TypeSpec"),
    *("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"),
    *("DenseFeatures", "SequenceFeatures"),
}
# Functions of TensorFlow between the layers of a tf_keras model: those that compute.
_TF_FUNCTION = re.compile(
    r"(compat\.v1\.)?((math|nn|linalg|signal|image|random|__operators__)\.\w+"
    r"|abs|add|add_n|argmax|argmin|boolean_mask|broadcast_to|cast|clip_by_value|concat|cumsum"
    r"|convert_to_tensor|cos|divide|einsum|equal|exp|expand_dims|eye|fill|floor|gather|gather_nd"
    r"|greater|greater_equal|identity|less|less_equal|logical_\w+|matmul|maximum|minimum|multiply"
    r"|negative|norm|not_equal|one_hot|ones|ones_like|pad|pow|range|rank|reduce_\w+|repeat|reshape"
    r"|reverse|roll|round|shape|sigmoid|sign|sin|size|slice|sort|split|sqrt|square|squeeze|stack"
    r"|stop_gradient|strided_slice|subtract|tanh|tensordot|tile|transpose|truediv|unstack|where"
    r"|zeros|zeros_like)"
)
# TensorFlow's operators with a state or an effect that a model may have, and those that read files
# although they are said to have no effect.
_STATEFUL = re.compile(
    r"VarHandleOp|ReadVariableOp|Assign\w*VariableOp|VariableShape|Resource(Gather|Scatter)\w*"
    r"|StatefulPartitionedCall|If|While|Case|Assert|Random\w+|TruncatedNormal|RngReadAndSkip"
    r"|Stateful(StandardNormal|Uniform|TruncatedNormal)\w*|TensorArray\w+|Placeholder\w*"
)
_FILES = re.compile(
    r"ReadFile|MatchingFiles|ImmutableConst|DecodeProto\w*|EncodeProto|\w*Restore\w*"
    r"|GenerateVocabRemapping|LoadAndRemapMatrix"
)

_TRUST = "if you trust the file, pass --allow-unsafe-model."
_REPLACE = f"Replace it with built-in layers, or, {_TRUST}"
_CUSTOM = (
    "Convert it to a full-int8 .tflite where its custom code is available, and give that file; "
    f"or, {_TRUST}"
)
Concern = tuple[str, str]  # what is wrong, and what to do about it


def refuse_keras(path: Path, content: bytes) -> None:
    """Look for what a Keras file could run, import, read or write.

    Raises:
        ModelError: it has a Lambda layer, or names code or files outside of itself.
    """
    config, _ = read_configuration(path, content)
    if isinstance(config, dict):
        config.pop("compile_config", None)  # what the model was trained with is not loaded
    concern = next((c for value in objects(config) for c in _concerns(value)), None)
    try:
        concern = concern or next(_reaches(content), None)
    except Exception as error:  # h5py raises its own on damaged bytes
        raise ModelError(f"{path} is damaged: {error}", "Save or copy the model again.") from error
    if concern is not None:
        raise ModelError(f"{path} has {concern[0]}", concern[1])


def refuse_saved_model(path: Path) -> None:
    """Look for operators with effects in what a SavedModel runs when it is loaded or called.

    Raises:
        ModelError: it has one, or is of TensorFlow 1, whose initialisers run unasked.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if not graph.HasField("object_graph_def"):
            raise ModelError(
                f"{path} is a SavedModel of TensorFlow 1, which runs operators as it is loaded",
                f"Save it with TensorFlow 2, or, {_TRUST}",
            )
        for operator in _reachable(graph):
            if _has_effects(operator):
                raise ModelError(
                    f"{path} has the operator {operator}, which does more than compute",
                    f"Save the model without it, or, {_TRUST}",
                )


def _concerns(value: dict[str, Any]) -> Iterator[Concern]:
    """What is wrong with an object of a configuration."""
    if any(kind == "lambda" and key.endswith("_type") for key, kind in value.items()):
        yield "a Lambda, whose code would run on this machine", _REPLACE
    name = value.get("class_name")
    if not isinstance(name, str):
        return
    module, config = value.get("module"), value.get("config")
    bare = re.split(r"[>.]", name)[-1]
    if bare in _CODE:
        yield "a Lambda layer, whose code would run on this machine", _REPLACE
    elif bare in _REACHING:
        what = f"an object of class {bare}, which can reach what is outside of the file"
        yield what, _REPLACE
    elif name == "function":
        names = {config, value.get("registered_name") or config}
        if not all(_is_function(str(module), function) for function in names):
            yield f"the function {module}.{config}, which is not part of Keras", _CUSTOM
    elif not _CLASS.fullmatch(name) or not (module is None or _MODULE.fullmatch(str(module))):
        yield f"an object of class {module}.{name}, which is not part of Keras", _CUSTOM
    elif bare in ("TFOpLambda", "SlicingOpLambda"):
        function = config.get("function") if isinstance(config, dict) else config
        if not _TF_FUNCTION.fullmatch(str(function)):
            yield f"the function tf.{function}, which may do more than compute", _REPLACE


def _is_function(module: str, name: Any) -> bool:
    """Whether Keras takes this for one of its own functions. With the module "builtins" it takes
    its own, and only where it has no such function, Python's."""
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        return False
    if module == "builtins":
        return not hasattr(builtins, name)
    return _FUNCTIONS.fullmatch(module) is not None


def _reaches(content: bytes) -> Iterator[Concern]:
    """What is wrong with the weights: they lie in other files, or unpack to too much."""
    import h5py  # type: ignore[import-untyped]

    parts = [content]
    if not content.startswith(HDF5_MAGIC):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [archive.read(name) for name in archive.namelist() if name.endswith(".h5")]
    for part in parts:
        links: list[Any] = []
        items: list[Any] = []
        with h5py.File(io.BytesIO(part), "r") as file:
            file.visititems_links(lambda _, link, into=links: into.append(link))
            file.visititems(lambda _, item, into=items: into.append(item))
            datasets = [item for item in items if isinstance(item, h5py.Dataset)]
            check_unpacked(sum(dataset.nbytes for dataset in datasets), len(part))
            if any(isinstance(link, h5py.ExternalLink) for link in links):
                yield "weights that are a link to another file", _REPLACE
            if any(dataset.external or dataset.is_virtual for dataset in datasets):
                yield "weights that lie in another file", _REPLACE


def _reachable(graph: Any) -> Iterator[str]:
    """The operators of every function that loading or calling can run.

    The functions that save and restore checkpoints are in every file; nothing here calls them.
    """
    functions = {f.signature.name: f for f in graph.graph_def.library.function}
    remaining = [name for name in graph.object_graph_def.concrete_functions if name in functions]
    seen = set(remaining)
    while remaining:
        for node in functions[remaining.pop()].node_def:
            called = {node.op}
            for value in node.attr.values():
                called |= {value.func.name, *(function.name for function in value.list.func)}
            called &= functions.keys()
            remaining += called - seen
            seen |= called
            if node.op not in functions:
                yield node.op


def _has_effects(operator: str) -> bool:
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(operator)
    if known is None or _FILES.fullmatch(operator):
        return True
    return bool(known.is_stateful) and not _STATEFUL.fullmatch(operator)
