"""Files that reach for other files, or unpack to more than a machine has; pickles in data."""

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from host.base.errors import DataError, ModelError
from host.base.paths import ROOT
from host.models.npz import read_npz
from host.models.source import open_model
from tests.fixtures.unsafe_files import layer, refused, zipped

MiB = 1 << 20


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
@pytest.mark.parametrize("inside", [False, True])
def test_weights_in_other_files(tmp_path: Path, canary: Path, kind: str, inside: bool) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(layer("Sequential", layers=[]))
        if kind == "link":
            file["model_weights"] = h5py.ExternalLink("/etc/secret.h5", "/")
        elif kind == "storage":
            file.create_dataset("w", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        else:
            layout = h5py.VirtualLayout((4,), "u1")
            layout[:] = h5py.VirtualSource("/etc/secret.h5", "w", (4,))
            file.create_virtual_dataset("w", layout)
    if inside:
        content = path.read_bytes()
        path = tmp_path / "m.keras"
        zipped(tmp_path, layer("Sequential", layers=[]), **{"model.weights.h5": content})
    refused(path, "another file", canary)


@pytest.mark.parametrize("member", ["../../canary", "/tmp/canary", "a/../../canary", "..\\canary"])
def test_members_that_would_be_written_elsewhere(tmp_path: Path, member: str) -> None:
    zipped(tmp_path, layer("Dense"), **{member: b"x"})
    with pytest.raises(ModelError, match="written elsewhere"):
        open_model(tmp_path / "m.keras")


def bombs(folder: Path, kind: str) -> Path:
    zeros = bytes(600 * MiB)
    if kind == "weights.keras":
        zipped(folder, layer("Dense"), **{"model.weights.h5": zeros})
    elif kind == "config.keras":
        zipped(folder, "[" + " " * (64 * MiB) + "]")
    elif kind == "nested.keras":
        zipped(folder, "[" * 1_000_000)
    elif kind == "pairs.keras":
        zipped(folder, '{"a":' * 500 + "1" + "}" * 500)
    elif kind == "chunks.h5":
        with h5py.File(folder / "m.keras", "w") as file:
            file.attrs["model_config"] = json.dumps(layer("Sequential", layers=[]))
            file.create_dataset("w", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")
    else:
        header = {"descr": "<f4", "fortran_order": False, "shape": (150 * MiB, 1)}
        if kind == "header.npz":
            header, zeros = {**header, "shape": (1 << 42, 1)}, b""
        with (
            zipfile.ZipFile(folder / "d.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
            file.open("x.npy", "w") as stream,
        ):
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(zeros)
        return folder / "d.npz"
    return folder / "m.keras"


@pytest.mark.parametrize(
    "kind",
    [
        *("weights.keras", "config.keras", "nested.keras", "pairs.keras", "chunks.h5"),
        *("x.npz", "header.npz"),
    ],
)
def test_what_unpacks_to_too_much(tmp_path: Path, kind: str) -> None:
    path = bombs(tmp_path, kind)
    code = (
        "import re, sys; from pathlib import Path\n"
        "from host.base.errors import InputError; from host.models.npz import read_npz\n"
        "from host.models.source import load_keras, open_model\n"
        "path = Path(sys.argv[1])\n"
        "try: read_npz(path) if path.suffix == '.npz' else load_keras(open_model(path))\n"
        "except InputError as error: print(error.message[:300])\n"
        # Not getrusage: a process begins with what the one had that started it.
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    message, mib = done.stdout.splitlines()
    assert str(path) in message
    assert int(mib) < (1200 if kind == "pairs.keras" else 400)  # with or without TensorFlow


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["x.npz", "y.npz", "other.npz", "array.npy", "pickle.npz"])
def test_pickles_in_data(tmp_path: Path, canary: Path, kind: str) -> None:
    evil: Any = np.array([Touches(canary)] * 3, object)
    x = np.zeros((3, 4), np.float32)
    path = tmp_path / kind
    if kind == "array.npy":
        np.save(path, evil, allow_pickle=True)
    elif kind == "pickle.npz":
        path.write_bytes(pickle.dumps(Touches(canary)))
    else:
        arrays = {"x.npz": {"x": evil}, "y.npz": {"x": x, "y": evil}, "other.npz": {"z": evil}}
        np.savez(path, allow_pickle=True, **arrays[kind])
    with pytest.raises(DataError) as caught:
        read_npz(path)
    assert str(path) in caught.value.message and caught.value.hint
    assert not canary.exists()
    loaded = np.load(path, allow_pickle=True)
    _ = [loaded[name] for name in loaded.files] if isinstance(loaded, np.lib.npyio.NpzFile) else 0
    assert canary.exists()
