"""A port that vanishes and comes back, and one that somebody else has: on pseudo-terminals."""

import os
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from host.base.errors import LinkError, TargetError
from host.device.link import Link, SerialLink
from host.firmware.boards import find_board
from host.firmware.image import Image
from host.targets.attach import AttachTarget
from host.targets.flash import FlashTarget
from host.targets.ports import Port

BOARD = find_board("nano33ble")
IMAGE = Image(Path("unused"), (), reused=True)


class Terminal:
    """A port, as the device's end sees it."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)

    def vanish(self) -> None:
        with suppress(OSError):
            os.close(self.master)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    made = [Terminal() for _ in range(3)]
    yield made
    for terminal in made:
        terminal.vanish()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def carries(link: Link, terminal: Terminal) -> bool:
    os.write(terminal.master, b"hello")
    return link.transfer(b"", soon())[1] == b"hello"


def board_at(terminal: Terminal, number: str = "ABC") -> Port:
    return Port(terminal.name, "2341:805a", number)


@pytest.mark.parametrize("flash", [False, True])
def test_a_board_that_comes_back_under_another_name(
    terminals: list[Terminal], tmp_path: Path, flash: bool
) -> None:
    old, new, other = terminals
    ports = [board_at(old), board_at(other, "XYZ")]
    kind = FlashTarget if flash else AttachTarget
    target = kind(old.name, look=lambda: tuple(ports))
    if isinstance(target, FlashTarget):
        target = replace(target, upload=lambda *_: None)
    with ExitStack() as stack:
        link = stack.enter_context(target.start(IMAGE, BOARD, tmp_path / "log"))
        assert carries(link, old)
        old.vanish()
        with pytest.raises(LinkError, match="is gone"):
            while True:
                link.transfer(b"x", soon())
        del ports[0]
        with pytest.raises(LinkError, match="has not come back"):
            link.restore(soon(0.2))
        ports.append(board_at(new))
        link.restore(soon())
        assert carries(link, new)


def test_a_link_in_the_file_system_is_followed(terminals: list[Terminal], tmp_path: Path) -> None:
    old, new, _ = terminals
    name = tmp_path / "by-id"
    name.symlink_to(old.name)
    target = AttachTarget(str(name), look=lambda: ())
    with target.start(IMAGE, BOARD, tmp_path / "log") as link:
        assert carries(link, old)
        old.vanish()
        name.unlink()
        with pytest.raises(LinkError, match=r"cannot open .*by-id"):
            link.restore(soon(0.2))
        name.symlink_to(new.name)
        link.restore(soon())
        assert carries(link, new)


def test_a_port_that_another_run_has(terminals: list[Terminal]) -> None:
    first = SerialLink(terminals[0].name)
    with pytest.raises(LinkError, match="cannot open") as caught:
        SerialLink(terminals[0].name)
    assert "no other run holds it" in caught.value.hint
    first.close()
    SerialLink(terminals[0].name).close()


@pytest.mark.parametrize("flash", [False, True])
def test_a_board_that_another_run_has(
    terminals: list[Terminal], tmp_path: Path, flash: bool
) -> None:
    ports = [board_at(terminals[0], f"held-{os.getpid()}")]
    attach = AttachTarget(terminals[0].name, look=lambda: tuple(ports))
    flashed = FlashTarget(look=lambda: tuple(ports), upload=lambda *_: None)
    first, second = (attach, flashed) if flash else (flashed, attach)
    with ExitStack() as stack:
        stack.enter_context(first.start(IMAGE, BOARD, tmp_path / "log"))
        with pytest.raises(TargetError, match="another run is at work"):
            stack.enter_context(second.start(IMAGE, BOARD, tmp_path / "log"))
