"""What PlatformIO and the uploaders print becomes a cause and a next step."""

from pathlib import Path

import pytest

from host.base.errors import SizeError, TargetError, ToolMissingError
from host.firmware.boards import Board, find_board
from host.targets.uploads import upload_error


@pytest.fixture
def nano() -> Board:
    return find_board("nano33ble")


START = """\
Processing nano33ble (platform: nordicnrf52 @ 10.11.0; framework: arduino; board: nano33ble)
--------------------------------------------------------------------------------
Verbose mode can be enabled via `-v, --verbose` option
Configuring upload protocol...
AVAILABLE: blackmagic, cmsis-dap, jlink, nrfjprog, nrfutil, sam-ba
CURRENT: upload_protocol = sam-ba
Looking for upload port...
Using manually specified: /dev/ttyACM0
Forcing reset using 1200bps open/close on port /dev/ttyACM0
Waiting for the new upload port...
Uploading .pio/build/plain/nano33ble/firmware.bin
"""
BOOTLOADER = """\
Device       : nRF52840-QIAA
Version      : Arduino Bootloader (SAM-BA extended) 2.0 [Arduino:IKXYZ]
Pages        : 256
Page Size    : 4096 bytes
Erase flash

Done in 0.001 seconds
Write 91856 bytes to flash (23 pages)
"""
END = "*** [upload] Error 1\n========================= [FAILED] Took 9.31 seconds ====="
OFFLINE = """\
Processing nano33ble (platform: nordicnrf52 @ 10.11.0; framework: arduino; board: nano33ble)
--------------------------------------------------------------------------------
Platform Manager: Installing nordicnrf52 @ 10.11.0
HTTPClientError:
"""
LOGS = {
    "no answer": (f"{START}No device found on ttyACM0\n{END}", "no bootloader answered", "twice"),
    "esp32": (
        "esptool.py v4.11.0\nSerial port /dev/ttyACM0\nConnecting.....................\n\n"
        "A fatal error occurred: Failed to connect to ESP32-S3: No serial data received.\n"
        f"For troubleshooting steps visit: https://docs.espressif.com/\n{END}",
        "no bootloader answered",
        "reset twice",
    ),
    "stopped": (
        f"{START}{BOOTLOADER}[====      ] 13% (3/23 pages)\nSAM-BA operation failed\n{END}",
        "stopped answering during the upload",
        "reset twice",
    ),
    "verify": (
        f"{START}{BOOTLOADER}\nVerify failed\nPage errors: 1\nByte errors: 12\n{END}",
        "does not read back the same",
        "cable",
    ),
    "openocd verify": (
        "** Programming Finished **\n** Verify Started **\n** Verify Failed **\nshutdown command\n",
        "does not read back the same",
        "cable",
    ),
    "permission": (
        f"{START}serial.serialutil.SerialException: [Errno 13] could not open port /dev/ttyACM0: "
        f"[Errno 13] Permission denied: '/dev/ttyACM0':\n{END}",
        "no permission to use /dev/ttyACM0",
        "dialout",
    ),
    "usb permission": (
        "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed\n",
        "no permission",
        "udev",
    ),
    "busy": (
        f"{START}SerialException: [Errno 16] could not open port /dev/ttyACM0: [Errno 16] Device "
        f"or resource busy: '/dev/ttyACM0'\n{END}",
        "in use by another program",
        "serial monitor",
    ),
    "gone": (
        f"{START}Error: Couldn't find a board on the selected port. Check that you have the "
        f"correct port selected.\n{END}",
        "was gone when the upload began",
        "reset twice",
    ),
    "no port": (
        "Error: Please specify `upload_port` for environment or use global `--upload-port`\n",
        "was gone",
        "reset twice",
    ),
    "st-link": ("Error: open failed\nin procedure 'program'\n", "was gone", "cable"),
    "timeout": (
        f"{START}Error: timed out while waiting for target halted\n{END}",
        "timed out",
        "Try again",
    ),
    "unknown": (f"{START}Error: the moon is in the way\n{END}", "moon is in the way", "whole log"),
    "silent": ("", "it printed nothing", "whole log"),
}


@pytest.mark.parametrize("name", LOGS)
def test_what_an_upload_prints_becomes_a_cause_and_a_next_step(nano: Board, name: str) -> None:
    text, cause, step = LOGS[name]
    error = upload_error(text, nano, "/dev/ttyACM0", Path("device.log"))
    assert isinstance(error, TargetError) and error.exit_code == 3
    assert cause in error.message and step in error.hint


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (OFFLINE, "nordicnrf52 @ 10.11.0"),
        (
            "Tool Manager: Installing platformio/tool-bossac-nordicnrf52 @ ~1.10901.0\n"
            "UnknownPackageError: Could not find the package with 'platformio/tool-bossac-"
            "nordicnrf52 @ ~1.10901.0' requirements for your system 'linux_x86_64'\n",
            "tool-bossac-nordicnrf52",
        ),
        ("You are not connected to the Internet.\n", "what the board needs"),
    ],
)
def test_a_registry_out_of_reach_is_told_from_a_failing_upload(
    nano: Board, text: str, what: str
) -> None:
    error = upload_error(text, nano, "/dev/ttyACM0", Path("device.log"))
    assert isinstance(error, ToolMissingError)
    assert what in error.message and "internet" in error.hint


def test_an_image_that_platformio_finds_too_large(nano: Board) -> None:
    text = "Error: The program size (999999 bytes) is greater than maximum allowed (983040 bytes)\n"
    error = upload_error(text, nano, "/dev/ttyACM0", Path("device.log"))
    assert isinstance(error, SizeError) and "999,999 B" in error.message
