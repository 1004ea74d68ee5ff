"""Telling model files apart, by content, without TensorFlow."""

import json
import zipfile
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import pytest

from host.base.errors import ModelError
from host.models.source import load_keras, open_model
from tests.fixtures.models import dense


def write_h5(path: Path, version: str | None = "2.15.0", layer: str = "Dense") -> Path:
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"layers": [{"class_name": layer}]}}
        file.attrs["model_config"] = json.dumps(config)
        if version is not None:
            file.attrs["keras_version"] = version
    return path


def write_keras(path: Path, version: str = "3.15.1", layer: str = "Dense") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps({"layers": [{"class_name": layer}]}))
    return path


@pytest.mark.parametrize(
    ("version", "kind"), [("2.15.0", "keras2"), (None, "keras2"), ("3.15.1", "keras3")]
)
def test_h5_by_the_version_that_wrote_it(tmp_path: Path, version: str | None, kind: str) -> None:
    model = open_model(write_h5(tmp_path / "model.h5", version))
    assert (model.kind, model.name) == (kind, "model")
    assert len(model.sha256) == 64


def test_the_ending_does_not_matter(tmp_path: Path) -> None:
    assert open_model(write_keras(tmp_path / "model.h5")).kind == "keras3"
    assert open_model(write_keras(tmp_path / "old", "2.21.0")).kind == "keras2"
    assert open_model(write_h5(tmp_path / "model.tflite")).kind == "keras2"


def test_a_tflite_has_no_float_model(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(dense(4, 2))
    assert open_model(tmp_path / "m").kind == "tflite"
    with pytest.raises(ModelError, match="no float model"):
        load_keras(open_model(tmp_path / "m"))


def test_saved_model_is_hashed_over_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"one")
    first = open_model(folder)
    assert (first.kind, first.name) == ("savedmodel", "saved")
    assert open_model(folder) == first
    (folder / "variables" / "data").write_bytes(b"two")
    assert open_model(folder).sha256 != first.sha256


def damaged(tmp_path: Path, case: str) -> Path:
    path = tmp_path / case
    h5 = write_h5(tmp_path / "whole.h5").read_bytes()
    keras = write_keras(tmp_path / "whole.keras").read_bytes()
    contents = {
        "empty": b"",
        "text": b"hello, I am a text",
        "cut.h5": h5[:-300],
        "cut.keras": keras[:-30],
        "head.h5": h5[:9],
        "head.keras": keras[:9],
        "flipped.keras": keras.replace(b"Dense", b"Danse"),
        "cut.tflite": dense(20, 20)[:300],
    }
    if case in contents:
        path.write_bytes(contents[case])
    elif case == "folder":
        path.mkdir()
    elif case == "other.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "a")
    elif case != "missing":
        with h5py.File(path, "w") as file:
            if case == "weights":
                file.attrs["layer_names"] = ["a"]
    return path


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("missing", "there is no model"),
        ("empty", "is empty"),
        ("text", "neither a Keras model nor a .tflite"),
        ("folder", "without saved_model.pb"),
        ("weights", "weights only"),
        ("other.h5", "not a Keras model"),
        ("other.zip", "not a Keras .keras file"),
        ("cut.h5", "damaged or truncated"),
        ("cut.keras", "damaged or truncated"),
        ("head.h5", "damaged or truncated"),
        ("head.keras", "damaged or truncated"),
        ("flipped.keras", "damaged"),
        ("cut.tflite", "damaged or truncated"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, case: str, says: str) -> None:
    path = damaged(tmp_path, case)
    with pytest.raises(ModelError, match=says) as caught:
        open_model(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("writer", [write_h5, write_keras])
@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("Lambda", "Lambda"),
        ("QuantizeWrapperV2", "tensorflow_model_optimization"),
        ("Vai>QuantizeLayer", "tensorflow_model_optimization"),
    ],
)
def test_layers_are_refused_before_anything_is_loaded(
    tmp_path: Path, writer: type, layer: str, says: str
) -> None:
    model = open_model(writer(tmp_path / "model", layer=layer))
    with pytest.raises(ModelError, match=says):
        load_keras(model)
