"""The port to Arduino boards: built on a miniature of ArduinoCore-mbed, it runs in QEMU."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from host.base.paths import FIRMWARE, INCLUDE_FOLDER
from host.device.session import Session
from host.engines.aot import AotEngine
from host.firmware import build
from host.firmware.boards import find_board
from host.firmware.image import Image, read_float_abi, read_sections
from host.models import tflite
from host.targets import find_target
from tests.fixtures.mbed import CORE, build_nano
from tests.fixtures.models import dense, saved


def test_the_nano_builds_where_the_core_is_as_mbed_is_and_answers(tmp_path: Path) -> None:
    model = saved(tmp_path / "model.tflite", dense(300, 300))
    done = build_nano(model, tmp_path)
    log = (tmp_path / "image" / "build.log").read_text()
    assert done.returncode == 0, log + done.stderr
    assert "warning" not in log.lower()
    elf = tmp_path / "image" / "firmware.elf"
    assert read_float_abi(elf) == "soft"
    assert 0 < elf.with_suffix(".bin").stat().st_size < elf.stat().st_size
    image, board = Image(elf, read_sections(elf), reused=False), find_board("qemu-m4")
    with find_target(board).start(image, board, tmp_path / "log") as link:
        session = Session(link, timeout=5.0)
        info = session.hello(10.0)
        assert (info.board, info.tick_unit, info.receive_window) == (
            *("nano33ble", "microseconds", 256),
        )
        # Replies of zeros and of no zeros: short COBS blocks, long ones, and packets in between.
        inputs = [bytes([value] * 300) for value in (0, 1, 127, 128, 255)] * 4
        answers = session.infer(inputs)
        assert [answer.output for answer in answers[:5]] * 4 == [a.output for a in answers]
        assert len({answer.output for answer in answers}) > 1
        assert session.statistics().retries == 0


# Without a cycle counter; and as Arduino_Core_STM32 is, which has a UART.
@pytest.mark.parametrize("flags", [["-mcpu=cortex-m0plus"], ["-DSERIAL_RX_BUFFER_SIZE=1024"]])
def test_the_port_compiles_for_other_cores_without_warnings(
    flags: list[str], tmp_path: Path
) -> None:
    graph, board = tflite.parse(dense(300, 300)), find_board("nucleo_l4r5zi")
    board = replace(board, options={**board.options, "baud": "921600"})
    (tmp_path / INCLUDE_FOLDER).mkdir()
    for name, text in build.sources(AotEngine().render(graph), graph, board).items():
        (tmp_path / INCLUDE_FOLDER / name).write_text(text)
    command = ["arm-none-eabi-g++", "-fsyntax-only", "-mthumb", "-mcpu=cortex-m4", *flags]
    command += ["-std=gnu++17", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
    command += [f"-I{path}" for path in (FIRMWARE, tmp_path, CORE)]
    command += ['-DFLASH_AND_EVAL_BOARD="a board"', str(FIRMWARE / "boards/arduino/board.cc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
