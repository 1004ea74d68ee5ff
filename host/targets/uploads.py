"""What PlatformIO and the uploaders print, as errors with a cause and a next step."""

import re
from pathlib import Path

from host.base.errors import FlashAndEvalError, SizeError, TargetError
from host.firmware.boards import Board
from host.firmware.platformio import registry_error
from host.targets.ports import recovery

_RULES = (
    "On Linux: `sudo usermod -aG dialout $USER`, then log in again; or install PlatformIO's udev "
    "rules, https://docs.platformio.org/page/core/installation/udev-rules.html."
)

# In this order: the first that is found anywhere in the output is the cause, the others follow
# from it. {port} is the port that the upload was to go to, {recovery} what to do by hand.
_CAUSES = (
    (
        r"Permission denied|LIBUSB_ERROR_ACCESS|PermissionError\(13",
        "no permission to use {port}",
        _RULES,
    ),
    (
        r"[Rr]esource busy|Resource temporarily unavailable|could not exclusively lock|"
        r"Access is denied",
        "{port} is in use by another program",
        "Close what has it open: a serial monitor, the Arduino IDE, another run.",
    ),
    (
        r"No device found on|No accessible RP2040 devices in BOOTSEL mode|"
        r"Failed to connect to ESP",
        "no bootloader answered at {port}",
        "{recovery}",
    ),
    (
        r"Couldn't find a board on the selected port|specify `upload_port`|"
        r"could not open port|Failed to open port|open failed|No such file or directory: '/dev",
        "{port} was gone when the upload began",
        "{recovery}",
    ),
    (
        r"[Vv]erif\w+ [Ff]ailed|[Vv]erify error|contents differ",
        "what was written to {port} does not read back the same",
        "Try again, with another cable and without a hub; else the flash is worn.",
    ),
    (
        r"SAM-BA operation failed|Flash command failed|Device unsupported",
        "the bootloader at {port} stopped answering during the upload",
        "Try again. {recovery}",
    ),
    (r"[Tt]imed out|[Tt]ime-?out", "the upload to {port} timed out", "Try again. {recovery}"),
)


def upload_error(text: str, board: Board, port: str, log: Path) -> FlashAndEvalError:
    """The error for an upload that failed, from all that it printed."""
    unreachable = registry_error(text)
    if unreachable is not None:
        return unreachable
    size = re.search(
        r"The (\w+) size \((\d+) bytes\) is greater than maximum allowed \((\d+)", text
    )
    if size:
        return SizeError(
            f"the image does not fit {board.name}: its {size[1]} takes {int(size[2]):,} B, "
            f"the board has {int(size[3]):,} B"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-")]
    for pattern, message, hint in _CAUSES:
        line = next((line for line in lines if re.search(pattern, line)), None)
        if line is not None:
            what = message.format(port=port)
            advice = hint.format(recovery=recovery(board))
            return TargetError(f"{what} ({line[:200]}; log: {log})", advice)
    errors = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    what = (errors or lines or ["it printed nothing"])[0 if errors else -1]
    return TargetError(f"the upload to {port} failed: {what[:200]}", f"The whole log is in {log}.")


def no_permission(port: str) -> TargetError:
    """The error for a port that the user may not open."""
    return TargetError(f"no permission to use {port}", _RULES)
