"""What can be said about Renode without Renode: scripts, command line, port, errors."""

import os
import socket
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from host.base.errors import ConfigError, TargetError, ToolMissingError
from host.firmware.boards import Board, find_board
from host.firmware.image import Image
from host.targets import TARGETS, renode
from tests.fixtures.runs import processes_with, wait_for

BOARD = find_board("renode-nano33ble")


def board(**options: str) -> Board:
    return Board("mine", "", "renode", "socket", 1, 1, options)


def program(folder: Path, text: str) -> Path:
    path = folder / "renode"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def rendered(tmp_path: Path) -> tuple[str, str]:
    script = renode.write_scripts(BOARD, tmp_path / "firmware.elf", 4567, tmp_path)
    assert script == tmp_path / "renode.resc"
    return script.read_text(), (tmp_path / "renode.repl").read_text()


def test_the_script_starts_the_image_behind_a_raw_socket(tmp_path: Path) -> None:
    script, _ = rendered(tmp_path)
    statements = [line for line in script.splitlines() if not line.startswith("#")]
    assert statements == [
        "using sysbus",
        'mach create "renode-nano33ble"',
        f"machine LoadPlatformDescription @{tmp_path}/renode.repl",
        "emulation SetGlobalAdvanceImmediately true",
        'emulation CreateServerSocketTerminal 4567 "term" false',
        "connector Connect sysbus.uart0 term",
        f"sysbus LoadELF @{tmp_path}/firmware.elf",
        "cpu VectorTableOffset 0x0",
        "start",
    ]


def test_the_platform_has_the_legacy_uart_and_the_mark(tmp_path: Path) -> None:
    _, platform = rendered(tmp_path)
    assert 'using "platforms/boards/arduino_nano_33_ble.repl"' in platform
    assert "uart0:\n    easyDMA: false\n" in platform
    assert "uicr: Python.PythonPeripheral @ sysbus 0x10001000\n" in platform
    assert "ApplySVD" not in platform, "it would need the internet"


@pytest.mark.parametrize("names", [("Offset", "Value"), ("offset", "value")])
def test_the_script_of_the_mark_answers_in_old_and_new_versions(
    names: tuple[str, str], tmp_path: Path
) -> None:
    _, platform = rendered(tmp_path)
    script = platform.split("'''")[1]

    class Machine:
        ExecutedInstructions = (1 << 40) + 77

        def GetMachine(self) -> Mapping[str, "Machine"]:  # noqa: N802  Renode's name
            return {"sysbus.cpu": self}

    class Request:
        def __init__(self, offset: int) -> None:
            setattr(self, names[0], offset)

    words = []
    for offset in (0x080, 0x084, 0x088, 0x08C, 0x200):
        request = Request(offset)
        exec(script, {"request": request, "self": Machine()})
        words.append(getattr(request, names[1]))
    assert words == [0x4C554D45, 0x524F5441, 77, 0xFFFFFFFF, 0xFFFFFFFF]


def test_a_path_with_spaces_is_quoted() -> None:
    assert renode.quoted(Path("/a b/c")) == "/a\\ b/c"


def test_a_machine_without_templates_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="unknown custom_machine, 'stm32'") as caught:
        renode.templates(board(machine="stm32"))
    assert "nrf52840" in caught.value.hint
    with pytest.raises(ConfigError):
        renode.templates(board())


def test_both_emulated_boards_are_one_image() -> None:
    one, other = BOARD, find_board("unicorn-nano33ble")
    same = {"description", "target"}
    assert {**one.options, **dict.fromkeys(same)} == {**other.options, **dict.fromkeys(same)}
    assert (one.flash, one.ram) == (other.flash, other.ram) == (983040, 262144)


def test_the_command_line_opens_no_window_and_no_monitor() -> None:
    line = renode.command("/opt/renode", Path("/run/renode.resc"))
    assert line[0] == "/opt/renode"
    assert {"--plain", "--disable-xwt"} <= set(line)
    assert line[line.index("--port") + 1] == "-1"
    assert line[line.index("--execute") + 1] == "include @/run/renode.resc"


def test_renode_is_what_the_variable_names_else_what_is_on_path(tmp_path: Path) -> None:
    there = str(program(tmp_path, "exit 0\n"))
    assert renode.find_renode(BOARD, {"RENODE": there, "PATH": ""}) == there
    assert renode.find_renode(BOARD, {"PATH": str(tmp_path)}) == there


@pytest.mark.parametrize(
    ("environment", "words"),
    [({"PATH": ""}, "not on PATH"), ({"RENODE": "/nowhere", "PATH": ""}, "RENODE is /nowhere")],
)
def test_a_missing_renode_says_where_to_get_it(environment: dict[str, str], words: str) -> None:
    with pytest.raises(ToolMissingError, match=words) as caught:
        renode.find_renode(BOARD, environment)
    assert "https://github.com/renode/renode/releases" in caught.value.hint
    assert caught.value.exit_code == 3


def test_it_is_missed_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("RENODE", raising=False)
    with pytest.raises(ToolMissingError):
        TARGETS["renode"].check(BOARD)


def test_the_port_is_free() -> None:
    with socket.create_server(("127.0.0.1", renode.free_port())) as server:
        assert server.getsockname()[1] > 1023


def start(tmp_path: Path) -> None:
    image = Image(tmp_path / "firmware.elf", (), reused=False)
    with TARGETS["renode"].start(image, BOARD, tmp_path / "device.log"):
        pass


def test_a_renode_that_ends_is_an_error_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENODE", str(program(tmp_path, "echo no such platform >&2; exit 1\n")))
    with pytest.raises(TargetError, match="renode ended with code 1") as caught:
        start(tmp_path)
    assert "no such platform" in caught.value.message


def test_a_renode_that_opens_no_port_is_given_up_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A launcher with a child of its own, as some packages have: both must go.
    text = f"sleep 600 & echo $! > {tmp_path}/child; wait\n"
    monkeypatch.setenv("RENODE", str(program(tmp_path, text)))
    monkeypatch.setattr(renode, "START_TIMEOUT", 1.0)
    with pytest.raises(TargetError, match="renode did not connect in 1 s"):
        start(tmp_path)
    pid = int((tmp_path / "child").read_text())
    wait_for(lambda: pid not in processes_with("sleep 600"), 5)


def test_the_host_connects_as_soon_as_the_port_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENODE", str(program(tmp_path, "exec sleep 600\n")))
    port = renode.free_port()
    monkeypatch.setattr(renode, "free_port", lambda: port)
    came = threading.Event()

    def serve() -> None:
        threading.Event().wait(0.3)  # Renode takes a while
        with socket.create_server(("127.0.0.1", port)) as server:
            server.accept()[0].close()
            came.set()

    thread = threading.Thread(target=serve)
    thread.start()
    start(tmp_path)
    thread.join()
    assert came.is_set()
    assert os.access(tmp_path / "renode.resc", os.R_OK)
