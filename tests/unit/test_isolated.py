"""Native code may crash; the program must not."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host.base import isolated
from host.base.errors import MachineError, ModelError, OracleError
from host.base.paths import ROOT
from tests.fixtures.runs import wait_for


def double(x: int) -> int:
    return 2 * x


def refuse() -> None:
    raise ModelError("no good", "try another")


def crash() -> None:
    ctypes.string_at(0)


def test_a_value_comes_back() -> None:
    assert isolated.call(double, 21) == 42


def test_an_error_comes_back_whole() -> None:
    with pytest.raises(ModelError, match="no good") as caught:
        isolated.call(refuse)
    assert caught.value.hint == "try another"


def test_a_crash_is_an_error() -> None:
    with pytest.raises(OracleError, match="crash"):
        isolated.call(crash)


def variable(name: str) -> str | None:
    return os.environ.get(name)


def misbehave(how: str) -> str:
    match how:
        case "crash":
            crash()
        case "refuse":
            refuse()
        case "bug":
            raise UnportableError(1, 2)
    return how


class UnportableError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("cannot be rebuilt from its message")


def sleep_and_say(path: Path, seconds: float) -> int:
    path.write_text(str(os.getpid()))
    time.sleep(seconds)
    return os.getpid()


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # dead, and not yet collected by whoever inherited it


def test_several_calls_and_none_takes_another_with_it() -> None:
    calls = [(how,) for how in ("fine", "crash", "refuse", "bug", "well")]
    found = dict(isolated.side_by_side(misbehave, calls, 2))
    assert (found[0], found[4]) == ("fine", "well")
    assert isinstance(found[1], MachineError) and "crashed" in found[1].message
    assert isinstance(found[2], ModelError) and found[2].hint == "try another"
    assert isinstance(found[3], MachineError) and "cannot be rebuilt" in found[3].message


def test_the_environment_is_the_processes_only() -> None:
    found = list(isolated.side_by_side(variable, [("OF_A_TEST",)], 1, {"OF_A_TEST": "here"}))
    assert found == [(0, "here")]
    assert "OF_A_TEST" not in os.environ


def test_closing_ends_what_runs(tmp_path: Path) -> None:
    calls = [(tmp_path / "quick", 0.0), (tmp_path / "slow", 600.0)]
    with contextlib.closing(isolated.side_by_side(sleep_and_say, calls, 2)) as outcomes:
        index, _ = next(outcomes)
        assert index == 0
        slow = int(
            wait_for(lambda: (tmp_path / "slow").exists() and (tmp_path / "slow").read_text())
        )
    assert not alive(slow)


def held() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_interrupts_are_held_from_the_first_process_on(tmp_path: Path) -> None:
    """In a fresh program: what multiprocessing starts beside the first process lets them go."""
    script = tmp_path / "program.py"
    script.write_text(
        "from host.base import isolated\n"
        "from tests.unit.test_isolated import held\n"
        "if __name__ == '__main__':\n"
        "    print(isolated.call(held), isolated.call(held), held())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["True", "True", "False"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_program(tmp_path: Path, number: int) -> None:
    """Killed without a chance to clean up; or interrupted by Ctrl-C, which all processes get."""
    code = (
        "import sys, pathlib\n"
        "from host.base import isolated\n"
        "from tests.unit.test_isolated import sleep_and_say\n"
        "if __name__ == '__main__':\n"
        "    list(isolated.side_by_side(sleep_and_say, [(pathlib.Path(sys.argv[1]), 600.0)], 1))\n"
    )
    script, path = tmp_path / "program.py", tmp_path / "pid"
    script.write_text(code)
    program = subprocess.Popen(
        [sys.executable, script, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child = int(wait_for(lambda: path.exists() and path.read_text()))
    if number == signal.SIGINT:
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)
    _, errors = program.communicate(timeout=30)
    wait_for(lambda: not alive(child), 10)
    assert errors.count("Traceback") == (1 if number == signal.SIGINT else 0), errors
