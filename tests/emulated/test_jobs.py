"""Several emulators share the samples: the same results in the same order."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from host.base.paths import ROOT
from tests.fixtures.command_line import run_ok
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import command, processes_with, run, wait_for

# Of a device, the report holds what it said; the rest is when and where.
KEYS = ("verdict", "accuracy", "gaps", "latency", "samples", "columns")


@pytest.mark.parametrize("board", ["qemu-m4", "unicorn-nano33ble"])
def test_more_emulators_change_nothing(board: str, tmp_path: Path) -> None:
    if board.startswith("unicorn"):
        pytest.importorskip("unicorn")
    model = saved(tmp_path / "model.tflite", dense(64, 10, 2))
    reports = []
    for jobs in ("1", "3"):
        out = tmp_path / jobs
        done = run_ok(
            *("flash-and-eval", "--model", model, "--data", "random", "--samples", "100"),
            *("--board", board, "--jobs", jobs, "--out", out, "--json"),
        )
        reports.append(done.json)
        assert len(list(out.glob("device*.log"))) == int(jobs)
    one, three = reports
    assert [one[key] for key in KEYS] == [three[key] for key in KEYS]
    a, b = (np.load(tmp_path / jobs / "predictions.npz") for jobs in ("1", "3"))
    assert a.files == b.files
    assert all(np.array_equal(a[name], b[name], equal_nan=True) for name in a.files)
    assert one["link"]["payload"] == three["link"]["payload"]


def test_one_emulator_that_is_killed_ends_all(tmp_path: Path) -> None:
    model, out = tmp_path / "model.tflite", tmp_path / "run"
    model.write_bytes(dense(512, 512))
    arguments: list[str | Path] = ["flash-and-eval", "--model", model, "--data", "random"]
    arguments += ["--samples", "3000", "--jobs", "3", "--link", "semihosting", "--out", out]
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    elf = str(out / "firmware.elf")
    emulators = wait_for(lambda: len(found := processes_with(elf)) == 3 and found, 120)
    wait_for(lambda: (out / "answers.frames").exists())
    wait_for(lambda: (out / "answers.frames").stat().st_size > 20_000)
    os.kill(list(emulators)[1], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "was killed by SIGKILL" in err and "--resume" in err
    assert not processes_with(elf)
    again = run_ok(*arguments, "--resume", "--json")
    assert any("are from an earlier attempt" in note for note in again.json["notes"])
    assert not (out / "answers.frames").exists()


def test_a_real_device_is_one(tmp_path: Path) -> None:
    done = run("flash-and-eval", "--port", "socket://127.0.0.1:1", "--jobs", "2")
    assert done.code == 2
    assert "--jobs 2 needs emulators" in done.err


def test_resume_wants_a_folder() -> None:
    done = run("flash-and-eval", "--resume")
    assert done.code == 2
    assert "--resume needs --out" in done.err
