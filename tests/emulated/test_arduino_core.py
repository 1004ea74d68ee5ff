"""The mission's boards with the real ArduinoCore-mbed, where the user has it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.arduino_core import checkout_with_core, core_library
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import run, tflm_library
from tests.fixtures.schemas import validate

ENGINES = ("aot", "tflm")
# What the Pico's libmbed.a lacks of the Nano's: the chip has no such timer.
NANO_ONLY = {"mbed::LowPowerTimer::LowPowerTimer()"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("board", ["pico", "nano33ble"])
def test_the_board_builds_with_the_real_core(board: str, engine: str, tmp_path: Path) -> None:
    library = core_library(board)
    if engine == "tflm":
        tflm_library(board)
    model = saved(tmp_path / "model.tflite", dense(32, 8, layers=2))
    checkout = checkout_with_core(board, tmp_path)
    done = run(
        *("flash-and-eval", "--build-only", "--board", board, "--engine", engine, "--json"),
        *("--model", model, "--out", tmp_path / "run"),
        cwd=checkout,
        environment={"FLASH_AND_EVAL_CACHE": str(tmp_path / "cache")},
        timeout=900,
    )
    assert done.code == 0, done.err
    validate("flash-and-eval-build-only", done.json)
    memory = done.json["memory"]
    assert 0 < memory["flash"] < memory["limits"]["flash"]
    assert 0 < memory["ram"] < memory["limits"]["ram"]
    log = (tmp_path / "run" / "build.log").read_text()
    missing = set(re.findall(r"undefined reference to `(.*)'", log))
    if library.is_file():
        assert not missing
    else:  # all files compile, and nothing is missing but what mbed's own library has
        assert missing and missing - NANO_ONLY <= symbols(core_library("pico"))


def symbols(library: Path) -> set[str]:
    """What an archive defines."""
    command = ["arm-none-eabi-nm", "--demangle", "--defined-only", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.split(maxsplit=2)[2] for line in done.stdout.splitlines() if line.count(" ") >= 2}
