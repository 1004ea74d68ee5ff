"""A study with real TensorFlow: interrupted, resumed, side by side; and models it cannot use."""

import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from host.base import isolated
from host.base.errors import ConfigError, DataError, ModelError
from host.base.paths import ROOT
from host.commands.study.models import builder, inspect_function
from host.commands.study.runs import ENVIRONMENT
from host.models.dataset import Dataset
from tests.fixtures import study_models
from tests.fixtures.command_line import run_ok
from tests.fixtures.runs import Finished, command, processes_with, run, wait_for

MODELS = "tests.fixtures.study_models"

ROUTES = ("qat-int8", "ptq-int8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes in six dimensions, which a small network tells apart but for a few."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 3
    x = (rng.normal(0, 0.7, (400, 6)) + np.eye(6)[y]).astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "blobs.npz"
    np.savez(path, x=x[:100], y=y[:100], x_train=x[100:], y_train=y[100:])
    return path


def arguments(data: Path, out: Path, *more: str) -> list[str | Path]:
    return [
        *("study", "--dataset", data, "--model-fn", f"{MODELS}:small", "--out", out),
        *("--routes", ",".join(ROUTES), "--epochs", "2", "--qat-epochs", "1", *more),
    ]


class Interrupted:
    """A study that is stopped while it runs."""

    def __init__(self, words: list[str | Path]) -> None:
        self._process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def interrupt(self) -> Finished:
        """As Ctrl-C does: every process of the terminal gets it."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._end()

    def kill(self) -> Finished:
        """The program alone, without a chance to end those that it started: they must see it."""
        started = _children(self._process.pid)
        assert started
        self._process.kill()
        done = self._end()
        wait_for(lambda: not any(_alive(process) for process in started), 20)
        return done

    def _end(self) -> Finished:
        out, err = self._process.communicate(timeout=60)
        return Finished(self._process.returncode, out, err)


def test_interrupted_killed_and_resumed_nothing_is_lost_or_counted_twice(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    first = out / "run-0000.npz"
    log = out / "logs" / "run-0001.log"
    study = Interrupted(arguments(data, out, "--runs", "2", "--jobs", "1"))
    wait_for(first.exists, 120)
    stopped = study.interrupt()
    assert stopped.code == 130 and "Traceback" not in stopped.err, stopped.err
    assert not processes_with(str(out))  # of the program; its workers end with it
    written = first.stat().st_mtime_ns
    log.unlink(missing_ok=True)
    study = Interrupted(arguments(data, out, "--runs", "2", "--jobs", "1"))
    wait_for(log.exists, 120)
    assert study.kill().code == -signal.SIGKILL
    assert not (out / "run-0001.npz").exists()
    # The third run's process is killed from within: it takes nothing with it, and is named.
    done = run(*arguments(data, out, "--runs", "3", "--jobs", "1", "--json"))
    assert done.code == 3, done.err
    runs = done.json["runs"]
    assert (runs["asked"], runs["done"], runs["reused"]) == (3, 2, 1)
    assert runs["seeds"] == [0, 1]
    assert [failure["seed"] for failure in runs["failed"]] == [2]
    assert "crashed" in runs["failed"][0]["message"]
    assert first.stat().st_mtime_ns == written
    assert len(done.json["results"]) == 2 * len(ROUTES) * 3  # Keras, LiteRT, TFLM
    assert done.json["model"]["function"] == f"{MODELS}:small"
    for name in ("figure.png", "report.html", "runs.csv", "pairs.csv"):
        assert (out / name).is_file()
    # All at once, in another folder: the same bytes.
    other = tmp_path / "other"
    again = run_ok(*arguments(data, other, "--runs", "2", "--jobs", "2", "--json"))
    names = sorted(p.relative_to(out) for p in [*out.glob("*.npz"), *out.glob("models/*")])
    assert len(names) == 2 + 2 * len(ROUTES)
    for relative in names:
        assert (other / relative).read_bytes() == (out / relative).read_bytes(), relative
    same = ("routes", "pairs", "agreement", "results")
    assert {key: again.json[key] for key in same} == {key: done.json[key] for key in same}


def _status(process: int | str) -> list[str]:
    """Fields of /proc/…/stat from the state on; empty where there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _children(process: int) -> list[int]:
    numbers = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(n) for n in numbers if _status(n)[1:2] == [str(process)]]


