"""TFLite-Micro on the device, where its library is available: bit-exact with TFLM on the host."""

import json
from pathlib import Path

import pytest

from host.base.errors import ToolMissingError
from host.device.link import Link
from host.device.session import Session
from host.engines.library import Library, find_library
from host.engines.tflm import TflmEngine
from host.firmware.boards import find_board
from host.models.tflite import parse
from host.targets import find_target
from tests.fixtures.command_line import run_ok
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.models import dense, saved
from tests.fixtures.runs import run, shared_model, tflm_library


@pytest.fixture(scope="module")
def library() -> Library:
    return tflm_library()


MODELS = ("mlperf_kws", "mlperf_ic", "mlperf_ad", "tflm_hello_world", "tflm_micro_speech")


@pytest.mark.parametrize("name", MODELS)
def test_models_of_others(library: Library, name: str, tmp_path: Path) -> None:
    done = run(
        *("flash-and-eval", "--engine", "tflm", "--data", "random", "--samples", "20", "--json"),
        *("--model", shared_model(f"{name}_int8.tflite"), "--out", tmp_path / "run"),
        timeout=900,
    )
    report = done.json
    gap = report["gaps"]["deployment"]
    if name == "mlperf_ad" and done.code == 1:
        assert report["headline"].startswith("version skew")
        assert gap["max_steps"] <= 1 and gap["bit_equal_values"] >= 0.999
    else:
        assert done.code == 0, done.err
        assert gap["bit_equal"] == 1.0
    memory = report["memory"]
    assert memory["arena_reserved"] == memory["arena_used"]
    assert 0 < memory["arena_planned"] < memory["arena_used"]
    assert library.version in json.dumps(report)


def test_the_demo(library: Library, tmp_path: Path) -> None:
    done = run_ok("flash-and-eval", "--engine", "tflm", "--json", "--out", tmp_path / "run")
    assert done.json["engine"] == "tflm"
    assert done.json["headline"] == "device matches: 360/360 bit-exact"
    operators = done.json["latency"]["operators"]
    assert sum(o["ticks"] for o in operators) == pytest.approx(
        done.json["latency"]["median"], rel=0.02
    )
    assert abs(done.json["latency"]["disturbance"]) < 0.01


def test_an_arena_that_is_too_small_is_an_answer(library: Library, tmp_path: Path) -> None:
    model = saved(tmp_path / "model.tflite", dense(64, 64))
    arguments = ("--engine", "tflm", "--model", model, "--data", "random", "--json")
    done = run("flash-and-eval", *arguments, "--arena", "256", "--out", tmp_path / "run")
    assert done.code == 2
    assert "the arena of 256 B is too small" in done.json["error"]["message"]


def test_many_models_and_one_build(library: Library, tmp_path: Path) -> None:
    """The model slot: other weights reach the running device and compute as the host does."""
    import numpy as np

    from host.firmware.build import build_image

    board = find_board("qemu-m4")
    engine = TflmEngine.for_board(board)
    graphs = [parse(dense(32, 8, layers=2, seed=seed)) for seed in range(4)]
    image = build_image(engine.render(graphs[0]), graphs[0], board, tmp_path)
    x = np.random.default_rng(0).integers(-128, 128, (5, 32)).astype(np.int8)

    def outputs(session: Session) -> bytes:
        return b"".join(answer.output for answer in session.infer([s.tobytes() for s in x]))

    link: Link
    with find_target(board).start(image, board, tmp_path / "log") as link:
        session = Session(link)
        info = session.hello(10)
        for graph in [*graphs, graphs[0]]:
            if info.model_digest != graph.sha256:
                info = session.load_model(graph.content, info)
            expected = tflm_outputs(graph, x)
            assert outputs(session) == expected.tobytes()


def test_without_the_library_there_is_a_remedy(tmp_path: Path) -> None:
    try:
        find_library(find_board("qemu-m4"))
    except ToolMissingError:
        done = run("flash-and-eval", "--engine", "tflm", "--json", "--out", tmp_path / "run")
        assert done.code == 3
        assert "--engine aot" in done.json["error"]["hint"]
        assert not (tmp_path / "run").exists()
        auto = run_ok("flash-and-eval", "--engine", "auto", "--samples", "10", "--json")
        assert auto.json["engine"] == "aot"
        assert any("Engine aot was chosen" in note for note in auto.json["notes"])
    else:
        pytest.skip("the library is there")
