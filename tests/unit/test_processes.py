"""Child processes: gone at the end with all that they started, whatever ends it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from host.base import processes
from host.base.errors import LinkError, TargetError, ToolMissingError
from host.device.link import DescriptorLink
from host.targets.child import child
from host.targets.pipes import child_on_pipes
from tests.fixtures.runs import wait_for
from tests.fixtures.trouble import MARK, mark, marked


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("ends", [False, True])
def test_what_a_child_started_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    name = mark()
    monkeypatch.setenv(MARK, name)
    code = "import subprocess; p = subprocess.Popen(['sleep', '600'])" + (
        "" if ends else "; p.wait()"
    )
    with processes.running(python(code), tmp_path / "log") as process:
        if ends:
            assert process.wait(30) == 0
        wait_for(lambda: any("sleep" in line for line in marked(name) if "import" not in line))
    wait_for(lambda: not [line for line in marked(name) if "sleep" in line], 5)


def test_interrupts_are_not_held_in_a_child(tmp_path: Path) -> None:
    code = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with processes.running(python(code), tmp_path / "log") as process:
        assert process.wait(30) == 0
    assert (tmp_path / "log").read_text() == "set()\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_an_interrupt_that_is_held_comes_at_the_end() -> None:
    """Also where other threads may take the signal."""
    steps = []
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    before = signal.signal(signal.SIGINT, lambda *_: processes.interrupt())
    try:
        with pytest.raises(KeyboardInterrupt), processes.interrupts_held():
            with processes.interrupts_held():
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)
                steps.append("inner")
            steps.append("outer")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGINT, before)
        ended.set()
    assert steps == ["inner", "outer"]


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(ToolMissingError, match="not-there is not installed"),
        processes.running(["not-there"], tmp_path / "log"),
    ):
        pass
    script = tmp_path / "script"
    script.write_text("no program")
    script.chmod(0o755)
    with (
        pytest.raises(TargetError, match="cannot start"),
        processes.running([str(script)], tmp_path / "log"),
    ):
        pass


def test_a_log_without_end_ends_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 1 << 20)
    log = tmp_path / "log"
    code = "while True: print('x' * 99)"
    with (
        pytest.raises(TargetError, match="was stopped: its log grew beyond 1 MB") as caught,
        child(python(code), log, name="chatter") as process,
    ):
        process.wait(30)
        raise LinkError("the device closed the connection")
    assert len(caught.value.message) < 3000
    assert 1 << 20 < log.stat().st_size < 1 << 29


def test_a_child_is_not_blamed_for_the_link(tmp_path: Path) -> None:
    """It ends when the link is closed; the link had failed before."""
    code = "import sys; sys.stdin.read()"
    with (
        pytest.raises(LinkError, match="nonsense"),
        child_on_pipes(lambda _: python(code), sys.executable, tmp_path / "log") as link,
    ):
        assert isinstance(link, DescriptorLink)
        raise LinkError("nonsense")


def test_a_child_is_blamed_for_its_own_end(tmp_path: Path) -> None:
    code = "import sys; print('oh', file=sys.stderr); sys.exit(7)"
    with (
        pytest.raises(TargetError, match="ended with code 7; its last lines:\n  oh"),
        child_on_pipes(lambda _: python(code), "it", tmp_path / "log") as link,
    ):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            link.transfer(b"", deadline)


def test_stopped_by_the_clock(tmp_path: Path) -> None:
    with (
        pytest.raises(subprocess.TimeoutExpired),
        processes.running(python("import time; time.sleep(600)"), tmp_path / "log") as process,
    ):
        process.wait(0.2)
    assert process.returncode == -signal.SIGKILL
