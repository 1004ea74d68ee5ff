"""The port to Arduino boards, against a stub of an Arduino core: it compiles, and it answers."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from host.base.paths import CODE, FIRMWARE, INCLUDE_FOLDER, ROOT
from host.device.link import DescriptorLink
from host.device.session import Session
from host.engines.aot import AotEngine
from host.firmware import build
from host.firmware.boards import find_board
from host.models import tflite
from tests.fixtures.models import dense

STUB = ROOT / "tests" / "cpp" / "arduino_stub"
PORT = FIRMWARE / "boards" / "arduino" / "board.cc"
INCLUDES = [f"-I{FIRMWARE}", f"-I{STUB}"]
FLAGS = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti", '-DFLASH_AND_EVAL_BOARD="stub"']
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]


def compile_with(compiler: str, *arguments: str | Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    command = [compiler, *FLAGS, *WARNINGS, *INCLUDES, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m0plus"])  # with a cycle counter, without
@pytest.mark.parametrize("buffer", [[], ["-DSERIAL_RX_BUFFER_SIZE=1024"]])
def test_the_port_compiles_for_the_boards_cores(
    cpu: str, buffer: list[str], tmp_path: Path
) -> None:
    write_sources(tmp_path / INCLUDE_FOLDER)
    flags = ("-fsyntax-only", "-mthumb", f"-mcpu={cpu}", f"-I{tmp_path}", *buffer)
    compile_with("arm-none-eabi-g++", *flags, PORT)


def write_sources(folder: Path) -> None:
    folder.mkdir()
    graph = tflite.parse(dense(300, 300))
    board = find_board("nucleo_l4r5zi")
    board = replace(board, options={**board.options, "baud": "921600"})
    for name, text in build.sources(AotEngine().render(graph), graph, board).items():
        (folder / name).write_text(text)


def test_the_port_serves_a_model(tmp_path: Path) -> None:
    generated = tmp_path / INCLUDE_FOLDER
    write_sources(generated)
    parts = [path for path in (CODE / "core").glob("*.cc") if path.name != "main.cc"]
    parts += [*(CODE / "engines" / "aot").rglob("*.cc"), *generated.glob("*.cc")]
    program = tmp_path / "program"
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    everything = (*parts, PORT, STUB / "core.cc")
    compile_with("g++", "-O0", *sanitizers, f"-I{tmp_path}", *everything, "-o", program)
    pipe = subprocess.PIPE
    process = subprocess.Popen([program], stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None and process.stdout is not None
    assert process.stderr is not None
    link = DescriptorLink(process.stdout, process.stdin)
    try:
        session = Session(link, timeout=5.0)
        info = session.hello(10.0)
        assert (info.board, info.tick_unit, info.receive_window) == ("stub", "microseconds", 256)
        # Replies of zeros and of no zeros: short COBS blocks, long ones, and packets in between.
        inputs = [bytes([value] * 300) for value in (0, 1, 127, 128, 255)] * 4
        answers = session.infer(inputs)
        assert [answer.output for answer in answers[:5]] * 4 == [a.output for a in answers]
        assert len({answer.output for answer in answers}) > 1
        assert session.statistics().retries == 0
    finally:
        link.close()
        assert process.wait(10) == 0
    with process.stderr as said:
        assert said.read() == b"begin 921600\n"
