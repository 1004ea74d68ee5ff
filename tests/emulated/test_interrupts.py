"""Ctrl-C and SIGTERM at any moment: exit 130, nothing left running, nothing half written."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from host.base import locks
from host.base.paths import ROOT
from tests.fixtures.runs import Finished, command, wait_for
from tests.fixtures.trouble import MARK, World, finish, make_world, mark, marked

Alive = Callable[[], list[str]]
ATTEMPTS = 4  # at random moments, with each signal


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """With the first model's image built."""
    made = make_world(tmp_path_factory.mktemp("world"))
    done = made.run(made.arguments(made.folder / "run"))
    assert done.code == 0, done.err
    return made


def interrupted(
    world: World,
    words: list[str],
    out: Path,
    moment: Callable[[Alive], object],
    number: int = signal.SIGINT,
    *,
    group: bool = True,
) -> Finished:
    """Interrupt a run at a moment, and look at what it leaves.

    Args:
        words, out: the run and its folder.
        moment: gets what tells the processes that live; returns when it is there.
        group: the signal goes to all processes of the terminal, as a Ctrl-C does.
    """
    name = mark()
    process = world.start(words, {MARK: name})
    wait_for(lambda: in_program(process.pid))
    with contextlib.suppress(AssertionError):  # the run may have ended before
        moment(lambda: marked(name))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number) if group else process.send_signal(number)
    done = finish(process, 30)
    assert "Exception ignored" not in done.err, done.err
    wait_for(lambda: not marked(name), 5)
    if done.code == 0:  # it was done already
        assert json.loads((out / "report.json").read_text())["verdict"] == "match"
    else:
        # Python ends itself by SIGINT where one came while it ran a text as code, as some imports
        # do. To a shell that is 130, too.
        assert done.code in (130, -signal.SIGINT), done
        assert not (out / "report.json").exists()
        if "--json" in words and done.out:
            assert done.json["error"]["kind"] == "Interrupted"
    whole(world.cache)
    for left in (*out.rglob(".*"), *world.cache.rglob(".*")):
        assert not left.name.endswith((".tmp", locks.NAME)), left
    return replace(done, code=130) if done.code else done


def in_program(process: int) -> bool:
    """Python itself has started, which has its own way to be interrupted."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def whole(cache: Path) -> None:
    """What is in the cache can be loaded."""
    for path in cache.rglob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert [arrays[name] for name in arrays.files]
    for path in cache.rglob("*.h5"):
        assert path.read_bytes().startswith(b"\x89HDF")


def sleeping(seconds: float) -> Callable[[Alive], None]:
    return lambda _: time.sleep(seconds)


def at_work(out: Path) -> Callable[[Alive], None]:
    return lambda _: wait_for((out / locks.NAME).exists)


def after(world: World, words: list[str], out: Path) -> None:
    """The next run is none the worse."""
    done = world.run(words)
    assert done.code == 0, done
    assert json.loads((out / "report.json").read_text())["verdict"] == "match"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_any_moment_of_a_run(world: World, tmp_path: Path, number: int) -> None:
    begin = time.monotonic()
    after(world, world.arguments(tmp_path / "first", "--json"), tmp_path / "first")
    length = time.monotonic() - begin
    chance = random.Random(int(number))
    ended = []
    for attempt in range(ATTEMPTS):
        out = tmp_path / f"run{attempt}"
        # The first while it is at work for sure, however fast or slow this computer is just now.
        moment = sleeping(chance.uniform(0, length)) if attempt else at_work(out)
        ended.append(interrupted(world, world.arguments(out, "--json"), out, moment, number).code)
    assert 130 in ended
    after(world, world.arguments(out, "--json"), out)


# Takes a compiler some seconds.
_SLOW = """constexpr unsigned slow(unsigned x) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 60000; ++j) x = x * 1664525u + 1;
  }
  return x;
}
static_assert(slow(%du) != 7, "");
"""


@pytest.fixture
def slow(world: World, tmp_path: Path) -> Iterator[list[str]]:
    """A run with a build of some seconds, into ``tmp_path / "run"``."""
    source = world.checkout / "firmware" / "flash_and_eval" / "core" / "slow.cc"
    source.write_text(_SLOW % (time.monotonic_ns() % 2**32))  # never seen by any cache
    yield world.arguments(tmp_path / "run", "--json")
    source.unlink()


def compiling(alive: Alive) -> None:
    wait_for(lambda: any("slow.cc" in line and "cc1plus" in line for line in alive()))


@pytest.mark.parametrize(
    ("number", "group"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)]
)
def test_a_build(world: World, tmp_path: Path, slow: list[str], number: int, group: bool) -> None:
    done = interrupted(world, slow, tmp_path / "run", compiling, number, group=group)
    assert done.code == 130, done
    if number == signal.SIGTERM:
        after(world, slow, tmp_path / "run")


def test_a_host_that_is_killed_in_a_build(world: World, tmp_path: Path, slow: list[str]) -> None:
    """Its PlatformIO comes to an end by itself; until then the next build waits."""
    name = mark()
    process = world.start(slow, {MARK: name})
    compiling(lambda: marked(name))
    process.kill()
    process.communicate()
    with pytest.raises(Timeout):
        FileLock(world.checkout / ".pio" / "build-process.lock").acquire(timeout=0)
    assert marked(name)
    after(world, slow, tmp_path / "run")
    assert not marked(name)


def test_training_and_conversion(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = command("flash-and-eval", "--board", "process", "--samples", "3", "--out", str(out))
    locked = world.cache / "models"

    def training(wait: float) -> Callable[[Alive], None]:
        def moment(_: Alive) -> None:
            wait_for(lambda: list(locked.glob("*.lock")))
            time.sleep(wait)

        return moment

    for wait, number in ((0.5, signal.SIGINT), (5.0, signal.SIGTERM)):
        assert interrupted(world, words, out, training(wait), number).code == 130
    assert not out.exists()


def test_an_interrupt_that_python_drops(tmp_path: Path) -> None:
    """One that comes in a callback of a weak reference is no error to Python."""
    script = tmp_path / "program.py"
    script.write_text(
        "import os, signal, time, weakref\n"
        "from host.cli import terminal\n"
        "class Thing: pass\n"
        "def come(_):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.01)\n"
        "with terminal.Failures(False):\n"
        "    thing = Thing()\n"
        "    reference = weakref.ref(thing, come)\n"
        "    del thing\n"
        "    time.sleep(30)\n"
    )
    said = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert said.returncode == 130 and said.stderr.startswith("Error: interrupted\n"), said
