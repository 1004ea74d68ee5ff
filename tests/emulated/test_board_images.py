"""Real firmware on every emulated board: bit-exact with TFLM on the host."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import check
from tests.fixtures.models import every_operator, saved
from tests.fixtures.runs import run, shared_model

QEMU = ("qemu-m3", "qemu-m4", "qemu-m7", "qemu-m55")
RISCV = "qemu-riscv32"
MODELS = (
    "mlperf_kws_int8.tflite",
    "mlperf_ic_int8.tflite",
    "mlperf_ad_int8.tflite",
    "tflm_hello_world_int8.tflite",
    "tflm_micro_speech_int8.tflite",
)


def test_the_demo_matches_and_writes_its_report(tmp_path: Path) -> None:
    done = run_ok("flash-and-eval", "--json", "--out", tmp_path / "run")
    check(done.json, 360)
    report = done.json
    assert json.loads((tmp_path / "run" / "report.json").read_text()) == report
    assert report["headline"] == "The device computes the int8 model: 360/360 bit-exact"
    assert report["latency"]["unit"] == "instructions"
    assert report["conditions"]["float_abi"] == "hard"
    assert report["accuracy"]["device"]["value"] == report["accuracy"]["tflm_host"]["value"] > 0.9
    assert report["accuracy"]["keras"]["low"] > 0.9
    for name in ("model.tflite", "src/model.cc", "firmware.elf", "build.log", "device.log"):
        assert (tmp_path / "run" / name).is_file(), name
    with np.load(tmp_path / "run" / "predictions.npz") as predictions:
        assert np.array_equal(predictions["device"], predictions["tflm_host"])
    again = run("flash-and-eval", "--json", "--out", tmp_path / "again")
    build = next(t for t in again.json["timings"] if t["stage"] == "build")
    assert build["reused"] is True
    assert again.json["latency"] == report["latency"], "instructions are repeatable"
    assert again.json["gaps"] == report["gaps"]


@pytest.mark.parametrize("board", [*QEMU[:1], *QEMU[2:], RISCV, "process", "process-sanitized"])
def test_the_demo_matches_on_every_other_board(board: str, tmp_path: Path) -> None:
    arguments = ("--board", board, "--samples", "40", "--json", "--out", tmp_path / "run")
    done = run_ok("flash-and-eval", *arguments)
    check(done.json, 40)


@pytest.mark.parametrize(
    ("model", "board"),
    [
        *itertools.product(MODELS, (*QEMU, "process-sanitized")),
        ("mlperf_kws_int8.tflite", RISCV),
        ("mlperf_ad_int8.tflite", RISCV),
    ],
)
def test_models_of_others_are_bit_exact(model: str, board: str, tmp_path: Path) -> None:
    done = run_ok(
        *("flash-and-eval", "--board", board, "--model", shared_model(model)),
        *("--data", "random", "--samples", "20", "--json", "--out", tmp_path / "run"),
    )
    check(done.json, 20)
    assert done.json["accuracy"]["keras"] is None
    assert any("accuracy" in note for note in done.json["notes"])


@pytest.mark.parametrize("board", [*QEMU, RISCV, "process", "rp2040js-pico"])
def test_our_own_code_compiles_without_warnings(board: str, tmp_path: Path) -> None:
    # Another cache: the images that the other tests built must not stand in. What a test has built
    # before had no warnings, since all tests build with -Werror.
    model = saved(tmp_path / "model.tflite", every_operator())
    run_ok(
        *("flash-and-eval", "--board", board, "--model", model, "--data", "random"),
        *("--json", "--out", tmp_path / "run"),
        environment={"FLASH_AND_EVAL_CACHE": str(tmp_path / "cache")},
    )
    assert "warning" not in (tmp_path / "run" / "build.log").read_text().lower()
