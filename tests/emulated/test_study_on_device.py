"""A study's models on an emulated board: each its own image, or all on one."""

from pathlib import Path

import numpy as np

from tests.fixtures.runs import Finished, run, tflm_library

MODELS = "tests.fixtures.study_models"


def study(folder: Path, engine: str, routes: str) -> Finished:
    data = folder / "blobs.npz"
    if not data.exists():
        rng = np.random.default_rng(0)
        y = np.arange(150) % 3
        x = (rng.normal(0, 0.7, (150, 6)) + np.eye(6)[y]).astype(np.float32)
        np.savez(data, x=x[:50], y=y[:50], x_train=x[50:], y_train=y[50:])
    words: list[str | Path] = [
        *("study", "--dataset", data, "--model-fn", f"{MODELS}:small", "--runs", "1"),
        *("--routes", routes, "--epochs", "1", "--qat-epochs", "1", "--json"),
        *("--board", "qemu-m4", "--engine", engine, "--out", folder / "study"),
    ]
    return run(*words, timeout=900)


def test_the_boards_column(tmp_path: Path) -> None:
    done = study(tmp_path, "aot", "float,ptq-int8")
    assert done.code == 0, done.err
    device = done.json["device"]
    assert device["match"] and (device["models"], device["inferences"]) == (1, 50)
    assert (device["images_built"], device["models_loaded"]) == (1, 0)
    assert device["tick_unit"] == "instructions" and device["median_ticks"]["ptq-int8"] > 0
    row = next(row for row in done.json["results"] if row["executor"] == "device")
    assert row["equal_to_tflm_host"] == 1.0
    assert "computes byte for byte" in done.json["sentences"][0]
    # What the board said is kept; another answer of it would be seen.
    path = tmp_path / "study" / "device-0000.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["ptq-int8/outputs"] = arrays["ptq-int8/outputs"] ^ 1
    np.savez(path, **arrays)
    again = study(tmp_path, "aot", "float,ptq-int8")
    assert again.code == 1, again.err
    device = again.json["device"]
    assert (device["images_built"], device["match"]) == (0, False)
    assert device["differing"] == [{"seed": 0, "route": "ptq-int8", "samples": 50}]
    assert "THE DEVICE DIFFERS" in again.json["sentences"][0]


def test_all_models_on_one_image(tmp_path: Path) -> None:
    tflm_library()
    done = study(tmp_path, "tflm", "ptq-int8,qat-int8")
    assert done.code == 0, done.err
    device = done.json["device"]
    assert device["match"] and device["models"] == 2
    assert (device["images_built"], device["models_loaded"]) == (1, 1)
