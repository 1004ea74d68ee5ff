"""Keras files made or changed by hand, to do what no model should."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import pytest

from host.base.errors import ModelError
from host.models.source import load_keras, open_model


def refused(path: Path, says: str, canary: Path) -> None:
    """See that a model is refused, and that nothing in it was run."""
    with pytest.raises(ModelError, match=says) as caught:
        load_keras(open_model(path))
    assert "--allow-unsafe-model" in caught.value.hint
    assert str(path) in caught.value.message
    assert not canary.exists()


def layer(name: str, module: str | None = None, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config}


def zipped(folder: Path, config: Any, **members: bytes) -> bytes:
    path = folder / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


def edited(path: Path, change: Callable[[Any], None]) -> Path:
    """A small model's file whose configuration was changed by hand."""
    import keras
    import tf_keras

    library = tf_keras if path.stem == "tf_keras" else keras
    layers = library.layers
    library.Sequential([layers.Input((4,)), layers.Dense(2, activation="relu")]).save(path)
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
