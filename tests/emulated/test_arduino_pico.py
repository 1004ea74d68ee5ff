"""The Pico's Arduino firmware, where the user has the core: mbed boots in rp2040js, and the host
deals with it as with a board on a USB cable, which is ``tests/line/cable.py``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.arduino_core import checkout_with_core
from tests.fixtures.emulators import check, needs
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import Finished, run
from tests.line.cable import BOOTLOADER, COUNTS, UPLOAD, listed, plugged_in

BOARD = "rp2040js-arduino-pico"
SAMPLES = 60
pytestmark = needs(BOARD)
# In the place of rp2040load, which speaks with the boot ROM. The firmware is its last argument.
_UPLOADER = """#!/bin/sh
for firmware; do :; done
for attempt in 1 2 3 4 5 6 7 8 9 10; do test -e {cable}/{bootloader} || sleep 0.5; done
test -e {cable}/{bootloader} || {{ echo No accessible RP2040 devices in BOOTSEL mode; exit 1; }}
cp "$firmware" {cable}/part && mv {cable}/part {cable}/{upload}
"""


@dataclass(frozen=True)
class Pico:
    """A program that has the core, and a firmware that it has built and run."""

    checkout: Path
    model: Path
    cable: Path
    firmware: Path
    report: Any

    def run(self, board: str, environment: dict[str, str], *more: str | Path) -> Finished:
        return evaluate(self.checkout, self.model, board, environment, *more)


def evaluate(
    checkout: Path, model: Path, board: str, environment: dict[str, str], *more: str | Path
) -> Finished:
    asked = ("--model", model, "--data", "random", "--samples", str(SAMPLES), "--json")
    words = ("flash-and-eval", "--board", board, *asked, *more)
    return run(*words, cwd=checkout, environment=environment)


@pytest.fixture(scope="module")
def pico(tmp_path_factory: pytest.TempPathFactory) -> Pico:
    folder = tmp_path_factory.mktemp("pico")
    cable = folder / "cable"
    uploader = package(folder / "tool", "tool-rp2040tools", "1.0.2") / "rp2040load"
    uploader.write_text(_UPLOADER.format(cable=cable, bootloader=BOOTLOADER, upload=UPLOAD))
    uploader.chmod(0o755)
    openocd = package(folder / "openocd", "tool-openocd-raspberrypi", "2.1100.0")
    tools = {"tool-rp2040tools": uploader.parent, "tool-openocd-raspberrypi": openocd}
    checkout = checkout_with_core("pico", folder, tools)
    model = saved(folder / "model.tflite", dense(200, 10))
    done = evaluate(checkout, model, BOARD, {}, "--out", folder / "run")
    assert done.code == 0, done.err
    return Pico(checkout, model, cable, folder / "run" / "firmware.elf", done.json)


def package(folder: Path, name: str, version: str) -> Path:
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    return folder


@pytest.fixture
def cable(pico: Pico) -> Path:
    pico.cable.mkdir(exist_ok=True)
    for file in pico.cable.iterdir():
        file.unlink()
    return pico.cable


def test_the_real_firmware_is_exact_over_usb(pico: Pico, tmp_path: Path) -> None:
    check(pico.report, SAMPLES)
    latency = pico.report["latency"]
    assert (latency["unit"], latency["median_ms"]) == ("emulated_cycles", None)
    # A host that polls the device with empty packets would keep it from computing.
    bare = pico.run("rp2040js-pico", {}, "--out", tmp_path / "run")
    assert bare.code == 0, bare.err
    assert latency["median"] < 2 * bare.json["latency"]["median"]


def test_the_board_is_found_touched_flashed_and_followed(
    pico: Pico, cable: Path, tmp_path: Path
) -> None:
    with plugged_in(pico.firmware, cable) as environment:
        (before,) = listed(cable)
        done = pico.run("pico", environment, "--out", tmp_path / "run")
        (after,) = listed(cable)
    assert done.code == 0, done.err
    check(done.json, SAMPLES)
    assert before != after
    assert f"1200bps open/close on port {before}" in (tmp_path / "run" / "device.log").read_text()


@pytest.mark.parametrize(
    ("to_device", "to_host", "reconnects"),
    [
        (
            "flipped@9,50 dropped@20 gapped@30 lost@40 doubled@45 stalled@55",
            "flipped@15 dropped@25 gapped@35 lost@42 doubled@48 gathered@52",
            0,
        ),
        # Its power comes through the cable.
        ("vanished@20", "vanished@40", 2),
    ],
    ids=["damage", "pulled out"],
)
def test_a_bad_cable_costs_no_sample(
    to_device: str, to_host: str, reconnects: int, pico: Pico, cable: Path, tmp_path: Path
) -> None:
    with plugged_in(pico.firmware, cable, to_device, to_host) as environment:
        (port,) = listed(cable)
        done = pico.run(BOARD, environment, "--port", port, "--out", tmp_path / "run")
        assert listed(cable)
    assert done.code == 0, done.err
    assert done.json["gaps"]["deployment"] == pico.report["gaps"]["deployment"]
    link = done.json["link"]
    assert link["reconnects"] == reconnects
    assert link["retries"] > 0 or reconnects
    injected = json.loads((cable / COUNTS).read_text())
    assert sum(injected.values()) == len(f"{to_device} {to_host}".replace(",", " ").split())


def test_a_run_whose_board_stays_away_is_gone_on_with(
    pico: Pico, cable: Path, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "run")
    with plugged_in(pico.firmware, cable, to_host="killed@30") as environment:
        (port,) = listed(cable)
        first = pico.run(BOARD, environment, "--port", port, *out, "--timeout", "1")
        assert not listed(cable)
    assert first.code == 3
    assert "--resume" in first.json["error"]["hint"]
    with plugged_in(pico.firmware, cable) as environment:
        (port,) = listed(cable)
        second = pico.run(BOARD, environment, "--port", port, *out, "--resume")
    assert second.code == 0, second.err
    assert second.json["gaps"]["deployment"] == pico.report["gaps"]["deployment"]
    assert second.json["link"]["payload"] < pico.report["link"]["payload"] * 0.7
