"""An image holds the model that was asked for, however the build before it ended."""

import shutil
from pathlib import Path

import pytest

from tests.fixtures.command_line import run_ok
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import copy_program


class Builds:
    """Builds and runs of two models in a copy of the program; no image comes from a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = copy_program(folder)
        self.state = self.checkout / ".pio" / "build" / "plain" / "process" / "process"
        self._runs = 0

    def build(self, seed: int) -> None:
        self._runs += 1
        model = saved(self.folder / f"{seed}.tflite", dense(24, 5, seed=seed))
        run_ok(
            *("flash-and-eval", "--board", "process", "--model", model, "--data", "random"),
            *("--samples", "2", "--out", self.folder / f"run{self._runs}"),
            cwd=self.checkout,
            environment={"FLASH_AND_EVAL_CACHE": str(self.folder / f"cache{self._runs}")},
        )


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def test_after_a_build_that_was_killed_the_next_has_its_own_model(builds: Builds) -> None:
    """The objects are the second model's, and what is known of them is of the first's build."""
    builds.build(71)
    (known,) = builds.state.glob(".sconsign*")
    shutil.copy2(known, builds.folder / "known")
    builds.build(72)
    shutil.copy2(builds.folder / "known", known)
    unfinished = builds.state / ".unfinished"
    assert not unfinished.exists()
    unfinished.touch()  # as a build leaves it that is killed
    builds.build(71)
    assert not unfinished.exists()
