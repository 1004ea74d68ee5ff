"""Two runs at once, full disks, folders that cannot be written to, talk without end."""

import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from host.base import locks, processes
from tests.fixtures.runs import Finished, command, wait_for
from tests.fixtures.trouble import FIRMWARE, World, finish, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """With the images of both models built: at once, in a workspace that neither had."""
    made = make_world(tmp_path_factory.mktemp("world"))
    started = [made.start(made.arguments(made.folder / f"run{n}", model=n)) for n in (1, 2)]
    for process in started:
        done = finish(process)
        assert done.code == 0, done.err
    return made


def report(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "report.json").read_text())
    return content


def clean(folder: Path) -> bool:
    """Nothing is left that a run needs only while it is at work."""
    return not [path for path in folder.rglob(".*") if path.name.endswith((".tmp", locks.NAME))]


def test_two_models_on_one_board_at_once(world: World) -> None:
    for number in (1, 2):
        folder = world.folder / f"run{number}"
        said = (folder / "report.json").read_text()
        assert hashlib.sha256(world.model(number).read_bytes()).hexdigest() in said
        assert "The device computes the int8 model: 20/20 bit-exact" in said
        assert "Nothing to build" not in (folder / "build.log").read_text()
        assert clean(folder)
    images = list((world.cache / "images").glob("*/firmware.elf"))
    built = [(world.folder / f"run{n}" / "firmware.elf").read_bytes() for n in (1, 2)]
    assert sorted(path.read_bytes() for path in images) == sorted(built)


