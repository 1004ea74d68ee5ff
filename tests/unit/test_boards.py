"""Boards are the envs of platformio.ini."""

from pathlib import Path

import pytest

from host import engines
from host.base.errors import ConfigError
from host.firmware.boards import find_board, load_boards

INI = """
[platformio]
extra_configs = {folder}/override.ini
[env:tiny]
custom_description = a board
custom_target = qemu
custom_link = socket
custom_machine = mps2-an386
board_upload.maximum_size = 0x1000
board_upload.maximum_ram_size = 512
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "platformio.ini"
    path.write_text(text.replace("{folder}", str(folder)))
    return path


def test_the_project_has_its_boards() -> None:
    boards = load_boards()
    assert {"qemu-m3", "qemu-m4", "qemu-m7", "qemu-m55", "process"} <= set(boards)
    assert boards["qemu-m4"].options["machine"] == "mps2-an386"
    assert boards["qemu-m55"].flash == 524288


def test_a_board_is_read_from_its_env_and_from_an_override(tmp_path: Path) -> None:
    (tmp_path / "override.ini").write_text("[env:tiny]\ncustom_description = mine\n")
    board = load_boards(write(tmp_path, INI))["tiny"]
    assert (board.flash, board.ram, board.target, board.link) == (4096, 512, "qemu", "socket")
    assert board.description == "mine"


def test_conditions_are_those_of_the_engine_that_ran() -> None:
    options = find_board("qemu-m4").options
    assert options["build_flags"].split()[:2] == ["-O2", "-std=gnu++17"]
    of_aot, of_tflm = (engines.conditions(options, name) for name in ("aot", "tflm"))
    assert of_aot.items() < of_tflm.items()
    assert not any(key.startswith("tflm_") for key in of_aot)
    assert of_tflm["tflm_kernels"] == "cmsis_nn"
    assert not any("\n" in value for value in of_tflm.values())
    assert "tflm_library" in of_tflm


@pytest.mark.parametrize("name", ["qemu-m4", "nano33ble", "pico"])
def test_what_a_user_is_told_is_no_condition_of_a_number(name: str) -> None:
    told = set(find_board(name).options) - set(engines.conditions(find_board(name).options, "tflm"))
    assert "tflm_download" in told
    assert told <= {"recovery", "tflm_download", "usb_bootloader_ids", "usb_ids"}


def test_an_unknown_board_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no board 'qemu_m4'") as caught:
        find_board("qemu_m4")
    assert "'qemu-m4'" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("custom_target = qemu\n", "", "has no custom_target"),
        ("= 512", "= plenty", "is not a number of bytes"),
        ("[env:tiny]", "[env:tiny", "platformio.ini"),
    ],
)
def test_a_wrong_env_is_a_clear_error(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_boards(write(tmp_path, INI.replace(old, new)))
