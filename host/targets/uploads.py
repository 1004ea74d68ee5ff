"""What PlatformIO and the uploaders print, as errors with a cause and a next step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from host.base.errors import FlashAndEvalError, SizeError, TargetError
from host.firmware.boards import Board
from host.firmware.platformio import registry_error
from host.targets.ports import recovery

_BUSY = "Close what has it open: a serial monitor, the Arduino IDE, another run."
_RULES = (
    "On Linux: `sudo usermod -aG dialout $USER`, then log in again; or install PlatformIO's udev "
    "rules, https://docs.platformio.org/page/core/installation/udev-rules.html."
)

# In this order: the first that is found anywhere in the output is the cause, the others follow
# from it. {port} is the port that the upload was to go to.
_CAUSES: tuple[tuple[str, str, Callable[[Board], str]], ...] = (
    (
        r"Permission denied|LIBUSB_ERROR_ACCESS|PermissionError\(13",
        "no permission to use {port}",
        lambda board: _RULES,
    ),
    (
        r"[Rr]esource busy|Resource temporarily unavailable|could not exclusively lock|"
        r"Access is denied",
        "{port} is in use by another program",
        lambda board: _BUSY,
    ),
    (
        r"No device found on|No accessible RP2040 devices in BOOTSEL mode",
        "no bootloader answered at {port}",
        lambda board: recovery(board),
    ),
    (
        r"Couldn't find a board on the selected port|specify `upload_port`|"
        r"could not open port|Failed to open port|open failed|No such file or directory: '/dev",
        "{port} was gone when the upload began",
        lambda board: recovery(board),
    ),
    (
        r"[Vv]erif\w+ [Ff]ailed|[Vv]erify error|contents differ",
        "what was written to {port} does not read back the same",
        lambda board: "Try again, with another cable and without a hub; else the flash is worn.",
    ),
    (
        r"SAM-BA operation failed|Flash command failed|Device unsupported",
        "the bootloader at {port} stopped answering during the upload",
        lambda board: f"Try again. {recovery(board)}",
    ),
    (
        r"[Tt]imed out|[Tt]ime-?out",
        "the upload to {port} timed out",
        lambda board: f"Try again. {recovery(board)}",
    ),
)


def upload_error(text: str, board: Board, port: str, log: Path) -> FlashAndEvalError:
    """The error for an upload that failed, from all that it printed."""
    found = registry_error(text)
    if found is not None:
        return found
    size = re.search(
        r"The (\w+) size \((\d+) bytes\) is greater than maximum allowed \((\d+)", text
    )
    if size:
        return SizeError(
            f"the image does not fit {board.name}: its {size[1]} takes {int(size[2]):,} B, "
            f"the board has {int(size[3]):,} B"
        )
    for pattern, message, hint in _CAUSES:
        line = next((line for line in text.splitlines() if re.search(pattern, line)), None)
        if line is not None:
            what = message.format(port=port)
            return TargetError(f"{what} ({line.strip()[:200]}; log: {log})", hint(board))
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-")]
    errors = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    what = (errors or lines or ["it printed nothing"])[0 if errors else -1]
    return TargetError(f"the upload to {port} failed: {what[:200]}", f"The whole log is in {log}.")


def no_permission(port: str) -> TargetError:
    """The error for a port that the user may not open."""
    return TargetError(f"no permission to use {port}", _RULES)
