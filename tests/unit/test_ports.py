"""Which port is which board, before and after it has gone and come back under another name."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from host.base.errors import ConfigError, TargetError
from host.firmware.boards import Board, load_boards
from host.targets.ports import Port, PortInfo, choose, not_returned, returned, snapshot


@dataclass
class Info:
    """The fields of pyserial's ListPortInfo that are used."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None


# As a Nano 33 BLE shows itself: its bootloader pads the serial number with zeros.
RUNNING = Info("/dev/ttyACM0", 0x2341, 0x805A, "768275C7726D618B", "1-3:1.0")
BOOTLOADER = Info("/dev/ttyACM1", 0x2341, 0x005A, "0000000000000000768275C7726D618B", "1-3:1.0")
ELSEWHERE = Info("/dev/ttyACM2", 0x2341, 0x805A, "768275C7726D618B", "1-3:1.0")
OTHER = Info("/dev/ttyACM3", 0x2341, 0x805A, "54B9A3A1E6CF2D9A", "1-4:1.0")
MODEM = Info("/dev/ttyUSB0", 0x0403, 0x6001, "A50285BI", "1-5")
BUILT_IN = Info("/dev/ttyS0")


@pytest.fixture
def nano() -> Board:
    return load_boards()["nano33ble"]


def test_a_snapshot_is_in_order_and_tells_usb_from_the_rest() -> None:
    ports = snapshot([MODEM, BUILT_IN, RUNNING])
    assert ports == (
        Port("/dev/ttyACM0", "2341:805a", "768275C7726D618B"),
        Port("/dev/ttyS0", "", "/dev/ttyS0"),
        Port("/dev/ttyUSB0", "0403:6001", "A50285BI"),
    )
    assert str(ports[0]) == "/dev/ttyACM0 (2341:805a, 768275C7726D618B)"
    assert str(ports[1]) == "/dev/ttyS0"


def test_a_snapshot_of_this_computer() -> None:
    assert all(port.device and port.identity for port in snapshot())


@pytest.mark.parametrize("info", [RUNNING, BOOTLOADER])
def test_the_only_board_is_found_running_or_in_its_bootloader(nano: Board, info: PortInfo) -> None:
    assert choose(snapshot([BUILT_IN, MODEM, info]), nano, None).device == info.device


def test_without_a_board_it_says_what_it_looked_for_and_what_it_saw(nano: Board) -> None:
    with pytest.raises(TargetError) as caught:
        choose(snapshot([BUILT_IN, MODEM]), nano, None)
    for word in ("2341:805a", "bootloader 2341:005a", "/dev/ttyS0", "/dev/ttyUSB0 (0403:6001"):
        assert word in caught.value.message
    assert "reset twice" in caught.value.hint
    with pytest.raises(TargetError, match="no serial port at all"):
        choose((), nano, None)


def test_two_boards_are_listed_and_one_is_asked_for(nano: Board) -> None:
    ports = snapshot([RUNNING, OTHER])
    with pytest.raises(TargetError) as caught:
        choose(ports, nano, None)
    assert "2 boards fit nano33ble" in caught.value.message
    for info in (RUNNING, OTHER):
        assert info.device in caught.value.message and str(info.serial_number) in str(caught.value)
    assert "--port /dev/ttyACM0" in caught.value.hint
    assert choose(ports, nano, "/dev/ttyACM3").identity == OTHER.serial_number


def test_a_board_with_two_ports_is_one_board(nano: Board) -> None:
    assert choose(snapshot([ELSEWHERE, RUNNING]), nano, None).device == "/dev/ttyACM0"


def test_a_port_can_be_named_by_a_link(nano: Board, tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").touch()
    link = tmp_path / "by-id"
    link.symlink_to(tmp_path / "ttyACM0")
    here = Info(str(tmp_path / "ttyACM0"), 0x2341, 0x805A)
    assert choose(snapshot([here]), nano, str(link)).device == here.device


def test_a_port_that_is_not_there_is_named_with_those_that_are(nano: Board) -> None:
    with pytest.raises(TargetError, match=r"no port /dev/ttyACM7; there is: /dev/ttyACM0"):
        choose(snapshot([RUNNING]), nano, "/dev/ttyACM7")


def test_a_clone_with_another_identity_can_be_named(nano: Board) -> None:
    assert choose(snapshot([MODEM]), nano, "/dev/ttyUSB0").usb_id == "0403:6001"


def test_a_board_without_identities_is_an_error_of_the_env(nano: Board) -> None:
    nameless = Board("x", "", "flash", "serial", 1, 1, {})
    with pytest.raises(ConfigError, match=r"\[env:x\].*custom_usb_ids"):
        choose((), nameless, None)


# After the upload: what is there, look by look, and when the board is back.
SEQUENCES = {
    "it goes and comes back elsewhere": ([[BOOTLOADER], [], [], [ELSEWHERE]], 3),
    "the bootloader alone is not the firmware": ([[BOOTLOADER]] * 3, None),
    "another board that is plugged in meanwhile is not it": ([[], [OTHER], [OTHER, RUNNING]], 2),
    "it was never gone, as behind an ST-Link": ([[RUNNING]], 0),
    "it stays away": ([[], [BUILT_IN], [MODEM]], None),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("before", [RUNNING, BOOTLOADER])
def test_the_board_is_followed(nano: Board, name: str, before: PortInfo) -> None:
    looks, expected = SEQUENCES[name]
    (port,) = snapshot([before])
    back = [returned(snapshot(look), nano, port) for look in looks]
    first = next((index for index, found in enumerate(back) if found), None)
    assert first == expected


def test_without_a_serial_number_the_socket_of_the_hub_is_followed(nano: Board) -> None:
    before, after = (
        Info("a", 0x2341, 0x5A, None, "1-3:1.0"),
        Info("b", 0x2341, 0x805A, "", "1-3:1.2"),
    )
    (port,) = snapshot([before])
    found = returned(snapshot([Info("c", 0x2341, 0x805A, "", "1-4:1.0"), after]), nano, port)
    assert found is not None and found.device == "b"


def test_two_bridges_with_the_serial_number_of_all_are_told_apart() -> None:
    esp32 = load_boards()["esp32"]
    bridges = [
        Info("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001", "1-3"),
        Info("/dev/ttyUSB1", 0x10C4, 0xEA60, "0001", "1-4"),
    ]
    with pytest.raises(TargetError, match="2 boards fit esp32"):
        choose(snapshot(bridges), esp32, None)
    port = choose(snapshot(bridges), esp32, "/dev/ttyUSB1")
    assert returned(snapshot(bridges), esp32, port) == port


def test_a_board_that_does_not_come_back(nano: Board) -> None:
    (port,) = snapshot([RUNNING])
    gone = not_returned(snapshot([MODEM]), nano, port, 15)
    assert "has not come back 15 s after" in gone.message and "/dev/ttyUSB0" in gone.message
    stuck = not_returned(snapshot([BOOTLOADER]), nano, port, 15)
    assert "still in its bootloader, at /dev/ttyACM1" in stuck.message
    assert "reset twice" in stuck.hint and "--no-flash" in stuck.hint
