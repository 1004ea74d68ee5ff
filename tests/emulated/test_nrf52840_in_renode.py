"""The bare-metal nRF52840 port in Renode, where there is one: RENODE names it, or it is on PATH."""

import contextlib
import re
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from host.base.errors import TargetError
from host.base.versions import find_program
from host.device.session import Session
from host.firmware.image import Image
from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import check
from tests.fixtures.models import dense, saved
from tests.fixtures.renode import BOARD, FAILING, TARGET, start
from tests.fixtures.runs import processes_with
from tests.line.device import built

MODEL = dense(64, 10, 2)
pytestmark = pytest.mark.skipif(
    find_program("renode") is None, reason="Renode is not on PATH, and RENODE does not name it"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return built(MODEL, BOARD.name, tmp_path_factory.mktemp("image"))


def faulting(image: Image, folder: Path) -> Image:
    """The image with an undefined instruction where the model begins."""
    content = bytearray(image.elf.read_bytes())
    with image.elf.open("rb") as stream:
        elf = ELFFile(stream)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
        start = next(symbols[name] for name in symbols if name.startswith("_ZN5model3run"))
        offset = next(elf.address_offsets(start & ~1))
    content[offset : offset + 2] = b"\x00\xde"  # UDF #0, Armv7-M ARM, A7.7.194
    elf_path = folder / "faulting.elf"
    elf_path.write_bytes(content)
    return Image(elf_path, (), reused=False)


def listening(pid: int) -> set[str]:
    """The TCP ports on which a process listens, as hexadecimal digits."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(link.readlink().name)
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return {
        row[1].split(":")[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets
    }


def test_two_at_once_are_bit_exact_and_count_what_unicorn_counts(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    model = saved(tmp_path / "model.tflite", MODEL)
    reports = []
    for board, jobs in (("renode-nano33ble", "2"), ("unicorn-nano33ble", "1")):
        done = run_ok(
            *("flash-and-eval", "--model", model, "--data", "random", "--samples", "40"),
            *("--board", board, "--jobs", jobs, "--out", tmp_path / board, "--json"),
        )
        check(done.json, 40)
        reports.append(done.json)
    there, other = reports
    assert there["latency"]["median"] == pytest.approx(other["latency"]["median"], abs=20)
    assert "renode" in there["versions"] and "renode" not in other["versions"]
    scripts = {path.name for path in (tmp_path / "renode-nano33ble").glob("*.resc")}
    assert scripts == {"device.resc", "device-2.resc"}


def test_it_opens_the_port_of_its_uart_alone(image: Image, tmp_path: Path) -> None:
    with TARGET.start(image, BOARD, tmp_path / "device.log") as link:
        Session(link, timeout=20).hello()
        script = tmp_path / "device.resc"
        lines = processes_with("include @").items()  # those of other tests, too
        included = {pid: re.search(r"include @(\S+)", line) for pid, line in lines}
        mine = [pid for pid, path in included.items() if path and Path(path[1]).resolve() == script]
        ports = [int(port, 16) for pid in mine for port in listening(pid)]
    assert len(ports) == 1
    assert f"CreateServerSocketTerminal {ports[0]} " in script.read_text()


def test_a_firmware_that_hits_a_fault(image: Image, tmp_path: Path) -> None:
    with (
        pytest.raises(TargetError, match="processor fault") as caught,
        TARGET.start(faulting(image, tmp_path), BOARD, tmp_path / "device.log") as link,
    ):
        session = Session(link, timeout=20)
        session.hello()
        session.infer([bytes(64)])
    assert "ended with code 99" in caught.value.message
    assert "fault: Fault_Handler; pc 0x0000" in caught.value.message


@pytest.mark.parametrize("what", FAILING)
def test_a_script_that_fails_is_reported(
    what: str, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, word = FAILING[what]
    with pytest.raises(TargetError, match="its script failed") as caught:
        start(spoil(image, tmp_path, monkeypatch), tmp_path)
    assert word in caught.value.message


def test_a_folder_may_have_an_odd_name(image: Image, tmp_path: Path) -> None:
    folder = tmp_path / 'a b; c\\d \\ "e" {0} ü'
    folder.mkdir()
    (folder / "firmware.elf").write_bytes(image.elf.read_bytes())
    with TARGET.start(
        Image(folder / "firmware.elf", (), reused=False), BOARD, folder / "device.log"
    ) as link:
        assert Session(link, timeout=20).hello().board == "nrf52840"
