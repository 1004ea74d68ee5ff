"""What a Keras file says about itself, read without Keras, so without running anything in it."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from host.base.errors import ModelError, ToolMissingError
from host.models.unpacking import check_members

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK\x03\x04"
_LARGEST_TEXT = 1 << 24  # bytes; as Python objects it takes several times as much


def read_configuration(path: Path, content: bytes) -> tuple[Any, str]:
    """The configuration in an HDF5 or zip file as JSON values, and the Keras version that wrote it.

    Raises:
        ModelError: not a Keras model, weights only, damaged or truncated.
        ToolMissingError: h5py is not installed.
    """
    try:
        if content.startswith(ZIP_MAGIC):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if "config.json" not in archive.namelist():
                    raise ModelError(f"{path} is a zip file, but not a Keras .keras file")
                _check_archive(archive, len(content))
                broken = archive.testzip()
                if broken is not None:
                    raise ModelError(f"{path} is damaged: {broken} in it has a wrong checksum")
                metadata = json.loads(archive.read("metadata.json"))
                return json.loads(archive.read("config.json")), str(metadata["keras_version"])
        return _hdf5_configuration(path, content)
    except ModelError:
        raise
    except Exception as error:  # zipfile, h5py and json each raise their own on damaged bytes
        raise ModelError(
            f"{path} is damaged or truncated: {error}", "Save or copy the model again."
        ) from error


def _check_archive(archive: zipfile.ZipFile, packed: int) -> None:
    """Check a zip file before anything of it is unpacked: its size, and where its members go."""
    check_members(archive.infolist(), packed)
    for member in archive.infolist():
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(f"{member.filename!r} in it would be written elsewhere")
        if place.suffix == ".json" and member.file_size > _LARGEST_TEXT:
            raise ValueError(f"its {member.filename!r} has {member.file_size:,} bytes")


def _hdf5_configuration(path: Path, content: bytes) -> tuple[Any, str]:
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolMissingError(f"reading {path} needs h5py: {error}") from error
    with h5py.File(io.BytesIO(content), "r") as file:
        if "model_config" in file.attrs:
            version = file.attrs.get("keras_version", "2")
            if isinstance(version, bytes):
                version = version.decode("utf-8", "replace")
            return json.loads(file.attrs["model_config"]), str(version)
        if "layer_names" in file.attrs or "layers" in file:
            raise ModelError(
                f"{path} has weights only, no model",
                "Save the whole model: model.save('model.h5'), not model.save_weights(…).",
            )
    raise ModelError(f"{path} is an HDF5 file, but not a Keras model")


def objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a configuration, those within others too."""
    remaining = [config]  # no recursion: a file may be nested deeper than Python's stack
    while remaining:
        value = remaining.pop()
        if isinstance(value, list):
            remaining += value
        elif isinstance(value, dict):
            remaining += value.values()
            yield value


def refuse_layers(path: Path, content: bytes) -> None:
    """Look for layers in a Keras file that cannot be loaded.

    Raises:
        ModelError: layers of tfmot.
    """
    config, _ = read_configuration(path, content)
    names = {str(value.get("class_name")) for value in objects(config)}
    quantized = sorted(n for n in names if n.split(">")[-1].startswith(("Quantize", "PruneLow")))
    if quantized:
        raise ModelError(
            f"{path} has layers of tensorflow_model_optimization ({', '.join(quantized)})",
            "Convert it yourself inside tfmot's quantize_scope and give the int8 .tflite, or give "
            "the plain float model.",
        )
