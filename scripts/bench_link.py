"""What the line costs: a paced port, an emulator's links, several emulators, a bad line.

A port of 115,200 baud carries 11,520 bytes a second each way. The aim is that inputs make up at
least 95 % of that, and that a run takes at most 1.05 times as long as the slower of computing and
transferring alone.
"""

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from host.base.paths import ROOT
from host.device.link import Link, SerialLink
from host.device.session import Session
from host.device.sharing import side_by_side
from host.firmware.boards import find_board
from host.firmware.image import Image
from host.models import tflite
from host.targets import find_target, with_link
from scripts.bench_models import SHARED_MODELS
from tests.aot.builder import ModelBuilder, Q
from tests.aot.movement import strided_slice
from tests.fixtures.fakes import FakeDevice, hello_values
from tests.fixtures.models import dense
from tests.line import table as faults
from tests.line.computing import PORT_115200, ComputingLink
from tests.line.device import built
from tests.line.faults import CHANGES
from tests.line.middle import between

KWS_BYTES = 490
LARGE = 1 << 16
LOOPS = 100  # inferences in a row, in the image that measures computing alone
CONSOLE = Console()
CONSOLE.width = max(CONSOLE.width, 110)


@dataclass(frozen=True)
class Paced:
    """A run over a paced line. ``computing`` and ``transfer`` are seconds of each alone."""

    what: str
    samples: int
    size: int
    computing: float
    transfer: float
    wall: float

    @property
    def efficiency(self) -> float:
        """Share of the line's rate that was inputs."""
        return self.transfer / self.wall

    @property
    def ratio(self) -> float:
        """Wall time over the slower of both."""
        return self.wall / max(self.computing, self.transfer)


@dataclass(frozen=True)
class Emulated:
    """A run over an emulator's link. ``computing`` is seconds of all inferences alone."""

    what: str
    samples: int
    size: int
    computing: float
    wall: float


def bench(output: Path | None) -> None:
    """Measure and print; also write the numbers, as JSON, where ``output`` is given."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder)
        model = _model()
        one = computing_alone(model, place)
        paced = [*_fakes(), *_terminals(model, one, place)]
        _print_paced(paced)
        emulated = [*_emulators(model, one, place), *_large(place)]
        _print_emulated(emulated, one)
    losses = list(faults.rows())
    _print_faults(losses)
    if output is not None:
        values = {
            "paced": [{**asdict(r), "efficiency": r.efficiency, "ratio": r.ratio} for r in paced],
            "emulated": [asdict(row) for row in emulated],
            "seconds_of_an_inference": one,
            "faults": [asdict(row) for row in losses],
        }
        output.write_text(json.dumps(values, indent=2) + "\n")


def _model() -> bytes:
    """MLPerf's keyword spotting, or where it is not there, a dense layer of as many inputs."""
    path = SHARED_MODELS / "mlperf_kws_int8.tflite"
    return path.read_bytes() if path.exists() else dense(KWS_BYTES, 800, 2)


def _inputs(count: int, size: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, size, np.uint8).tobytes() for _ in range(count)]


def _run(links: Sequence[Link], inputs: Sequence[bytes]) -> float:
    """Seconds from the first request to the last answer."""
    cancelled = threading.Event()
    sessions = [Session(link, cancelled=cancelled) for link in links]
    for session in sessions:
        session.hello(20.0)
    begin = time.monotonic()
    side_by_side(sessions, inputs, cancelled=cancelled)
    return time.monotonic() - begin


# --- a paced port -----------------------------------------------------------------------------


def _fakes() -> Iterator[Paced]:
    """In this process: a device that takes its time, with a receive buffer of 1 KiB or 4 KiB."""
    cases = [(64, 1023, 1.0), (3072, 4096, 0.5)]
    cases += [(KWS_BYTES, 1023, share) for share in (0.0, 0.5, 1.0, 2.0)]
    for size, window, share in cases:
        transfer = size / PORT_115200
        count = max(8, round(4 / transfer / max(1.0, share)))
        hello = hello_values(receive_window=window)
        device = FakeDevice(hello, compute=lambda data: hashlib.sha256(data).digest()[:12])
        wall = _run([ComputingLink(device, share * transfer)], _inputs(count, size))
        what = f"fake device, window {window:,}"
        yield Paced(what, count, size, count * share * transfer, count * transfer, wall)


def _terminals(model: bytes, one: float, place: Path) -> Iterator[Paced]:
    """Between two processes over a pseudo-terminal: the firmware itself."""
    size = tflite.parse(model).input.nbytes
    for board, link, seconds in (("process", "pipe", None), ("qemu-m4", "semihosting", one)):
        folder = place / f"paced-{board}"
        folder.mkdir()
        image = built(model, board, folder)
        count = 100
        inputs = _inputs(count, size)
        if seconds is None:
            with _device(image, board, link, folder) as native:
                seconds = _run([native], inputs) / count  # the pipe costs next to nothing
        with between(image.elf, board, folder, link=link, rate=PORT_115200) as port:
            serial = SerialLink(str(port))
            with contextlib.closing(serial):
                wall = _run([serial], inputs)
        transfer = count * size / PORT_115200
        yield Paced(f"{board} over a PTY", count, size, count * seconds, transfer, wall)


# --- emulators --------------------------------------------------------------------------------


