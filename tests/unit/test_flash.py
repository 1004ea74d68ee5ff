"""Flashing, up to what only a board can tell: scripted ports, uploads and uploaders' output."""

import json
import os
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from host.base.errors import ConfigError, LinkError, SizeError, TargetError
from host.base.paths import ROOT, WORKSPACE
from host.device.link import SerialLink
from host.device.session import Session
from host.firmware import platformio
from host.firmware.boards import Board, find_board, load_boards
from host.firmware.image import Image, Section, check_limits
from host.targets import find_target, flash
from host.targets.attach import AttachTarget
from host.targets.flash import FlashTarget, upload
from host.targets.ports import Port, identity, snapshot
from tests.fixtures.fakes import FakeDevice, compute
from tests.fixtures.runs import run

REAL_BOARDS = ("nano33ble", "nucleo_l4r5zi", "pico", "esp32", "esp32s3")
SERIAL = "768275C7726D618B"


@pytest.fixture
def nano() -> Board:
    return find_board("nano33ble")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "model.cc").write_text("// a model\n")
    return Image(tmp_path / "firmware.elf", (), reused=False, library="a library")


@contextmanager
def fake_board() -> Iterator[str]:
    """A device in Python behind a pseudo-terminal; its port's name."""
    master, slave = os.openpty()
    tty.setraw(slave)
    device = FakeDevice()

    def serve() -> None:
        while True:
            try:
                data = os.read(master, 64)
            except OSError:
                return
            for reply in device.receive(data):
                os.write(master, reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(slave)  # ends the thread's read
        thread.join(5)
        os.close(master)


@dataclass
class Script:
    """What each look at the ports shows, the last one for ever, and what was uploaded where."""

    looks: Sequence[Sequence[Port]]
    uploads: list[Port] = field(default_factory=list)

    def look(self) -> Sequence[Port]:
        first, *rest = self.looks
        self.looks = rest or [first]
        return first

    def upload(self, image: Image, board: Board, port: Port, log: Path) -> None:
        self.uploads.append(port)

    def target(self, port: str | None = None) -> FlashTarget:
        return FlashTarget(port, look=self.look, upload=self.upload)

    def start(self, image: Image, board: Board) -> None:
        with self.target().start(image, board, image.elf):
            pass


def at(device: str, usb_id: str = "2341:805a", serial: str = SERIAL) -> Port:
    return Port(device, usb_id, serial)


def test_a_session_through_a_terminal() -> None:
    with fake_board() as port:
        link = SerialLink(port)
        session = Session(link, timeout=2.0)
        assert session.hello(5.0).board == "fake"
        inputs = [bytes([index, 0, 255, 7]) for index in range(100)]
        answers = session.infer(inputs)
        assert [answer.output for answer in answers] == [compute(data) for data in inputs]
        link.close()


def test_the_board_is_flashed_and_followed_to_another_port(nano: Board, image: Image) -> None:
    with fake_board() as port:
        before, bootloader, after = at("/dev/ttyACM0"), at("/dev/ttyACM1", "2341:005a"), at(port)
        script = Script([[before], [bootloader], [], [at("/dev/ttyACM9", serial="2")], [after]])
        with script.target().start(image, nano, image.elf) as link:
            assert Session(link).hello(5.0).board == "fake"
        assert script.uploads == [before]


def test_a_port_that_cannot_be_opened_yet_is_tried_again(nano: Board, image: Image) -> None:
    with fake_board() as port:
        script = Script([[at("/dev/ttyNOT_YET")]] * 4 + [[at(port)]])
        with script.target().start(image, nano, image.elf) as link:
            Session(link).hello(5.0)


def test_a_board_that_does_not_come_back_is_an_error(
    nano: Board, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flash, "RETURN_TIMEOUT", 0.3)
    script = Script([[at("/dev/ttyACM0")], [at("/dev/ttyACM1", "2341:005a")]])
    with pytest.raises(TargetError, match="still in its bootloader"):
        script.start(image, nano)
    shut = Script([[at("/dev/ttyNOT_THERE")]])
    with pytest.raises(LinkError, match="cannot open"):
        shut.start(image, nano)


def test_with_two_boards_nothing_is_flashed(nano: Board, image: Image) -> None:
    script = Script([[at("/dev/ttyACM0"), at("/dev/ttyACM1", serial="2")]])
    with pytest.raises(TargetError, match="2 boards fit"):
        script.target().check(nano)
    with pytest.raises(TargetError, match="2 boards fit"):
        script.start(image, nano)
    assert script.uploads == []
    script.target("/dev/ttyACM1").check(nano)


def test_a_port_without_permission_is_told_before_the_build(
    nano: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ttyACM0").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(TargetError, match="no permission") as caught:
        Script([[at(str(tmp_path / "ttyACM0"))]]).target().check(nano)
    assert "dialout" in caught.value.hint


def test_what_port_means(nano: Board) -> None:
    emulated = find_board("qemu-m4")
    assert find_target(nano, "/dev/ttyACM0") == FlashTarget("/dev/ttyACM0")
    assert find_target(nano, "/dev/ttyACM0", flash=False) == AttachTarget("/dev/ttyACM0")
    assert find_target(emulated, "socket://x:1") == AttachTarget("socket://x:1")
    for board in (nano, emulated):
        with pytest.raises(ConfigError, match="--no-flash needs --port"):
            find_target(board, flash=False)
    with pytest.raises(ConfigError, match="cannot be flashed through socket") as caught:
        FlashTarget("socket://x:1").check(nano)
    assert "--no-flash" in caught.value.hint


@dataclass
class PlatformIO:
    """Stands for the program: what it was called with, what it prints, how it ends."""

    prints: str = ""
    code: int | None = 0
    calls: list[tuple[Sequence[str], str | None]] = field(default_factory=list)

    def run(
        self, arguments: Sequence[str], log: Path, timeout: float, *, env: str, library: str | None
    ) -> int:
        assert arguments[arguments.index("-e") + 1] == env
        self.calls.append((arguments, library))
        log.write_text(self.prints)
        if self.code is None:
            raise subprocess.TimeoutExpired("platformio", timeout)
        return self.code


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pio"
    folder.mkdir()
    monkeypatch.setattr(platformio, "WORKSPACE", folder)
    return folder


def test_an_upload_is_of_the_sources_of_this_run(
    nano: Board, image: Image, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = platformio.generated_folder("nano33ble") / "model.cc"
    stale.parent.mkdir(parents=True)
    stale.write_text("// another run's model\n")
    (stale.parent / "extra.cc").write_text("// and more of it\n")
    pio = PlatformIO()
    monkeypatch.setattr(flash, "run", pio.run)
    upload(image, nano, at("/dev/ttyACM0"), workspace / "device.log")
    assert stale.read_text() == "// a model\n"
    assert not (stale.parent / "extra.cc").exists()
    ((arguments, library),) = pio.calls
    assert " ".join(arguments).endswith("-e nano33ble -t upload --upload-port /dev/ttyACM0")
    assert library == "a library"


def test_an_upload_that_fails_or_hangs(
    nano: Board, image: Image, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = workspace / "device.log"
    monkeypatch.setattr(flash, "run", PlatformIO("No device found on ttyACM0\n", 1).run)
    with pytest.raises(TargetError, match=r"no bootloader answered at /dev/ttyACM0.*device\.log"):
        upload(image, nano, at("/dev/ttyACM0"), log)
    monkeypatch.setattr(flash, "run", PlatformIO("Erase flash\n", None).run)
    with pytest.raises(TargetError, match="took more than 900 s"):
        upload(image, nano, at("/dev/ttyACM0"), log)


@pytest.mark.parametrize(("kind", "limit"), [("flash", 983040), ("ram", 262144)])
def test_sizes_are_checked_to_the_byte(nano: Board, kind: str, limit: int) -> None:
    image = Image(Path(), (Section(".x", limit, "flash" if kind == "flash" else "ram"),), False)
    check_limits(nano, "image", image.flash, image.ram)
    with pytest.raises(SizeError, match=f"{limit + 1:,} B.*the board has {limit:,} B"):
        check_limits(nano, "image", image.flash + 1, image.ram + 1)


def test_platformio_accepts_all_envs() -> None:
    from platformio.project.config import ProjectConfig

    config = ProjectConfig(str(ROOT / "platformio.ini"))
    assert config.validate(silent=True)
    done = subprocess.run(
        platformio.command("project", "config", "--json-output", "-d", str(ROOT)),
        capture_output=True,
        check=True,
        env=platformio.environment(),
    )
    sections = dict(json.loads(done.stdout))
    for name in REAL_BOARDS:
        options = dict(sections[f"env:{name}"])
        assert options["board"] and options["framework"] == ["arduino"]
        assert "@" in options["platform"]  # pinned
        assert "-<flash_and_eval/core/main.cc>" in options["build_src_filter"][0]


@pytest.mark.parametrize("name", REAL_BOARDS)
def test_a_real_board_is_data(name: str) -> None:
    board = load_boards()[name]
    assert (board.target, board.link) == ("flash", "serial")
    ids = identity(board)
    for usb_id in (*ids.running, *ids.bootloader):
        vendor, _, product = usb_id.partition(":")
        assert 0 < int(vendor, 16) < 0x10000 and 0 < int(product, 16) < 0x10000
    assert len(board.options["recovery"]) > 20


def test_the_limits_of_the_nano(nano: Board) -> None:
    assert (nano.flash, nano.ram) == (983040, 262144)


def test_without_a_board_nothing_is_built() -> None:
    ids = identity(find_board("nano33ble"))
    if any(port.usb_id in (*ids.running, *ids.bootloader) for port in snapshot()):
        pytest.skip("a Nano 33 BLE is attached to this computer")
    runs, generated = ROOT / "runs", WORKSPACE / "generated" / "nano33ble"
    before = (sorted(runs.glob("*nano33ble*")), generated.exists())
    done = run("flash-and-eval", "--board", "nano33ble")
    assert done.code == 3 and done.out == ""
    assert "no nano33ble is attached" in done.err and "2341:805a" in done.err
    assert "reset twice" in done.err
    assert (sorted(runs.glob("*nano33ble*")), generated.exists()) == before


def test_platformio_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    assert platformio.command("run")[0] == sys.executable
    assert platformio.run(["--version"], tmp_path / "log", 60) == 0
    assert "PlatformIO Core" in (tmp_path / "log").read_text()
    with pytest.raises(subprocess.TimeoutExpired):
        platformio.run(["--version"], tmp_path / "log", 0.01)
