"""QEMU's boards over semihosting: the same image, frames and numbers as over the UART."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.device.link import Link
from host.device.session import Session
from host.device.wire.frames import Decoder, Frame, encode
from host.device.wire.spec import InferMode, MessageType
from host.firmware.boards import find_board
from host.firmware.image import Image
from host.models.tflite import parse
from host.targets import find_target
from host.targets.qemu import QemuTarget
from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import check, gone, quiet, running
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.models import dense, saved
from tests.line.device import built

BOARDS = ("qemu-m3", "qemu-m4", "qemu-m7", "qemu-m55", "qemu-riscv32")
INPUTS = 12_000  # many reads of the device, and blocks that cross them
MODEL = dense(INPUTS, 5)
SEMIHOSTING = ("--link", "semihosting")


@pytest.fixture(scope="module", params=BOARDS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return built(MODEL, request.param, tmp_path_factory.mktemp(request.param))


@contextmanager
def started(image: Image, name: str, link: str, folder: Path) -> Iterator[Link]:
    board = replace(find_board(name), link=link)
    with find_target(board).start(image, board, folder / f"{link}.log") as found:
        yield found


def samples(n: int) -> list[bytes]:
    """Random ones, and one of zeros: the shortest blocks there are."""
    rng = np.random.default_rng(1)
    drawn = [rng.integers(-128, 128, INPUTS).astype(np.int8).tobytes() for _ in range(n - 1)]
    return [*drawn, bytes(INPUTS)]


def test_both_links_give_the_same_bytes_and_instructions(
    image: Image, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name = request.node.callspec.params["image"]
    inputs = samples(3)
    windows, seen = [], []
    for link in ("socket", "semihosting"):
        with started(image, name, link, tmp_path) as found:
            session = Session(found)
            info = session.hello(20)
            windows.append(info.receive_window)
            answers = session.infer(inputs) + session.infer(inputs[:1], InferMode.TICKS)
            instructions = [round(a.ticks * info.tick_scale) for a in answers]
            seen.append((instructions, [a.output for a in answers]))
            link_seen = session.statistics()
            quiet(link_seen.retries, link_seen.damaged_frames)
    assert seen[0] == seen[1]
    assert windows == [4096, 65536]
    x = np.frombuffer(b"".join(inputs), np.int8).reshape(len(inputs), INPUTS)
    outputs = tflm_outputs(parse(MODEL), x)
    assert seen[1][1][:3] == [row.tobytes() for row in outputs]


def test_it_is_fast(image: Image, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A megabyte takes a tenth of a second here; over the UART it takes half a minute."""
    name = request.node.callspec.params["image"]
    with started(image, name, "semihosting", tmp_path) as found:
        session = Session(found)
        session.hello(20)
        begin = time.monotonic()
        session.infer(samples(100))
        assert time.monotonic() - begin < 5


def test_a_large_output_comes_in_many_writes(tmp_path: Path) -> None:
    model = dense(16, 12_000)
    image = built(model, "qemu-m4", tmp_path)
    x = np.random.default_rng(2).integers(-128, 128, (20, 16)).astype(np.int8)
    with started(image, "qemu-m4", "semihosting", tmp_path) as found:
        session = Session(found)
        session.hello(20)
        answers = session.infer([row.tobytes() for row in x])
    outputs = tflm_outputs(parse(model), x)
    assert [answer.output for answer in answers] == [row.tobytes() for row in outputs]


@contextmanager
def by_hand(image: Image, name: str) -> Iterator[subprocess.Popen[bytes]]:
    target = find_target(find_board(name))
    assert isinstance(target, QemuTarget)
    line = target.command(find_board(name), image.elf)
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, bufsize=0) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            # Once it has answered it is up; and nothing else comes on that pipe.
            process.stdin.write(encode(Frame(MessageType.HELLO, 5, b"")))
            decoder, kinds = Decoder(), []
            while MessageType.HELLO_REPLY not in kinds:
                found = decoder.feed(process.stdout.read(1000))
                assert all(isinstance(item, Frame) for item in found)
                kinds += [item.type for item in found if isinstance(item, Frame)]
            yield process
        finally:
            process.kill()


def test_the_emulator_ends_with_its_input(image: Image, request: pytest.FixtureRequest) -> None:
    with by_hand(image, request.node.callspec.params["image"]) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def test_the_emulator_ends_where_nobody_reads(image: Image, request: pytest.FixtureRequest) -> None:
    with by_hand(image, request.node.callspec.params["image"]) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.close()
        process.stdin.write(encode(Frame(MessageType.HELLO, 6, b"")))
        assert process.wait(10) == 1


def test_the_program_reports_its_link(tmp_path: Path) -> None:
    arguments = ("--samples", "40", "--json", "--out", tmp_path / "run")
    done = run_ok("flash-and-eval", *SEMIHOSTING, *arguments)
    check(done.json, 40)
    assert done.json["conditions"]["link"] == "semihosting"
    assert done.json["conditions"]["receive_window"] == 65536


@pytest.mark.parametrize("command", ["trace", "profile"])
def test_trace_and_profile(command: str, tmp_path: Path) -> None:
    model = saved(tmp_path / "model.tflite", dense(300, 5, layers=2))
    done = run_ok(command, *SEMIHOSTING, "--model", model, "--json", "--out", tmp_path / "run")
    assert done.json["conditions"]["link"] == "semihosting"


def test_the_emulator_dies_with_a_host_that_hangs_and_is_killed(
    slow_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with running(slow_model, out, *SEMIHOSTING, "--samples", "8000") as (process, _):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # time enough for the emulator to wait for its input
        process.kill()
    gone(out)
