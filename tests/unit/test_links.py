"""Which link a board gets: the env's, or what --link says, if what starts it can give that."""

from dataclasses import replace

import pytest

from host.base.errors import ConfigError
from host.firmware.boards import find_board, load_boards
from host.targets import TARGETS, find_target, with_link
from tests.fixtures.runs import run


def linked(name: str, link: str | None, port: str | None = None) -> str:
    board = find_board(name)
    return with_link(board, find_target(board, port), link).link


def test_every_board_has_the_link_of_its_env() -> None:
    for board in load_boards().values():
        assert with_link(board, TARGETS[board.target], None) == board


@pytest.mark.parametrize(
    ("name", "link", "port", "expected"),
    [
        ("qemu-m4", "socket", None, "socket"),
        ("qemu-m4", "semihosting", None, "semihosting"),
        ("process", "pipe", None, "pipe"),
        ("nano33ble", "serial", None, "serial"),
        ("qemu-m4", None, "socket://127.0.0.1:1", "serial"),
    ],
)
def test_a_link_may_be_chosen(name: str, link: str | None, port: str | None, expected: str) -> None:
    assert linked(name, link, port) == expected


@pytest.mark.parametrize(
    ("name", "link", "port", "has"),
    [
        ("qemu-m4", "pipe", None, "socket, semihosting"),
        ("qemu-m4", "SEMIHOSTING", None, "socket, semihosting"),
        ("process", "semihosting", None, "pipe"),
        ("unicorn-nano33ble", "semihosting", None, "socket"),
        ("renode-nano33ble", "serial", None, "socket"),
        ("nano33ble", "socket", None, "serial"),
        ("qemu-m4", "semihosting", "/dev/ttyACM0", "serial"),
    ],
)
def test_a_link_that_the_board_does_not_have(
    name: str, link: str, port: str | None, has: str
) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no link '{link}'") as caught:
        linked(name, link, port)
    assert caught.value.hint == f"It has: {has}."


def test_an_env_with_a_wrong_link() -> None:
    board = replace(find_board("qemu-m4"), link="carrier pigeon")
    with pytest.raises(ConfigError, match="no link 'carrier pigeon'"):
        with_link(board, TARGETS["qemu"], None)


@pytest.mark.parametrize("command", ["flash-and-eval", "trace", "profile"])
def test_the_program_refuses_it_before_anything_is_made(command: str) -> None:
    done = run(command, "--link", "pipe")
    assert done.code == 2
    assert "qemu-m4 has no link 'pipe'" in done.err and "It has: socket, semihosting." in done.err


def test_a_study_has_a_link_only_with_a_board() -> None:
    done = run("study", "--link", "semihosting")
    assert done.code == 2
    assert "--link need --board" in done.err
