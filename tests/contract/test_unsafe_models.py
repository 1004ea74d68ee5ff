"""A model or data set that carries code is refused, and nothing of it is run.

Where the attack works, it is shown to: with ``allow_unsafe`` it makes the file that it must not
make without.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import ModelError
from host.models.source import load_keras, open_model
from host.models.unsafe import refuse_keras
from tests.fixtures.command_line import run_ok
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import run
from tests.fixtures.unsafe_files import edited, layer, refused, zipped


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def network(library: Any, canary: Path) -> Any:
    layers = library.layers
    code = f"lambda x: (__import__('pathlib').Path({str(canary)!r}).touch(), x)[1]"
    return library.Sequential([layers.Input((4,)), layers.Lambda(eval(code)), layers.Dense(2)])


def lambda_file(path: Path, canary: Path) -> Path:
    import keras
    import tf_keras

    network(tf_keras if path.stem == "tf_keras" else keras, canary).save(path)
    canary.unlink()  # it was run as the model was made
    return path


@pytest.mark.parametrize("name", ["keras.keras", "tf_keras.keras", "tf_keras.h5", "keras.h5"])
def test_lambda_layers(tmp_path: Path, canary: Path, name: str) -> None:
    path = lambda_file(tmp_path / name, canary)
    refused(path, "a Lambda", canary)
    load_keras(open_model(path), allow_unsafe=True)
    assert canary.exists()


def test_lambda_layers_at_the_command_line(tmp_path: Path, canary: Path) -> None:
    path = lambda_file(tmp_path / "tf_keras.h5", canary)
    data = tmp_path / "d.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(40, 4)), y=np.arange(40) % 2)
    model = ("--model", path, "--data", data, "--board", "process", "--json")
    int8 = saved(tmp_path / "m.tflite", dense(4, 2))
    refusing = (
        run("flash-and-eval", *model, "--out", tmp_path / "out"),
        run("explain", int8, int8, "--reference", path, "--data", data, "--json"),
    )
    for done in refusing:
        assert done.code == 2
        error = done.json["error"]
        assert error["kind"] == "ModelError" and "--allow-unsafe-model" in error["hint"]
    assert not canary.exists() and not (tmp_path / "out").exists()
    done = run_ok("flash-and-eval", *model, "--out", tmp_path / "out", "--allow-unsafe-model")
    assert canary.exists()
    canary.unlink()
    # Not even from the cache of what was converted with the option.
    assert run("flash-and-eval", *model, "--out", tmp_path / "again").code == 2


@pytest.mark.parametrize("name", ["tf_keras.keras", "tf_keras.h5", "keras.keras", "keras.h5"])
def test_a_module_that_would_be_imported(
    tmp_path: Path, canary: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"canary_of_{name.replace('.', '_')}"
    (tmp_path / f"{module}.py").write_text(
        f"from pathlib import Path\nPath({str(canary)!r}).touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def change(config: Any) -> None:
        config.update({"module": module, "class_name": "Net", "registered_name": "Net"})

    path = edited(tmp_path / name, change)
    refused(path, rf"{module}\.Net", canary)
    with pytest.raises(ModelError):
        load_keras(open_model(path), allow_unsafe=True)
    # Keras 3 imports nothing, and .h5 files are not read for modules.
    assert canary.exists() == (name == "tf_keras.keras")


def function(module: str | None, name: str, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name} | (
        {} if registered is None else {"registered_name": registered}
    )


@pytest.mark.parametrize(
    "hostile",
    [
        function("os", "system"),
        function("builtins", "exec"),
        function("builtins", "relu", "eval"),
        function("builtins", "relu.x"),
        function("keras.utils", "get_file"),
        function("keras.config", "enable_unsafe_deserialization"),
        function("keras.saving", "load_model"),
        function("keras.src.layers.core.lambda_layer", "x"),
        function(None, "system"),
        layer("Popen", "subprocess", args=["touch"]),
        layer("system", "os"),
        layer("clone_model", "keras.models"),
        layer("utils.get_file", "keras"),
        layer("Dense", "keras.src.utils.file_utils"),
        layer("Dense", "kerasevil.layers"),
        layer("Dense", "keras.layers.\nos"),
        layer("Lambda"),
        layer("keras>Lambda"),
        layer("__lambda__", value=["", None, None]),
        layer("TFSMLayer", "keras.layers", filepath="/"),
        layer("TorchModuleWrapper", "keras.layers", content=""),
        layer("StringLookup", "keras.layers", vocabulary="/etc/passwd"),
        layer("RNN", residual_fn="4wAA", residual_fn_type="lambda"),
        layer("TensorFlowOpLayer", node_def="WriteFile"),
        layer("ClassMethod", cls_symbol="io.gfile.GFile"),
        {**layer("__typespec__", "os"), "spec_name": "system", "registered_name": ""},
        *(
            layer("TFOpLambda", function=name)
            for name in (
                *("io.write_file", "raw_ops.WriteFile", "py_function", "numpy_function"),
                *("load_op_library", "compat.v1.py_func", "nn.relu.x", "keras.utils.get_file"),
            )
        ),
        layer("SlicingOpLambda", function="io.read_file"),
    ],
)
def test_what_no_model_is_made_of(tmp_path: Path, hostile: Any) -> None:
    for config in (hostile, {"layers": [{"a": {"b": [1, hostile]}}]}):
        with pytest.raises(ModelError, match=r"m\.keras has "):
            refuse_keras(tmp_path / "m.keras", zipped(tmp_path, config))


@pytest.mark.parametrize(
    "usual",
    [
        function("builtins", "relu", "relu"),
        function("keras.activations", "gelu"),
        layer("Dense"),
        layer("Custom>MyLayer"),
        layer("Functional", "keras.src.models.functional", registered_name="Functional"),
        layer("Conv2D", "keras.layers", filters=3),
        layer("DTypePolicy", "keras", policy="float32"),
        layer("Relu6", "keras.src.ops.nn"),
        layer("__keras_tensor__"),
        layer("SlicingOpLambda", "tf_keras.src.layers.core.tf_op_layer", function="strided_slice"),
        *(layer("TFOpLambda", function=f) for f in ("nn.relu6", "reshape", "math.reduce_mean")),
        # What a model was trained with is not loaded.
        {"compile_config": {"loss": function("my.losses", "own")}},
    ],
)
def test_what_models_are_made_of(tmp_path: Path, usual: Any) -> None:
    refuse_keras(tmp_path / "m.keras", zipped(tmp_path, usual))


def saved_model(folder: Path, canary: Path) -> Path:
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])  # type: ignore[untyped-decorator]
        def run(self, x: Any) -> Any:
            tf.io.write_file(str(canary), "x")
            return x * 2.0

    module = Module()
    tf.saved_model.save(module, str(folder), signatures=module.run)
    return folder


def test_a_saved_model_that_writes(tmp_path: Path, canary: Path) -> None:
    path = saved_model(tmp_path / "saved", canary)
    refused(path, "operator WriteFile", canary)
    load_keras(open_model(path), allow_unsafe=True)
    assert canary.exists()


def test_a_saved_model_of_tensorflow_1(tmp_path: Path, canary: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4))
        v1.saved_model.simple_save(session, str(tmp_path / "old"), {"x": x}, {"y": x * 2.0})
    refused(tmp_path / "old", "TensorFlow 1", canary)


def test_a_saved_model_that_computes(tmp_path: Path) -> None:
    import tf_keras

    layers = tf_keras.layers
    parts = [layers.Input((5, 2)), layers.LSTM(3), layers.Dropout(0.5), layers.Dense(2)]
    tf_keras.Sequential(parts).export(tmp_path / "saved")
    assert load_keras(open_model(tmp_path / "saved")).output_shape == (2,)
