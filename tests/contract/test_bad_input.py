"""Bad input at the command line: exit code 2, what and what next, nothing half-written."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.aot.binary import add
from tests.aot.builder import Array, Q, started
from tests.fixtures.command_line import refused
from tests.fixtures.datasets import npz
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import run, shared_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model.tflite", dense(6, 3))


def test_no_such_file(tmp_path: Path) -> None:
    assert "nothing.h5" in refused(tmp_path, "--model", "nothing.h5", "--data", "digits")


def test_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_text("Dear diary")
    assert str(path) in refused(tmp_path, "--model", path, "--data", "digits")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_tflite(tmp_path: Path, model: Path, share: float) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(share * len(content))])
    refused(tmp_path, "--model", model, "--data", "random")


def test_a_float_tflite(tmp_path: Path) -> None:
    b, x = started((1, 4), None, dtype=np.float32, name="x")
    y = b.tensor((1, 4), None, dtype=np.float32, name="y")
    b.operator("RELU", [x], [y])
    path = saved(tmp_path / "float.tflite", b.build([x], [y]))
    assert "float" in refused(tmp_path, "--model", path, "--data", "random")


def test_two_inputs(tmp_path: Path) -> None:
    b, one = started((1, 4), Q.tensor(0.1), name="left")
    two = b.tensor((1, 4), Q.tensor(0.1), name="right")
    path = tmp_path / "two.tflite"
    path.write_bytes(b.build([one, two], [add(b, one, two, Q.tensor(0.2))]))
    message = refused(tmp_path, "--model", path, "--data", "random")
    assert "left" in message and "right" in message


def test_an_operator_that_the_engine_lacks(tmp_path: Path) -> None:
    b, x = started((1, 4), Q.tensor(0.1), name="x")
    y = b.tensor((1, 4), Q.tensor(0.1), name="the output")
    b.operator("RELU_0_TO_1", [x], [y])
    path = saved(tmp_path / "odd.tflite", b.build([x], [y]))
    message = refused(tmp_path, "--model", path, "--data", "random")
    assert "operator 0 RELU_0_TO_1" in message and "the output" in message


def test_data_of_another_shape(tmp_path: Path) -> None:
    model = shared_model("mlperf_ic.h5")
    message = refused(tmp_path, "--model", model, "--data", "mnist5k")
    assert "(28, 28, 1)" in message and "(32, 32, 3)" in message


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.zeros((5, 7), np.float32), None, "(7,)"),
        (np.full((5, 6), np.nan, np.float32), None, "30 values"),
        (np.full((5, 6), np.inf, np.float32), None, "30 values"),
        (np.zeros((5, 6), np.complex64), None, "complex64"),
        (np.array([["a"] * 6] * 5), None, "<U1"),
        (np.zeros((5, 6), np.float32), np.array([0, 1, 2, 3, 0]), "3"),
        (np.zeros((5, 6), np.float32), np.array([0, 1, -1, 2, 0]), "-1"),
        (np.zeros((5, 6), np.float32), np.array([0, 1]), "5"),
        (np.zeros((0, 6), np.float32), None, "(0, 6)"),
    ],
)
def test_data_that_cannot_be_used(
    tmp_path: Path, model: Path, x: Array, y: Array | None, words: str
) -> None:
    data = npz(tmp_path, x=x) if y is None else npz(tmp_path, x=x, y=y)
    assert words in refused(tmp_path, "--model", model, "--data", data)


def test_pickled_data(tmp_path: Path, model: Path) -> None:
    refused(tmp_path, "--model", model, "--data", npz(tmp_path, x=np.array([{}] * 3, object)))


def test_data_that_is_not_there(tmp_path: Path, model: Path) -> None:
    assert "no.npz" in refused(tmp_path, "--model", model, "--data", "no.npz")
    assert "--data" in refused(tmp_path, "--model", model)


def test_random_data_cannot_calibrate(tmp_path: Path) -> None:
    refused(tmp_path, "--model", shared_model("mlperf_ic.h5"), "--data", "random")


def test_an_unknown_board_engine_or_number(tmp_path: Path) -> None:
    assert "qemu-m9" in refused(tmp_path, "--board", "qemu-m9")
    assert "magic" in refused(tmp_path, "--engine", "magic")
    assert "0" in refused(tmp_path, "--samples", "0")


def test_a_model_too_big_for_the_board(tmp_path: Path) -> None:
    path = saved(tmp_path / "big.tflite", dense(800, 800))
    message = refused(tmp_path, "--board", "qemu-m55", "--model", path, "--data", "random")
    assert "640,0" in message or "64" in message  # 800 · 800 bytes of weights and some more
    assert "524,288 B" in message and "flash" in message


def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("dear")
    done = run("flash-and-eval", "--json", "--out", out)
    assert done.code == 2
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_written_to() -> None:
    done = run("flash-and-eval", "--json", "--out", "/proc/run")
    assert done.code == 3
    assert "/proc/run" in json.loads(done.out)["error"]["message"]
