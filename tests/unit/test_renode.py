"""Renode without Renode: its scripts, and a program that behaves like it."""

import hashlib
import os
import subprocess
import tarfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.base.errors import ConfigError, LinkError, TargetError, ToolMissingError
from host.base.paths import ROOT
from host.device.link import Link
from host.firmware.boards import Board, find_board
from host.firmware.image import Image
from host.targets import renode
from tests.fixtures import fake_renode
from tests.fixtures.renode import BOARD, FAILING, TARGET, program, start, use_fake
from tests.fixtures.runs import processes_with, wait_for

ODD_NAMES = ("a b", "semi;colon", "back\\slash", "a\\ b", 'qu"ote', "tick`s", "{0} %s", "Grüße $x")


def board(**options: str) -> Board:
    return Board("mine", "", "renode", "socket", 1, 1, options)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    elf = tmp_path / "firmware.elf"
    elf.write_bytes(b"\x7fELF")
    return Image(elf, (), reused=False)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(tmp_path, monkeypatch)


def exchanged(link: Link, data: bytes) -> bytes:
    """What comes back for ``data``, as many bytes."""
    back, left, deadline = b"", data, time.monotonic() + 10
    while len(back) < len(data):
        assert time.monotonic() < deadline, "nothing more comes"
        taken, more = link.transfer(left, deadline)
        left, back = left[taken:], back + more
    return back


def rendered(tmp_path: Path) -> tuple[str, str]:
    folder = tmp_path / "run"
    folder.mkdir()
    script = renode.write_scripts(BOARD, folder / "firmware.elf", 4567, folder / "device-2.log")
    assert script == folder / "device-2.resc", "each emulator has its own"
    return script.read_text(), (folder / "device-2.repl").read_text()


def test_the_script_ends_with_the_raw_socket_and_the_start(tmp_path: Path) -> None:
    script, _ = rendered(tmp_path)
    assert script.splitlines()[-3:] == [
        'emulation CreateServerSocketTerminal 4567 "term" false',
        "connector Connect sysbus.uart0 term",
        "start",
    ]
    assert f'sysbus LoadELF "{tmp_path}/run/firmware.elf"\n' in script


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


@pytest.mark.parametrize("name", ["new\nline", "tab\t", '\\"', "end\\"])
def test_a_path_that_renode_cannot_be_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Renode cannot be told the path"):
        renode.quoted(tmp_path / name)


def test_a_temporary_folder_that_renode_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Renode cannot be told") as caught:
        renode.command("renode", tmp_path / "script.resc", tmp_path / "a b")
    assert "TMPDIR" in caught.value.hint


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