def computing_alone(model: bytes, place: Path) -> float:
    """Seconds of an inference on qemu-m4 without any transfer.

    An image of its own runs each inference a hundred times before it answers.
    """
    checkout = place / "checkout"
    for name in ("host", "firmware", "tests"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "platformio.ini", checkout)
    device = checkout / "firmware" / "flash_and_eval" / "core" / "device.cc"
    once = "  const wire::Status status = engine::invoke(hook, this);\n  const uint32_t ticks"
    text = device.read_text()
    assert text.count(once) == 1
    loop = f"  for (int i = 1; i < {LOOPS}; ++i) engine::invoke(hook, this);\n"
    device.write_text(text.replace(once, loop + once))
    (place / "model.tflite").write_bytes(model)
    (place / "loops").mkdir()
    code = (
        "import sys; from pathlib import Path; from tests.line.device import built; "
        "built(Path(sys.argv[1]).read_bytes(), 'qemu-m4', Path(sys.argv[2]))"
    )
    arguments = [str(place / "model.tflite"), str(place / "loops")]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=checkout, check=True)
    image = Image(place / "loops" / "firmware.elf", (), reused=True)
    with _device(image, "qemu-m4", "semihosting", place) as link:
        session = Session(link)
        session.hello(20.0)
        for data in _inputs(2, tflite.parse(model).input.nbytes):  # the first warms QEMU up
            begin = time.monotonic()
            session.infer([data])
        return (time.monotonic() - begin) / LOOPS


def _emulators(model: bytes, one: float, place: Path) -> Iterator[Emulated]:
    folder = place / "emulated"
    folder.mkdir()
    image = built(model, "qemu-m4", folder)
    size = tflite.parse(model).input.nbytes
    for link, jobs, count in (
        ("socket", 1, 100),
        ("semihosting", 1, 1000),
        ("semihosting", 2, 1000),
    ):
        with contextlib.ExitStack() as started:
            links = [
                started.enter_context(_device(image, "qemu-m4", link, folder, job))
                for job in range(jobs)
            ]
            wall = _run(links, _inputs(count, size))
        yield Emulated(f"qemu-m4, {link}, --jobs {jobs}", count, size, count * one, wall)


def _large(place: Path) -> Iterator[Emulated]:
    """Large inputs into a model that takes a few bytes of them: the link alone."""
    builder = ModelBuilder()
    source = builder.tensor((1, LARGE), Q.tensor(0.05, 3))
    result = strided_slice(builder, source, (0, 0), (1, 8), (1, 1), (0, 0, 0))
    folder = place / "large"
    folder.mkdir()
    image = built(builder.build([source], [result]), "qemu-m4", folder)
    for link, count in (("socket", 1), ("semihosting", 200)):
        with _device(image, "qemu-m4", link, folder) as opened:
            wall = _run([opened], _inputs(count, LARGE))
        yield Emulated(f"qemu-m4, {link}, large", count, LARGE, 0.0, wall)


@contextlib.contextmanager
def _device(image: Image, board: str, link: str, folder: Path, job: int = 0) -> Iterator[Link]:
    known = find_board(board)
    target = find_target(known)
    log = folder / f"device-{job}.log"
    with target.start(image, with_link(known, target, link), log) as opened:
        yield opened


# --- tables -----------------------------------------------------------------------------------


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        first = column == columns[0]
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    return table


def _print_paced(rows: Sequence[Paced]) -> None:
    table = _table(
        f"A port of 115,200 baud ({PORT_115200:,} B/s each way)",
        *("device", "samples", "bytes", "computing, s", "transfer, s", "wall, s"),
        *("inputs / line", "wall / slower"),
    )
    for row in rows:
        # Where computing is the slower, the line must wait.
        share = f"{100 * row.efficiency:.1f} %" if row.transfer >= row.computing else "-"
        numbers = (f"{x:.2f}" for x in (row.computing, row.transfer, row.wall))
        table.add_row(
            row.what, str(row.samples), f"{row.size:,}", *numbers, share, f"{row.ratio:.3f}"
        )
    CONSOLE.print(table)


def _print_emulated(rows: Sequence[Emulated], one: float) -> None:
    table = _table(
        "Emulators", "link", "samples", "bytes", "computing, s", "wall, s", "inputs, MB/s", "ratio"
    )
    for row in rows:
        ratio = f"{row.wall / row.computing:.3f}" if row.computing else "-"
        rate = f"{row.samples * row.size / row.wall / 1e6:.3f}"
        computing = f"{row.computing:.2f}" if row.computing else "-"
        table.add_row(
            row.what, str(row.samples), f"{row.size:,}", computing, f"{row.wall:.2f}", rate, ratio
        )
    CONSOLE.print(table)
    CONSOLE.print(
        f"Computing: {1000 * one:.2f} ms an inference, from {LOOPS} in a row between one request "
        "and its answer."
    )


def _print_faults(rows: Sequence[faults.Row]) -> None:
    table = _table(
        f"{faults.SAMPLES:,} samples through the firmware ({faults.BOARD}) on a bad line",
        *("fault", "injected", "retries", "lost", "damaged", "resets", "reconnects"),
        *("samples lost", "samples wrong", "s"),
    )
    for row in rows:
        link = row.link
        counts = (row.injected, link.retries, link.lost, link.damaged_frames)
        more = (link.resets, link.reconnects, row.lost, row.wrong)
        table.add_row(
            row.fault, *(f"{count:,}" for count in (*counts, *more)), f"{row.seconds:.2f}"
        )
    CONSOLE.print(table)
    CONSOLE.print("From flipped to gathered: 1 % of the frames each way.")
    for row in rows:
        change = CHANGES.get(row.fault)
        if change is not None and change.__doc__:
            CONSOLE.print(f"  {row.fault}: {' '.join(change.__doc__.split())}")
