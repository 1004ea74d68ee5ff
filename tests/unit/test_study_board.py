"""Which images a study builds for a board, and which models each of them runs."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from host.base.errors import SizeError
from host.commands.study import device
from host.commands.study.device import BoardChoice, run_on_board
from host.commands.study.folder import Folder, open_folder
from host.commands.study.values import RunResult
from host.deployment.images import with_larger_arena
from host.firmware.boards import find_board
from host.firmware.rendered import Rendered
from host.models.dataset import Dataset
from tests.fixtures.fakes import Silent
from tests.fixtures.models import dense
from tests.fixtures.studies import CLASSES, PLAN, route_result

ROUTES = ("qat-int8", "ptq-int8")
DATA = Dataset("blobs", np.zeros((5, 3), np.float32), None, None)


@dataclass
class Bench:
    """Stands in for an engine, a target and a device; ``done`` is what it was asked to do."""

    slot: int
    needed: int = 0
    name: str = "tflm"
    plans_on_device: bool = True
    done: list[str] = field(default_factory=list)

    def fingerprint(self, graph: Any) -> str:
        return "f"

    def check(self, graph: Any) -> None:
        self.done.append("check")

    def render(self, graph: Any, arena: int = 1000, others: Sequence[Any] = ()) -> Rendered:
        return Rendered("tflm", {}, graph.sha256, arena, 0, (), (), self.slot)

    @contextlib.contextmanager
    def start(self, image: Rendered, board: Any, log: Path) -> Iterator[Any]:
        self.done.append(f"start {image.arena_bytes}")
        yield image


@dataclass(frozen=True)
class Info:
    model_digest: str = ""
    operators: int = 1
    engine: str = "tflm"
    engine_version: str = "1"
    compiler: str = "gcc"
    tick_unit: str = "cycles"
    tick_rate: int = 1


INFO = Info()


class Device:
    """A session with it; a model that is sent needs ``bench.needed`` bytes of arena."""

    bench: Bench

    def __init__(self, image: Rendered, timeout: float) -> None:
        self.image = image

    def hello(self) -> Any:
        return INFO

    def load_model(self, content: bytes, info: Any) -> Any:
        if self.image.arena_bytes < self.bench.needed:
            raise SizeError("too small")
        self.bench.done.append("load")
        return replace(INFO, model_digest=hashlib.sha256(content).hexdigest(), operators=1)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Bench], tuple[int, int]]:
    """Runs two runs' models on a bench; how many images were built, how many models sent."""
    folder = open_folder(tmp_path / "study", PLAN, fresh=False)
    runs = [_stored(folder, seed) for seed in (0, 1)]
    outputs = np.zeros((5, CLASSES), np.int8), np.zeros(5)
    monkeypatch.setattr(device, "Session", Device)
    monkeypatch.setattr(device, "build_image", lambda rendered, *_: rendered)
    monkeypatch.setattr(device, "stream", lambda *_, progress: outputs)
    for name in ("check_size", "check_identity"):
        monkeypatch.setattr(device, name, lambda *_: None)

    def work(bench: Bench) -> tuple[int, int]:
        Device.bench = bench
        board = find_board("qemu-m4")
        setup: Any = SimpleNamespace(engine=bench, target=bench, board=board, timeout=1.0, tools=())
        choice = BoardChoice(setup, ROUTES, None)
        done = run_on_board(choice, folder, runs, DATA, Silent())
        assert [(r.seed, r.route) for r in done.results] == [(s, r) for s in (0, 1) for r in ROUTES]
        return done.images_built, done.models_loaded

    return work


def _stored(folder: Folder, seed: int) -> RunResult:
    models = {route: dense(3, CLASSES, seed=9 * seed + i) for i, route in enumerate(ROUTES)}
    labels = np.zeros(5, np.int64)
    results = {
        route: route_result(route, labels, hashlib.sha256(content).hexdigest())
        for route, content in models.items()
    }
    run = RunResult(seed, results, 1.0)
    folder.store_run(run, models)
    return run


def test_models_that_fit_the_slot_share_an_image(study: Any) -> None:
    bench = Bench(slot=1 << 20)
    assert study(bench) == (1, 3)
    assert bench.done == [*["check"] * 4, "start 1000", *["load"] * 3]
    # All of it is kept: nothing is built for the same study on the same board.
    assert study(Bench(slot=1 << 20)) == (0, 0)


def test_models_without_a_slot_have_an_image_each(study: Any) -> None:
    bench = Bench(slot=0)
    assert study(bench) == (4, 0)
    assert bench.done == [*["check"] * 4, *["start 1000"] * 4]


def test_an_arena_that_is_too_small_for_a_model_is_doubled(study: Any) -> None:
    bench = Bench(slot=1 << 20, needed=3000)
    assert study(bench) == (1, 3)
    assert bench.done[4:] == ["start 1000", "start 2000", "start 4000", *["load"] * 3]


def test_no_board_has_an_endless_arena(study: Any) -> None:
    with pytest.raises(SizeError, match="too small, and qemu-m4 has no room for a larger one"):
        study(Bench(slot=1 << 20, needed=1 << 40))


def test_an_arena_grows_as_far_as_the_board_has_room() -> None:
    """Where twice as much does not fit, what lies between is tried."""
    board = replace(find_board("qemu-m4"), ram=100_000)
    rendered = Bench(slot=0).render(SimpleNamespace(sha256=""), 60_000)
    tried = []

    def built(arena: int) -> int:
        tried.append(arena)
        if arena > 75_000:  # what else is in RAM is only known when it is built
            raise SizeError("no room")
        return arena

    assert 60_000 < with_larger_arena(rendered, board, SizeError("too small"), built) <= 75_000
    assert tried == sorted(tried, reverse=True)
