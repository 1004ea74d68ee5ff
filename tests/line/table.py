"""What every fault costs: ``python -m tests.line.table`` runs the real firmware on bad lines."""

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host.device.exchange import LinkStatistics
from host.device.session import Session
from host.firmware.image import Image
from tests.fixtures.models import dense
from tests.line.device import Device, built
from tests.line.direction import Direction
from tests.line.faults import BYTES, ORDER, TIME, Way, parse
from tests.line.link import FaultyLink

BOARD = "process"
INPUTS = 200  # bytes of a sample: several packets
SAMPLES = 1000
TIMEOUT = 5.0  # longer than a stall

_SHARE = "0.01"
_MIXED = " ".join(f"{change.__name__}~0.001" for change in (*BYTES, *ORDER))
# For every case, the plans of both directions.
CASES: dict[str, tuple[str, str]] = {
    "none": ("", ""),
    **{
        change.__name__: (f"{change.__name__}~{_SHARE}", f"{change.__name__}~{_SHARE}")
        for change in (*BYTES, *ORDER, *TIME)
    },
    "bit errors": ("flipped~0.0001/byte", "flipped~0.0001/byte"),
    "all of them": (_MIXED, _MIXED),
    "stalled": ("stalled@300", "stalled@600"),
    "reset": ("reset@300", "reset@700"),
    "vanished": ("vanished@300", "vanished@700"),
}


@dataclass(frozen=True)
class Row:
    """What came of one case. ``lost`` and ``wrong`` are samples, and must be 0."""

    fault: str
    injected: int
    link: LinkStatistics
    lost: int
    wrong: int
    seconds: float


def samples(count: int = SAMPLES, seed: int = 0) -> list[bytes]:
    draw = random.Random(seed)
    return [draw.randbytes(INPUTS) for _ in range(count)]


def build(folder: Path) -> Image:
    """The image that all cases run."""
    return built(dense(INPUTS, 10), BOARD, folder)


def expected(image: Image, inputs: list[bytes], log: Path) -> list[bytes]:
    """The outputs on a line without faults."""
    with Device(image, BOARD, log) as device:
        session = Session(device.start(), timeout=TIMEOUT)
        session.hello(TIMEOUT)
        return [answer.output for answer in session.infer(inputs)]


def run(
    fault: str, image: Image, inputs: list[bytes], outputs: list[bytes], log: Path, seed: int = 0
) -> Row:
    """One case: every sample over a line with this fault.

    Raises:
        LinkError: the run was given up.
    """
    to_device, to_host = (
        Direction(Way(parse(plan, seed + number))) for number, plan in enumerate(CASES[fault])
    )
    begin = time.monotonic()
    with Device(image, BOARD, log) as device:
        link = FaultyLink(device.start(), to_device, to_host, device)
        session = Session(link, timeout=TIMEOUT)
        session.hello(TIMEOUT)
        answers = session.infer(inputs)
    found = {answer.sample: answer.output for answer in answers}
    return Row(
        fault=fault,
        injected=link.counts.total(),
        link=session.statistics(),
        lost=len(set(range(len(inputs))) - set(found)) + len(answers) - len(found),
        wrong=sum(found.get(sample, right) != right for sample, right in enumerate(outputs)),
        seconds=time.monotonic() - begin,
    )


def rows(count: int = SAMPLES) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, inputs, log = build(folder), samples(count), folder / "log"
        outputs = expected(image, inputs, log)
        for fault in CASES:
            yield run(fault, image, inputs, outputs, log)


def main() -> None:
    names = ("injected", "retries", "damaged", "resets", "reconnects", "lost", "wrong", "seconds")
    print(f"{SAMPLES} samples of {INPUTS} B on {BOARD}, 1 % of frames hit in each direction\n")
    print("fault".ljust(14) + "".join(name.rjust(11) for name in names))
    for row in rows():
        link = row.link
        cells = [row.injected, link.retries, link.damaged_frames, link.resets, link.reconnects]
        numbers = "".join(str(cell).rjust(11) for cell in [*cells, row.lost, row.wrong])
        print(f"{row.fault:14}{numbers}{row.seconds:11.2f}", flush=True)


if __name__ == "__main__":
    main()