def test_renode_is_what_the_variable_names_else_what_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = str(program(tmp_path, "exit 0"))
    monkeypatch.delenv("RENODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert renode.find_renode(BOARD) == there
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("RENODE", there)
    assert renode.find_renode(BOARD) == there


@pytest.mark.parametrize(
    ("named", "words"), [(None, "not on PATH"), ("/nowhere", "RENODE is /nowhere, which is not")]
)
def test_a_missing_renode_is_missed_before_anything_is_built(
    named: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("RENODE", raising=False)
    if named is not None:
        monkeypatch.setenv("RENODE", named)
    with pytest.raises(ToolMissingError, match=words) as caught:
        TARGET.check(BOARD)
    assert "https://github.com/renode/renode/releases" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("version", "old"), [("1.14.0", True), ("1.15.0", False), ("1.16.1", False), ("2.0", False)]
)
def test_a_renode_that_is_too_old(version: str, old: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RENODE", version)
    if not old:
        TARGET.check(BOARD)
        return
    with pytest.raises(
        ToolMissingError, match=r"is Renode v1\.14\.0.*needs Renode 1\.15"
    ) as caught:
        TARGET.check(BOARD)
    assert "https://github.com/renode/renode/releases" in caught.value.hint


@pytest.mark.usefixtures("fake")
def test_all_bytes_pass_in_both_directions(image: Image, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    with TARGET.start(image, BOARD, tmp_path / "device.log") as link:
        assert exchanged(link, data) == data


@pytest.mark.usefixtures("fake")
def test_two_at_once_do_not_get_in_each_others_way(image: Image, tmp_path: Path) -> None:
    with ExitStack() as started:
        links = [
            started.enter_context(TARGET.start(image, BOARD, tmp_path / name))
            for name in ("device.log", "device-2.log")
        ]
        for link, data in zip(links, (b"one", b"two"), strict=True):
            assert exchanged(link, data) == data
    assert {"device.resc", "device-2.resc"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_may_have_an_odd_name(name: str, image: Image, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    elf = image.elf.rename(folder / "firmware.elf")
    start(Image(elf, (), reused=False), folder)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("what", FAILING)
def test_a_script_that_fails_is_reported_at_once(
    what: str, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, word = FAILING[what]
    spoiled, begin = spoil(image, tmp_path, monkeypatch), time.monotonic()
    with pytest.raises(TargetError, match="its script failed") as caught:
        start(spoiled, tmp_path)
    assert word in caught.value.message
    assert time.monotonic() - begin < 10


@pytest.mark.usefixtures("fake")
def test_a_fault_ends_it_with_the_place_where_it_was(image: Image, tmp_path: Path) -> None:
    with (
        pytest.raises(TargetError, match="processor fault") as caught,
        TARGET.start(image, BOARD, tmp_path / "device.log") as link,
    ):
        link.transfer(fake_renode.FAULT, time.monotonic() + 10)
        with pytest.raises(LinkError) as broken:
            exchanged(link, b"more")
        raise broken.value  # as a session does
    assert "ended with code 99" in caught.value.message
    assert "pc 0x000001a2, lr 0x000001a5, sp 0x2003ff80" in caught.value.message


def test_a_renode_that_ends_is_an_error_with_its_last_lines(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENODE", str(program(tmp_path, "echo no such runtime >&2; exit 1")))
    with pytest.raises(TargetError, match="renode ended with code 1") as caught:
        start(image, tmp_path)
    assert "no such runtime" in caught.value.message


def test_a_renode_that_opens_no_port_is_given_up_and_ended(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A launcher with a child of its own: both must go.
    text = f"echo starting; sleep 600 & echo $! > {tmp_path}/child; wait"
    monkeypatch.setenv("RENODE", str(program(tmp_path, f'[ "$1" = --version ] || {{ {text}; }}')))
    monkeypatch.setattr(renode, "START_TIMEOUT", 1.0)
    with pytest.raises(TargetError, match="renode did not connect in 1 s") as caught:
        start(image, tmp_path)
    assert "starting" in caught.value.message
    pid = int((tmp_path / "child").read_text())
    wait_for(lambda: pid not in processes_with("sleep 600"), 5)


def test_a_package_is_unpacked_only_if_it_is_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "renode_1_portable").mkdir()
    there = program(tmp_path / "renode_1_portable", "echo it runs")
    package = tmp_path / "package.tar.gz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(there.parent, there.parent.name)

    def fetched(sha256: str) -> subprocess.CompletedProcess[str]:
        known = {"RENODE_PACKAGE": package.as_uri(), "RENODE_SHA256": sha256}
        return subprocess.run(
            [ROOT / "scripts" / "renode", tmp_path / "here"],
            env={**os.environ, **known},
            capture_output=True,
            text=True,
            check=False,
        )

    other = fetched("0" * 64)
    assert (other.returncode, other.stdout) == (3, "") and "Nothing was unpacked" in other.stderr
    assert not (tmp_path / "here").exists()
    right = fetched(hashlib.sha256(package.read_bytes()).hexdigest())
    assert right.stdout == f"{tmp_path}/here/renode\n"
    assert subprocess.check_output(right.stdout.strip(), text=True) == "it runs\n"
