"""Device, emulator and build fail: clear errors, right exit codes, nothing left over."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.firmware.boards import find_board
from host.targets import find_target
from host.targets.qemu import QemuTarget
from tests.fixtures.command_line import run_ok
from tests.fixtures.emulators import cpu_seconds, faulty_program, gone, running, spoil
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import copy_program, run, shared_model, wait_for

# Options of a run, and what messages call its emulator.
EMULATORS = {
    "socket": ((), "qemu-system-arm"),
    "semihosting": (("--link", "semihosting", "--samples", "8000"), "qemu-system-arm"),
    "unicorn": (("--board", "unicorn-nano33ble"), "Unicorn (nrf52840)"),
}


@pytest.fixture(params=EMULATORS)
def emulator(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], str]:
    if request.param == "unicorn":
        pytest.importorskip("unicorn")
    return EMULATORS[request.param]


def test_an_emulator_that_is_killed(
    emulator: tuple[tuple[str, ...], str], slow_model: Path, tmp_path: Path
) -> None:
    out, (options, name) = tmp_path / "run", emulator
    with running(slow_model, out, *options) as (process, child):
        os.kill(child, signal.SIGKILL)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert f"{name} was killed by SIGKILL" in err and "device.log" in err
    assert "Traceback" not in err
    gone(out)


def test_an_emulator_that_hangs(
    emulator: tuple[tuple[str, ...], str], slow_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with running(slow_model, out, *emulator[0], "--timeout", "1") as (process, child):
        os.kill(child, signal.SIGSTOP)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "stopped answering" in err and "--timeout" in err
    gone(out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("link", ["socket", "semihosting"])
def test_an_interrupted_run(
    link: str, slow_model: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "run"
    with running(slow_model, out, *EMULATORS[link][0]) as (process, _):
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    gone(out)


def test_the_emulator_dies_with_a_host_that_is_killed(slow_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with running(slow_model, out) as (process, _):
        process.kill()
    gone(out)


def test_a_missing_emulator(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in os.environ["PATH"].split(":"):
        for tool in Path(folder).glob("*") if Path(folder).is_dir() else ():
            if tool.name != "qemu-system-arm" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    done = run("flash-and-eval", "--out", tmp_path / "run", environment={"PATH": str(tools)})
    assert done.code == 3
    assert "qemu-system-arm is not on PATH" in done.err and "apt-get install" in done.err


@contextlib.contextmanager
def served(out: Path) -> Iterator[str]:
    """A run's image in an emulator of the test's own, behind a TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uart = f"socket,id=uart,host=127.0.0.1,port={port},server=on,wait=off"
    board = find_board("qemu-m4")
    target = find_target(board)
    assert isinstance(target, QemuTarget)
    line = target.command(board, out / "firmware.elf", Path("unused"))
    line[line.index("-chardev") + 1] = uart
    process = subprocess.Popen(line)
    try:
        wait_for(lambda: cpu_seconds(process.pid) > 0.2)
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_attaching_by_url_and_a_stale_image(tmp_path: Path) -> None:
    first = saved(tmp_path / "first.tflite", dense(16, 4, seed=1))
    second = saved(tmp_path / "second.tflite", dense(16, 4, seed=2))
    arguments = ("--data", "random", "--samples", "5", "--timeout", "5")
    for model in (second, first):  # before the emulator of the test's own keeps a core busy
        run_ok("flash-and-eval", "--model", model, *arguments, "--out", tmp_path / "built")
    with served(tmp_path / "built") as url:
        run_ok("flash-and-eval", "--model", first, *arguments, "--port", url)
        other = run("flash-and-eval", "--model", second, *arguments, "--port", url)
    assert other.code == 3
    assert "holds another model" in other.err and "Rebuild and flash" in other.err


def test_a_port_that_talks_nonsense(tmp_path: Path) -> None:
    model = saved(tmp_path / "model.tflite", dense(16, 4))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"login: \r\n")
                    threading.Event().wait(0.05)

        threading.Thread(target=talk, daemon=True).start()
        done = run(
            *("flash-and-eval", "--model", model, "--data", "random", "--timeout", "1"),
            *("--port", f"socket://127.0.0.1:{server.getsockname()[1]}"),
        )
    assert done.code == 3
    assert "nonsense" in done.err and "login" in done.err


def test_a_port_that_is_not_there() -> None:
    model = shared_model("tflm_hello_world_int8.tflite")
    arguments = ("--model", model, "--data", "random", "--port", "/dev/ttyNOT_THERE")
    done = run("flash-and-eval", *arguments)
    assert done.code == 3
    assert "cannot open /dev/ttyNOT_THERE" in done.err


def test_a_planted_rounding_bug_is_a_deployment_gap(tmp_path: Path) -> None:
    # Rounds once, as desktop kernels do, where TFLM rounds twice.
    checkout = copy_program(tmp_path)
    spoil(
        checkout,
        "engines/aot/kernels/fixed_point.h",
        "  return half_as_int8(rounded >> shift);",
        "  const int64_t sum = int64_t{x} * multiplier + zero_point * (int64_t{1} << 31);\n"
        "  return half_as_int8(static_cast<int32_t>(sum >> (31 + shift)) + 0 * rounded);",
    )
    done = run("flash-and-eval", "--json", "--out", tmp_path / "run", cwd=checkout)
    assert done.code == 1, done.err
    report = done.json
    assert report["verdict"] == "differs"
    assert report["headline"].startswith("The device does not compute the int8 model: ")
    gap = report["gaps"]["deployment"]
    assert 0 <= gap["bit_equal"] < 1 and gap["max_steps"] >= 1
    first = report["first_difference"]
    assert first["operator"]["name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
    assert "first at operator" in report["headline"]


def test_a_planted_bug_in_one_operator_names_that_operator(tmp_path: Path) -> None:
    checkout, right = copy_program(tmp_path), "static_cast<int8_t>(clamp(value,"
    spoil(checkout, "engines/aot/kernels/activations/softmax.cc", right, f"{right[:-1]} + 1,")
    arguments = ("--samples", "20", "--json", "--out", tmp_path / "run")
    done = run("flash-and-eval", *arguments, cwd=checkout)
    assert done.code == 1, done.err
    assert done.json["first_difference"]["operator"]["name"] == "SOFTMAX"


@pytest.mark.parametrize("board", ["qemu-m4", "qemu-riscv32"])
def test_a_firmware_that_crashes(board: str, tmp_path: Path) -> None:
    checkout = faulty_program(tmp_path)
    done = run("flash-and-eval", "--board", board, "--out", tmp_path / "run", cwd=checkout)
    assert done.code == 3
    assert "processor fault" in done.err


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("oops;", "'oops' was not declared"),
        # The tests' own -Werror: no code of ours, on any board, compiles with a warning.
        ("int oops = 0;", "unused variable 'oops' [-Werror"),
    ],
)
def test_a_build_that_fails(tmp_path: Path, wrong: str, words: str) -> None:
    checkout = copy_program(tmp_path)
    spoil(checkout, "core/main.cc", "int main() {", f"int main() {{ {wrong}")
    done = run("flash-and-eval", "--json", "--out", tmp_path / "run", cwd=checkout)
    assert done.code == 3
    error = done.json["error"]
    assert error["kind"] == "BuildError"
    assert "main.cc" in error["message"] and words in error["message"]
    assert str(tmp_path / "run" / "build.log") in error["hint"]
    assert not (tmp_path / "run" / "report.json").exists()
