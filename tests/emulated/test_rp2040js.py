"""The bare-metal RP2040 port, in rp2040js: bit-exact, in cycles that are never time."""

from pathlib import Path

import pytest

from host.base import versions
from host.base.errors import ToolMissingError
from host.firmware.boards import find_board
from host.targets import find_target, rp2040js
from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import FAULT, check, faulty_program, gone, needs
from tests.fixtures.runs import run, shared_model

BOARD = ("--board", "rp2040js-pico", "--engine", "aot")


needs_rp2040js = needs("rp2040js-pico")


@needs_rp2040js
def test_the_demo_matches_and_its_cycles_are_not_time(tmp_path: Path) -> None:
    done = run_ok("flash-and-eval", *BOARD, "--samples", "10", "--json", "--out", tmp_path / "run")
    check(done.json, 10)
    latency = done.json["latency"]
    assert (latency["unit"], latency["rate"], latency["median_ms"]) == ("emulated_cycles", 0, None)
    total = sum(operator["ticks"] for operator in latency["operators"])
    assert total == pytest.approx(latency["median"], rel=0.05)
    assert {"node", "rp2040js", "arm-none-eabi-g++"} <= set(done.json["versions"])
    page = (tmp_path / "run" / "report.html").read_text()
    assert "emulated cycles, not time" in page


@needs_rp2040js
@pytest.mark.parametrize("model", ["mlperf_kws_int8.tflite", "mlperf_ad_int8.tflite"])
def test_models_of_others_are_bit_exact(model: str, tmp_path: Path) -> None:
    done = run_ok(
        *("flash-and-eval", *BOARD, "--model", shared_model(model)),
        *("--data", "random", "--samples", "3", "--json", "--out", tmp_path / "run"),
    )
    check(done.json, 3)


@needs_rp2040js
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FAULT, "undefined address: f0000000"),
        ('asm volatile("udf #7");', "breakpoint 7"),
    ],
)
def test_a_firmware_that_hits_a_fault(fault: str, words: str, tmp_path: Path) -> None:
    checkout = faulty_program(tmp_path, fault)
    done = run("flash-and-eval", *BOARD, "--out", tmp_path / "run", cwd=checkout)
    assert done.code == 3
    assert "processor fault" in done.err and words in done.err and "pc 0x1000" in done.err
    gone(tmp_path / "run")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = find_board("rp2040js-pico")
    target = find_target(board)
    monkeypatch.setattr(rp2040js, "node_package_version", lambda name: None)
    monkeypatch.setattr(versions, "find_program", lambda name: "/usr/bin/node")
    with pytest.raises(ToolMissingError, match="Node package rp2040js is not") as caught:
        target.check(board)
    assert "npm ci --prefix" in caught.value.hint
    monkeypatch.setattr(versions, "find_program", lambda name: None)
    with pytest.raises(ToolMissingError, match="node is not on PATH"):
        target.check(board)
