"""The whole program on a port with a bad line behind it: a process between it and the emulator."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.command_line import run_ok
from tests.fixtures.models import dense
from tests.fixtures.runs import Finished, processes_with, run, wait_for
from tests.line.middle import between

SAMPLES, INPUTS = 150, 100
# Longer than a stall, and than it takes QEMU to start.
TIMEOUT = 5


@dataclass(frozen=True)
class Subject:
    board: str
    folder: Path
    report: Any  # of a run without faults

    @property
    def elf(self) -> Path:
        return self.folder / "run" / "firmware.elf"

    def run(self, port: Path, *more: str | Path) -> Finished:
        return run(*self.arguments, "--port", port, *more)

    @property
    def arguments(self) -> tuple[str | Path, ...]:
        asked = ("--data", "random", "--samples", str(SAMPLES), "--timeout", str(TIMEOUT))
        model = self.folder / "model.tflite"
        return ("flash-and-eval", "--model", model, "--board", self.board, *asked, "--json")


@pytest.fixture(scope="module", params=["process", "qemu-m4"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "model.tflite").write_bytes(dense(INPUTS, 10))
    subject = Subject(request.param, folder, None)
    done = run_ok(*subject.arguments, "--out", folder / "run")
    return Subject(request.param, folder, done.json)


@dataclass(frozen=True)
class Case:
    """Plans for both directions; what the report must count of it, None where it cannot know."""

    to_device: str
    to_host: str
    retries: bool = False
    resets: int | None = 0
    reconnects: int = 0


CASES = {
    "damage": Case(
        "flipped@9,50 dropped@20 gapped@30 interleaved@40 lost@60",
        "flipped@15 dropped@25,90 gapped@35 interleaved@45 lost@65",
        retries=True,
    ),
    "noise": Case("noisy@0,30 chatty@50 logged@60", "noisy@0,40 chatty@55 logged@66"),
    "order": Case("doubled@20 late@30 torn@40 swapped@50", "doubled@25 late@35 torn@45 swapped@55"),
    "time": Case("crumbled@10,20 gathered@30 stalled@50", "crumbled@15 gathered@35 stalled@100"),
    "one in a hundred": Case(
        "lost~0.01 flipped~0.01", "gapped~0.01 dropped~0.0001/byte", retries=True
    ),
    # One at a time: a terminal holds so many requests that a second may come while HELLO is asked.
    "reset while asked": Case("reset@60", "", resets=1),
    "reset while answering": Case("", "reset@60", resets=1),
    "vanished": Case("vanished@60", "vanished@100", reconnects=2),
    "reset while away": Case("vanished@60 reset@61", "", resets=None, reconnects=1),
}

# The native program, with its larger window, meets all faults in tests/contract/test_line.py.
PAIRS = [("qemu-m4", name) for name in CASES]
PAIRS += [("process", name) for name in ("one in a hundred", "reset while away")]


@pytest.mark.parametrize(("subject", "name"), PAIRS, indirect=["subject"])
def test_a_bad_line_costs_no_sample(name: str, subject: Subject, tmp_path: Path) -> None:
    case = CASES[name]
    with between(subject.elf, subject.board, tmp_path, case.to_device, case.to_host) as port:
        done = subject.run(port, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert done.json["gaps"]["deployment"] == subject.report["gaps"]["deployment"]
    link = done.json["link"]
    assert link["resets"] == case.resets or case.resets is None
    assert link["reconnects"] == case.reconnects
    assert link["retries"] > 0 or not case.retries
    done_to_it = json.loads((tmp_path / "counts.json").read_text())
    assert set(done_to_it["injected"]) == names(case.to_device) | names(case.to_host)
    if case.retries:
        assert link["lost"] + link["damaged_frames"] > 0
    assert not all_with(subject)


def names(plan: str) -> set[str]:
    return {word.replace("~", "@").partition("@")[0] for word in plan.split()}


def test_a_run_whose_device_dies_is_gone_on_with(subject: Subject, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with between(subject.elf, subject.board, tmp_path, "", "killed@80") as port:
        first = subject.run(port, "--out", out, "--timeout", "1")
    assert not all_with(subject)
    assert first.code == 3
    assert "--resume" in first.json["error"]["hint"]
    assert not (out / "report.json").exists()
    with between(subject.elf, subject.board, tmp_path) as port:
        second = subject.run(port, "--out", out, "--resume")
    assert second.code == 0, second.err
    assert second.json["gaps"]["deployment"] == subject.report["gaps"]["deployment"]
    # What was answered before is not asked again.
    assert second.json["link"]["payload"] < SAMPLES * INPUTS * 0.7


def test_a_line_at_a_pace_holds_back(subject: Subject, tmp_path: Path) -> None:
    with between(subject.elf, subject.board, tmp_path, rate=11520) as port:
        done = subject.run(port, "--samples", str(2 * SAMPLES), "--out", tmp_path / "run")
    assert done.code == 0, done.err
    link = done.json["link"]
    assert (link["retries"], link["lost"], link["damaged_frames"]) == (0, 0, 0)
    assert 0.6 * 11520 < link["bytes_sent"] / link["seconds"] < 1.05 * 11520


def test_the_emulator_dies_with_a_middle_that_is_killed(subject: Subject, tmp_path: Path) -> None:
    with between(subject.elf, subject.board, tmp_path) as port:
        seen: list[int] = []

        def started() -> bool:
            # Between fork and exec, the emulator looks like a second one in the middle: so what is
            # in the middle is looked at after both are there, and that look is the one that counts.
            if len(all_with(subject)) != 2:
                return False
            seen[:] = processes_with(str(port))
            return len(seen) == 1

        wait_for(started)
        os.kill(seen[0], signal.SIGKILL)
        wait_for(lambda: not all_with(subject), 5)


def all_with(subject: Subject) -> list[int]:
    """The emulator, and the process in the middle."""
    return list(processes_with(str(subject.elf)))
