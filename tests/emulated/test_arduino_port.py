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
    assert read_float_abi(elf) == "soft"  # as the core has it, though the processor has an FPU
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
        assert session.statistics().damaged_frames == 0


# Without a cycle counter; and as Arduino_Core_STM32 is, which has a UART.
@pytest.mark.parametrize("flags", [["-mcpu=cortex-m0plus"], ["-DSERIAL_RX_BUFFER_SIZE=1024"]])
def test_the_port_compiles_for_other_cores_without_warnings(
    flags: list[str], tmp_path: Path
) -> None:
    command = ["arm-none-eabi-g++", "-fsyntax-only", "-mthumb", "-mcpu=cortex-m4", *flags]
    assert compiled(command, tmp_path, CORE) == ""


def compiled(command: list[str], folder: Path, core: Path) -> str:
    """What a compiler says of the port; the headers that it includes are in ``core``."""
    graph, board = tflite.parse(dense(300, 300)), find_board("nucleo_l4r5zi")
    board = replace(board, options={**board.options, "baud": "921600"})
    (folder / INCLUDE_FOLDER).mkdir()
    for name, text in build.sources(AotEngine().render(graph), graph, board).items():
        (folder / INCLUDE_FOLDER / name).write_text(text)
    command += ["-std=gnu++17", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
    command += [f"-I{path}" for path in (FIRMWARE, folder, core)]
    command += ['-DFLASH_AND_EVAL_BOARD="a board"', str(FIRMWARE / "boards/arduino/board.cc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


# What the port asks of arduino-esp32, and a clock that moves when it is read.
ESP32 = """
#pragma once
#include <cstddef>
#include <cstdint>
void setup();
void loop();
void yield();
unsigned long micros();
uint32_t getCpuFrequencyMhz();
struct EspClass {
  uint32_t getCycleCount();
};
extern EspClass ESP;
struct HardwareSerial {
  size_t setRxBufferSize(size_t size);
  void begin(unsigned long baud, uint32_t config = 0);
  int available();
  int read();
  size_t write(const uint8_t* data, size_t size);
};
extern HardwareSerial Serial;
"""
STARTS_IT = """
#include <cstdio>
#include <cstdlib>
#include "Arduino.h"
#include "flash_and_eval/core/board.h"
uint32_t g_us = 0;
EspClass ESP;
HardwareSerial Serial;
void yield() {}
unsigned long micros() { return ++g_us; }
uint32_t getCpuFrequencyMhz() { return 240; }
uint32_t EspClass::getCycleCount() { return g_us * COUNTED_MHZ; }
size_t HardwareSerial::setRxBufferSize(size_t size) {
  std::printf("buffer %d, ", static_cast<int>(size));
  return size;
}
void HardwareSerial::begin(unsigned long baud, uint32_t) { std::printf("baud %lu, ", baud); }
int HardwareSerial::available() { return 0; }
int HardwareSerial::read() { return -1; }
size_t HardwareSerial::write(const uint8_t*, size_t size) { return size; }
[[noreturn]] void serve() {
  board::init();
  const uint32_t begin = board::ticks();
  g_us += 10;
  const int passed = static_cast<int>(board::ticks() - begin);
  std::printf("window %d, %d at %d MHz\\n", static_cast<int>(board::receive_window()), passed,
              static_cast<int>(board::clock().rate / 1000000));
  std::exit(0);
}
int main() { setup(); }
"""


@pytest.mark.parametrize(
    ("counted", "clock"),
    [(240, "2400 at 240 MHz"), (80, "11 at 1 MHz")],
    ids=["cycles", "a counter with another clock is not believed"],
)
def test_the_port_on_an_esp32(counted: int, clock: str, tmp_path: Path) -> None:
    (tmp_path / "Arduino.h").write_text(ESP32)
    (tmp_path / "start.cc").write_text(STARTS_IT)
    program = tmp_path / "program"
    command = ["g++", "-DARDUINO_ARCH_ESP32", f"-DCOUNTED_MHZ={counted}u"]
    assert (
        compiled([*command, str(tmp_path / "start.cc"), "-o", str(program)], tmp_path, tmp_path)
        == ""
    )
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == f"buffer 1024, baud 921600, window 1024, {clock}\n"
