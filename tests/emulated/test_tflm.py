"""TFLite-Micro on the device, where its library is available: bit-exact with TFLM on the host."""

import json
from pathlib import Path

import numpy as np
import pytest

from host.device.link import Link
from host.device.session import Session
from host.engines.library import Library
from host.engines.packages import CHECKOUTS
from host.engines.tflm import TflmEngine
from host.firmware.boards import find_board
from host.firmware.build import build_image
from host.models.tflite import parse
from host.targets import find_target
from tests.aot.activations import softmax
from tests.aot.builder import VALID, Q, Windowed, started
from tests.aot.convolution import conv_2d, fully_connected
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
    assert done.code == 0, done.err
    assert gap["bit_equal"] == 1.0
    memory = report["memory"]
    assert memory["arena_reserved"] == memory["arena_used"]
    assert 0 < memory["arena_planned"] < memory["arena_used"]
    assert library.version in json.dumps(report)


def test_the_demo(library: Library, tmp_path: Path) -> None:
    done = run_ok("flash-and-eval", "--engine", "tflm", "--json", "--out", tmp_path / "run")
    assert done.json["engine"] == "tflm"
    assert done.json["headline"] == "The device computes the int8 model: 360/360 bit-exact"
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
    message = done.json["error"]["message"]
    assert "the arena of 256 B is too small for the model (Failed to allocate" in message
    assert "missing: " in message


def test_many_models_and_one_build(library: Library, tmp_path: Path) -> None:
    """The model slot: other weights reach the running device and compute as the host does."""
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


def convolution(dtype: type[np.generic], path: Path) -> Path:
    """A convolution and a softmax in int8 or int16."""
    b, x = started((1, 4, 4, 3), Q.tensor(0.1), dtype=dtype)
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (5, 3, 3, 3)).astype(np.int8)
    bias = rng.integers(-99, 99, 5).astype(np.int64 if dtype == np.int16 else np.int32)
    scales = Q.symmetric([0.01, 0.02, 0.03, 0.04, 0.05], 0)
    window = Windowed((3, 3), padding=VALID)
    y = conv_2d(b, x, window, weights, scales, bias, Q.tensor(0.2))
    y = softmax(b, y)
    return saved(path, b.build([x], [y]))


def test_activations_in_int16(library: Library, tmp_path: Path) -> None:
    """Not registered for int8: what is, would take them for int8, or refuse them."""
    model = convolution(np.int16, tmp_path / "model.tflite")
    arguments = ("--model", model, "--data", "random", "--samples", "20", "--json")
    done = run_ok("flash-and-eval", "--engine", "tflm", *arguments, "--out", tmp_path / "run")
    assert done.json["headline"] == "The device computes the int8 model: 20/20 bit-exact"


def test_a_model_that_the_library_refuses_on_the_device(library: Library, tmp_path: Path) -> None:
    """It is refused in the library's words, and `auto` takes the other engine, and says so."""
    b, x = started((1, 4), Q.tensor(0.1), dtype=np.int16)
    weights = np.ones((2, 4), np.int8)
    y = fully_connected(b, x, weights, Q.symmetric([0.1, 0.2], 0), None, Q.tensor(0.3))
    model = saved(tmp_path / "model.tflite", b.build([x], [y]))
    arguments = ("flash-and-eval", "--model", model, "--data", "random", "--samples", "5", "--json")
    done = run(*arguments, "--engine", "tflm", "--out", tmp_path / "refused")
    assert done.code == 2
    assert "the engine on the device refuses the model: fully_connected.cc" in done.err + done.out
    assert "Node FULLY_CONNECTED (number 0) failed" in done.json["error"]["message"]
    auto = run_ok(*arguments, "--engine", "auto", "--out", tmp_path / "run").json
    assert auto["engine"] == "aot" and auto["headline"].startswith("The device computes")
    (note,) = [note for note in auto["notes"] if "Engine aot was chosen" in note]
    assert "because tflm refuses the model: the engine on the device refuses" in note


def test_without_the_library_there_is_a_remedy(tmp_path: Path) -> None:
    nowhere = {CHECKOUTS: str(tmp_path)}
    arguments = ("flash-and-eval", "--json", "--samples", "10")
    done = run(*arguments, "--engine", "tflm", "--out", tmp_path / "run", environment=nowhere)
    assert done.code == 3
    assert "--engine aot" in done.json["error"]["hint"]
    assert not (tmp_path / "run").exists()
    auto = run(*arguments, "--engine", "auto", environment=nowhere).json
    assert auto["engine"] == "aot"
    assert any("Engine aot was chosen" in note for note in auto["notes"])
