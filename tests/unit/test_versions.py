"""Which tools there are, and which of them a run used."""

import stat
from pathlib import Path

import pytest

from host.base import versions
from host.deployment.request import DeviceOptions
from host.deployment.setup import find_setup
from host.firmware.boards import load_boards
from host.targets import find_target

PROGRAMS = ("arm-none-eabi-g++", "g++", "qemu-system-arm", "renode")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but these programs; each notes that it was run."""
    for name in PROGRAMS:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n: > '{tmp_path}/{name}.ran'\necho {name} 1.2\necho more\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RENODE", raising=False)
    return tmp_path


def test_a_run_lists_the_compiler_and_the_emulator_that_it_used_alone(programs: Path) -> None:
    listed = versions.versions(("g++", "qemu-system-arm"))
    assert {name: listed.get(name) for name in (*PROGRAMS, "unicorn")} == {
        "arm-none-eabi-g++": None,
        "g++": "g++ 1.2",
        "qemu-system-arm": "qemu-system-arm 1.2",
        "renode": None,
        "unicorn": None,
    }
    assert not (programs / "renode.ran").exists(), "its start takes a while"


def test_all_that_is_installed_is_looked_at_for_doctor(programs: Path) -> None:
    there = {tool.name: tool.version for tool in versions.tools()}
    assert [there[name] for name in PROGRAMS] == [f"{name} 1.2" for name in PROGRAMS]
    assert "unicorn" in there


def test_a_variable_names_a_program_that_is_not_on_path(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert versions.find_program("renode") is None
    monkeypatch.setenv("RENODE", str(programs / "renode"))
    assert versions.find_program("renode") == str(programs / "renode")
    assert versions.find_program("qemu-system-arm") is None


def test_a_setup_uses_the_compiler_and_the_emulator_of_its_board() -> None:
    assert find_setup(DeviceOptions("process", "aot")).tools == ("g++",)
    assert find_setup(DeviceOptions("qemu-m4", "aot")).tools == (
        "arm-none-eabi-g++",
        "qemu-system-arm",
    )


def test_the_tools_of_all_boards_are_known() -> None:
    known = {tool.name for tool in versions.tools()}
    for board in load_boards().values():
        compiler = board.options.get("compiler", "g++")
        assert {compiler, *find_target(board).tools} <= known, board.name
