"""``flash-and-eval --build-only``: the image, ahead of any device."""

from pathlib import Path
from typing import Any

import pytest

from host.device.session import Session
from host.firmware.boards import find_board
from host.firmware.image import Image, read_sections
from host.targets import find_target
from tests.fixtures.command_line import refused, run_ok
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import run, tflm_library
from tests.fixtures.schemas import validate


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model.tflite", dense(64, 16))


def build(model: Path, folder: Path, *more: str) -> Any:
    arguments: tuple[str | Path, ...] = ("--model", model, "--out", folder, "--json", *more)
    cache = {"FLASH_AND_EVAL_CACHE": str(folder.parent / "cache")}
    done = run_ok("flash-and-eval", "--build-only", *arguments, environment=cache)
    validate("flash-and-eval-build-only", done.json)
    return done.json


def test_the_image_that_it_builds_holds_the_model(model: Path, tmp_path: Path) -> None:
    report = build(model, tmp_path / "built")
    elf, board = Path(report["image"]), find_board("qemu-m4")
    assert (report["board"], report["engine"], report["image_reused"]) == ("qemu-m4", "aot", False)
    assert 0 < report["memory"]["arena_reserved"] < report["memory"]["ram"]
    assert not report["arena_is_estimated"]
    assert not (tmp_path / "built" / "device.log").exists()
    assert build(model, tmp_path / "again")["image_reused"]
    image = Image(elf, read_sections(elf), reused=False)
    with find_target(board).start(image, board, tmp_path / "log") as link:
        assert Session(link).hello(10.0).inputs[0].shape == (1, 64)


def test_a_board_that_is_not_there(model: Path, tmp_path: Path) -> None:
    """Nothing looks for it; what is missing is its platform, if anything."""
    done = run(
        *("flash-and-eval", "--board", "renode-nano33ble", "--build-only", "--model", model),
        *("--out", tmp_path / "out"),
        environment={"RENODE": "/nowhere/renode"},
    )
    assert done.code == 0, done.err
    assert "built for renode-nano33ble, not started" in done.out
    assert "firmware.elf" in "".join(done.out.split())  # which a long path may break in two


def test_an_arena_that_only_a_device_can_tell_is_an_estimate(model: Path, tmp_path: Path) -> None:
    tflm_library()
    tflm = ("--engine", "tflm")
    report = build(model, tmp_path / "before", *tflm)
    estimate = report["memory"]["arena_reserved"]
    assert report["arena_is_estimated"] and any("estimate" in note for note in report["notes"])
    cache = {"FLASH_AND_EVAL_CACHE": str(tmp_path / "cache")}
    data = ("--data", "random", "--samples", "2")
    run_ok("flash-and-eval", "--model", model, *data, *tflm, environment=cache)
    report = build(model, tmp_path / "after", *tflm)
    assert not report["arena_is_estimated"] and report["memory"]["arena_reserved"] < estimate


@pytest.mark.parametrize(
    "option",
    [("--port", "/dev/ttyACM0"), ("--no-flash", "--port", "/dev/ttyACM0"), ("--jobs", "2")],
)
def test_what_is_for_a_device_is_refused(option: tuple[str, ...], tmp_path: Path) -> None:
    message = refused(tmp_path, "--build-only", *option)
    assert "--build-only starts no device, and --" in message


def test_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert "--resume is for one" in refused(tmp_path, "--build-only", "--resume")