def test_one_folder_is_not_for_two(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = world.start(world.arguments(out))
    wait_for(lambda: (out / locks.NAME).exists())
    first.send_signal(signal.SIGSTOP)
    try:
        model = world.model(1)
        ways = [world.arguments(out, "--json")]
        for name in ("trace", "profile"):
            words = ("--model", model, "--data", "random", "--board", "process", "--out", out)
            ways.append(command(name, *words, "--json"))
        ways.append(command("explain", model, world.model(2), "--out", out, "--json"))
        for line in ways:
            begin = time.monotonic()
            second = world.run(line)
            assert second.code == 2, second
            assert f"another run is at work in {out}" in second.json["error"]["message"]
            assert time.monotonic() - begin < 10
    finally:
        first.send_signal(signal.SIGCONT)
    assert finish(first).code == 0
    assert report(out) and clean(out)


def test_a_killed_run_leaves_no_lock(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    killed = world.start(world.arguments(out))
    wait_for(lambda: (out / locks.NAME).exists())
    killed.kill()
    killed.communicate()
    assert (out / locks.NAME).exists()
    assert world.run(world.arguments(out)).code == 0
    assert clean(out)


def mounted(world: World, mount: str, words: list[str], look: Path) -> tuple[Finished, list[str]]:
    """Run with a mount of its own (Linux's namespaces); what is in ``look`` afterwards."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here: unshare -rm fails")
    script = f'{mount} && {{ "$@"; code=$?; find "{look}" -type f 1>&2; exit $code; }}'
    done = world.run(["unshare", "-rm", "sh", "-c", script, "sh", *words])
    lines = done.err.splitlines()
    return done, [line.removeprefix(f"{look}/") for line in lines if line.startswith(f"{look}/")]


def small(folder: Path, size: int) -> str:
    folder.mkdir(exist_ok=True)
    return f'mount -t tmpfs -o size={size} none "{folder}"'


def read_only(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    return f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}"'


@pytest.mark.parametrize("share", [0.0, 0.5, 0.88, 0.93, 0.98])
def test_a_disk_that_is_full_for_the_run(world: World, tmp_path: Path, share: float) -> None:
    """From the first file to the last: all but these shares of what a whole run takes."""
    whole = [path.stat().st_size for path in (world.folder / "run1").rglob("*") if path.is_file()]
    pages = sum(-(-size // 4096) for size in whole) + 1
    out = tmp_path / "disk"
    mount = small(out, max(1, int(share * pages)) * 4096)
    done, left = mounted(world, mount, world.arguments(out, "--json"), out)
    assert done.code == 3, done
    error = done.json["error"]
    assert "No space left on device" in error["message"] and str(out) in error["message"]
    assert "disk" in error["hint"]
    assert not [name for name in left if name.startswith(("report", "predictions", "."))], left


def test_a_disk_that_is_full_for_the_cache(world: World, tmp_path: Path) -> None:
    cache, out = world.folder / "small-cache", tmp_path / "run"
    words = world.arguments(out, "--samples", "400", "--json")
    place = ["env", f"FLASH_AND_EVAL_CACHE={cache}", *words]
    done, left = mounted(world, small(cache, 4096), place, cache)
    # What fits is there whole; the rest left nothing behind.
    assert done.code == 0 and not [name for name in left if not name.startswith("desktop/")], left
    done, left = mounted(world, read_only(cache), place, cache)
    assert done.code == 0 and left == [], done.err


def test_a_disk_that_is_full_for_the_build(world: World, tmp_path: Path) -> None:
    workspace, cache = world.checkout / ".pio", tmp_path / "cache"
    out = tmp_path / "run"
    words = ["env", f"FLASH_AND_EVAL_CACHE={cache}", *world.arguments(out, "--json")]
    for mount in (small(workspace, 1 << 16), read_only(workspace)):
        done, _ = mounted(world, mount, words, cache)
        assert done.code == 3, done
        said = json.dumps(done.json["error"])
        assert "No space left" in said or "Read-only" in said, said
        assert not (out / "report.json").exists() and clean(out)
        assert not list(cache.glob("images/*"))


def test_folders_that_cannot_be_written_to(world: World, tmp_path: Path) -> None:
    for folder, out in ((tmp_path / "there", tmp_path / "there"), (world.checkout / "runs", None)):
        words = world.arguments(out, "--json")
        done, _ = mounted(world, read_only(folder), words, folder)
        assert done.code == 3, done
        error = done.json["error"]
        assert "Read-only file system" in error["message"] and str(folder) in error["message"]
        assert "permissions" in error["hint"]


@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_said(world: World, tmp_path: Path, as_json: bool) -> None:
    """A result that nobody reads is a result; one that cannot be written is an error."""
    option = ["--json"] if as_json else []
    # A long text, and one that stays in Python's buffer.
    for words in (world.arguments(tmp_path / "run", *option), command("boards", *option)):
        # The pipe's reader is gone before there is anything to read.
        for redirect, code in (("| true", 0), ("> /dev/full", 3), (">&-", 0)):
            script = f'{{ "$@"; echo "code $?" >&2; }} {redirect}'
            done = world.run(["sh", "-c", script, "sh", *words])
            assert f"code {code}\n" in done.err, (redirect, done)
            assert "Exception" not in done.err
            assert ("cannot write to <stdout>" in done.err) == (code == 3)
    assert report(tmp_path / "run")


def test_a_log_without_end(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = world.run(world.arguments(out), {FIRMWARE: "l0"})
    assert done.code == 3
    assert "was stopped: its log grew beyond 64 MB" in done.err and "device.log" in done.err
    assert len(done.err) < 5000
    assert (out / "device.log").stat().st_size < 10 * processes.LOG_LIMIT
    assert not (out / "report.json").exists() and clean(out)


@pytest.mark.parametrize("how", ["f0", "t0", "f9", "t9"])
def test_a_line_without_end(world: World, tmp_path: Path, how: str) -> None:
    """Frames or text, from the first moment or after some answers."""
    begin = time.monotonic()
    out = tmp_path / "run"
    done = world.run(world.arguments(out, "--timeout", "1"), {FIRMWARE: how})
    assert done.code == 3, done
    assert "the device" in done.err and len(done.err) < 5000
    assert time.monotonic() - begin < 30
    assert not (out / "report.json").exists() and clean(out)