def _alive(process: int) -> bool:
    return _status(process)[:1] not in ([], ["Z"])


BLOBS = Dataset(
    "blobs",
    np.zeros((6, 6), np.float32),
    np.array([0, 1, 2, 0, 1, 2]),
    np.zeros((6, 6), np.float32),
    x_train=np.zeros((6, 6), np.float32),
    y_train=np.array([0, 1, 2, 0, 1, 2]),
)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        ("tests.study_models", ConfigError, "package.module:function"),
        (f"{MODELS}:", ConfigError, "package.module:function"),
        ("tests/study_models.py:small", ConfigError, "package.module:function"),
        ("tests.no_models:small", ConfigError, "no module tests.no_models"),
        ("no_tests:small", ConfigError, "no module no_tests"),
        (f"{MODELS}:tiny", ConfigError, "tiny does not exist"),
        (f"{MODELS}:no_function", ConfigError, "no_function is not a function"),
        (f"{MODELS}:wants_more", ConfigError, "needs depth"),
        (f"{MODELS}:raises", ModelError, "ValueError: no GPU, no model"),
        (f"{MODELS}:returns_nothing", ModelError, "returns NoneType"),
        (f"{MODELS}:keras_3", ModelError, "Keras 3"),
        (f"{MODELS}:not_built", ModelError, "input"),
        (f"{MODELS}:too_wide", DataError, "(7,)"),
        (f"{MODELS}:with_lambda", ModelError, "Lambda"),
    ],
)
def test_a_model_that_cannot_be_used(function: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)) as caught:
        inspect_function(function, BLOBS, 0, ROUTES)
    assert getattr(caught.value, "hint", "")


def test_what_a_function_may_take() -> None:
    model = builder(f"{MODELS}:small", BLOBS, 7)()
    assert model.output_shape == (None, 3)
    model = builder(f"{MODELS}:with_defaults", BLOBS, 0)()
    assert model.output_shape == (None, 3)


def test_tf_keras_is_what_tf_dot_keras_means() -> None:
    calls = [(f"{MODELS}:compiled", BLOBS, 0, ROUTES)]
    ((_, found),) = isolated.side_by_side(inspect_function, calls, 1, ENVIRONMENT)
    assert isinstance(found, str), found


def test_a_model_is_known_by_its_code_and_its_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # modules of the current folder are found
    source = Path(study_models.__file__).read_text()
    digests = []
    for number, text in enumerate((source, source.replace("Dense(8", "Dense(9"), source)):
        Path(f"net_{number}.py").write_text(text)
        digests.append(inspect_function(f"net_{number}:small", BLOBS, 0, ROUTES))
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dataset", "digits", "--routes", "float,fast"), "'fast'"),
        (("--dataset", "digits", "--runs", "0"), "--runs 0"),
        (("--dataset", "random"), "random"),
        (("--data", "no.npz"), "no.npz"),
        ((), "--dataset"),
        (("--dataset", "digits", "--board-runs", "1"), "--board"),
        (("--dataset", "digits", "--board", "process", "--engine", "aot",
          "--board-routes", "float"), "no int8 model"),
        (("--dataset", "digits", "--model-fn", "nothing"), "package.module:function"),
    ],
)  # fmt: skip
def test_a_wrong_study(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    out = tmp_path / "out"
    done = run("study", *words, "--json", "--out", out)
    assert done.code == 2, done.err
    assert message in done.json["error"]["message"]
    assert done.json["error"]["hint"]
    assert not out.exists()


def test_regression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "values.npz"
    np.savez(path, x=np.ones((50, 4), np.float32), y=np.linspace(0, 1, 50))
    done = run("study", "--dataset", path, "--model-fn", f"{MODELS}:small", "--json")
    assert done.code == 2
    assert "classification" in done.json["error"]["message"]
