"""Folders and ports that two runs want at once."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host.base import locks, paths
from host.base.errors import ConfigError, TargetError
from host.base.paths import ROOT, new_run_folder
from host.firmware.platformio import build_folder

_HOLDER = """
import pathlib, sys
from host.base import locks
what, which = sys.argv[1:]
with locks.port(which) if what == "port" else locks.folder(pathlib.Path(which)):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(what: str, which: Path) -> subprocess.Popen[str]:
    """Another process that holds a folder or a port."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, what, str(which)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("killed", [False, True])
def test_a_folder_is_held_until_its_holder_ends(tmp_path: Path, killed: bool) -> None:
    folder = tmp_path / "a" / "b"
    other = holder("folder", folder)
    with pytest.raises(ConfigError, match="another run is at work in"), locks.folder(folder):
        pass
    if killed:
        other.kill()
    other.communicate()
    assert (folder / locks.NAME).exists() == killed
    with locks.folder(folder):
        (folder / "result").touch()
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_a_folder_that_stays_empty_is_removed_if_it_was_not_there(tmp_path: Path) -> None:
    with locks.folder(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    with locks.folder(tmp_path):
        pass
    assert tmp_path.exists() and not list(tmp_path.iterdir())


def test_a_folder_goes_from_one_to_the_next(tmp_path: Path) -> None:
    """The lock file is removed by who held it; nobody takes a removed one for the folder's."""
    inside, most = 0, 0
    guard = threading.Lock()

    def visit(_: int) -> None:
        nonlocal inside, most
        try:
            with locks.folder(tmp_path):
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1
        except ConfigError:
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(500)))
    assert most == 1


def test_a_port_is_held_by_all_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    device, link = tmp_path / "ttyACM0", tmp_path / "by-id"
    device.touch()
    link.symlink_to(device)
    other = holder("port", link)
    with pytest.raises(TargetError, match="another run is at work at"), locks.port(str(device)):
        pass
    with locks.port("socket://127.0.0.1:1"), locks.port("/dev/ttyACM1"):
        pass
    other.communicate()
    with locks.port(str(device)):
        pass


def test_run_folders_are_never_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_run_folder("board", "../a b"), range(100)))
    assert len(set(made)) == 100
    assert all(path.is_dir() and path.parent == tmp_path / "runs" for path in made)
    assert made[0].name.endswith("-board--a-b")


def test_no_build_wipes_that_of_another_board() -> None:
    folders = {build_folder(env, library) for env in ("a", "b") for library in (None, "x", "y")}
    assert len(folders) == 6
    assert not any(one in other.parents for one in folders for other in folders)
