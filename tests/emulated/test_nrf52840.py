"""The bare-metal nRF52840 port, in Unicorn: bit-exact, and its failures are clear."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import check, faulty_program, gone
from tests.fixtures.models import dense
from tests.fixtures.runs import run, shared_model
from tests.line.device import built

BOARD = ("--board", "unicorn-nano33ble", "--engine", "aot")
MODELS = ("mlperf_kws_int8.tflite", "mlperf_ad_int8.tflite", "tflm_micro_speech_int8.tflite")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed"
)


def test_the_demo_matches_and_counts_what_qemu_counts(tmp_path: Path) -> None:
    medians = {}
    for board in ("unicorn-nano33ble", "qemu-m4"):
        done = run_ok(
            *("flash-and-eval", "--board", board, "--engine", "aot", "--samples", "40"),
            *("--json", "--out", tmp_path / board),
        )
        check(done.json, 40)
        assert done.json["latency"]["unit"] == "instructions"
        medians[board] = done.json["latency"]["median"]
    # The same core runs the same kernels; only the reading of the clock differs.
    assert medians["unicorn-nano33ble"] == pytest.approx(medians["qemu-m4"], abs=20)


@pytest.mark.parametrize("model", MODELS)
def test_models_of_others_are_bit_exact(model: str, tmp_path: Path) -> None:
    done = run_ok(
        *("flash-and-eval", *BOARD, "--model", shared_model(model)),
        *("--data", "random", "--samples", "20", "--json", "--out", tmp_path / "run"),
    )
    check(done.json, 20)


def test_a_firmware_that_hits_a_fault(tmp_path: Path) -> None:
    checkout = faulty_program(tmp_path)
    done = run("flash-and-eval", *BOARD, "--out", tmp_path / "run", cwd=checkout)
    assert done.code == 3
    assert "processor fault" in done.err and "at 0xf0000000; pc 0x" in done.err
    gone(tmp_path / "run")


def test_a_renode_that_is_missing(tmp_path: Path) -> None:
    done = run(
        *("flash-and-eval", "--board", "renode-nano33ble", "--engine", "aot"),
        *("--samples", "5", "--out", tmp_path / "run"),
        environment={"RENODE": "/nowhere/renode"},
    )
    assert done.code == 3
    assert "RENODE is /nowhere/renode" in done.err and "github.com/renode" in done.err


def test_both_emulators_get_the_same_image(tmp_path: Path) -> None:
    binaries = []
    for name in ("unicorn-nano33ble", "renode-nano33ble"):
        folder = tmp_path / name
        folder.mkdir()
        image = built(dense(16, 4), name, folder)
        flat = folder / "firmware.bin"
        command = ["arm-none-eabi-objcopy", "-O", "binary", str(image.elf), str(flat)]
        subprocess.run(command, check=True)
        binaries.append(flat.read_bytes())
    assert binaries[0] == binaries[1]
