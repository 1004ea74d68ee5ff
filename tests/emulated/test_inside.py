"""Seeing inside: every tensor, and what every operator costs, with real images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.models.feeds import drawn
from host.models.tflite import Graph, parse
from host.oracles.tflm_host import tflm_written
from tests.aot.activations import softmax
from tests.aot.binary import add
from tests.aot.builder import Array, ModelBuilder, Q, Windowed, started
from tests.aot.convolution import conv_2d, depthwise_conv_2d, fully_connected
from tests.aot.movement import concatenation, reshape, split
from tests.aot.quantize import quantize
from tests.aot.recurrent import svdf
from tests.fixtures.command_line import run_ok
from tests.fixtures.models import saved
from tests.fixtures.runs import Finished, run, tflm_library
from tests.fixtures.schemas import validate

MACS = {"CONV_2D": 6 * 6 * 8 * 27, "DEPTHWISE_CONV_2D": 6 * 6 * 8 * 9, "FULLY_CONNECTED": 288 * 5}


def branched() -> bytes:
    """Tensors that are alive together, laid over one another, and of several sizes."""
    rng = np.random.default_rng(3)

    def weights(*shape: int) -> Array:
        return rng.integers(-127, 128, shape, dtype=np.int8)

    b, q = ModelBuilder(), Q.tensor(0.05, -3)
    window, each = Windowed((3, 3)), Q.symmetric(rng.uniform(0.002, 0.01, 8).tolist(), 3)
    source = b.tensor((1, 6, 6, 3), Q.tensor(0.04, 2), name="image")
    x = quantize(b, source, q)
    wq, bias = Q.symmetric(each.scales, 0), rng.integers(-99, 99, 8, dtype=np.int32)
    left = conv_2d(b, x, window, weights(8, 3, 3, 3), wq, bias, Q.tensor(0.1, 1))
    right = depthwise_conv_2d(b, left, window, weights(1, 3, 3, 8), each, bias, Q.tensor(0.2, 4))
    x = reshape(b, add(b, left, right, Q.tensor(0.15, 5)), (1, 288))
    x = fully_connected(b, x, weights(5, 288), Q.tensor(0.01), None, Q.tensor(0.3, 7))
    return b.build([source], [softmax(b, x)])


def large() -> bytes:
    """A tensor of 100 kB between two operators. The input is small: to the device it takes long."""
    b, source = started((1, 160, 160, 1), Q.tensor(0.04, 2))
    x = concatenation(b, 4 * [quantize(b, source, Q.tensor(0.05, 3))], 3)
    x = add(b, x, x, Q.tensor(0.2, -5))
    return b.build([source], [quantize(b, x, Q.tensor(0.3, 1))])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model.tflite", branched())


def command(name: str, model: Path, board: str, engine: str, *more: str | Path) -> Finished:
    if engine == "tflm":
        tflm_library(board)
    arguments = ("--model", model, "--board", board, "--engine", engine, "--json", *more)
    done = run_ok(name, *arguments, timeout=900)
    validate(name, done.json)
    return done


CASES = [
    ("process-sanitized", "aot"),
    ("qemu-m4", "aot"),
    ("unicorn-nano33ble", "aot"),
    ("qemu-m4", "tflm"),
]


@pytest.mark.parametrize(("board", "engine"), CASES)
def test_every_tensor_is_what_tflm_on_the_host_computes(
    board: str, engine: str, model: Path, tmp_path: Path
) -> None:
    graph, out = parse(model.read_bytes()), tmp_path / "run"
    outputs = [i for operator in graph.operators for i in operator.outputs]
    every = [word for i in outputs for word in ("--tensor", str(i))]
    done = command("trace", model, board, engine, "--sample", "23", "--out", out, *every)
    report = done.json
    assert [o["tensor"] for o in report["outputs"]] == outputs
    assert all(o["equal"] and o["device_crc"] == o["host_crc"] for o in report["outputs"])
    assert report["first_difference"] is None and report["sample"] == 23
    (written,) = tflm_written(graph, drawn(graph, 24, 0)[23:], outputs)
    with np.load(out / "tensors.npz") as values:
        assert len(values) == 2 * len(outputs)
        for index in outputs:
            for where in ("device", "host"):
                found = values[f"{where}_{index}"]
                assert found.dtype == graph.tensors[index].numpy_dtype
                np.testing.assert_array_equal(found, written[index])


@pytest.mark.parametrize("board", ["process", "qemu-m4"])
def test_a_large_tensor(board: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "large.tflite", large())
    done = command("trace", path, board, "aot", "--tensor", "3", "--out", tmp_path / "run")
    assert "102\u202f400 values equal" in done.json["tensors"][0]["text"]


@pytest.mark.parametrize(("board", "engine"), CASES)
def test_what_each_operator_costs(board: str, engine: str, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = command("profile", model, board, engine, "--out", out)
    report = done.json
    operators = report["latency"]["operators"]
    graph = parse(model.read_bytes())
    assert [o["name"] for o in operators] == [o.name for o in graph.operators]
    assert {o["name"]: o["macs"] for o in operators if o["macs"]} == MACS
    assert report["macs"] == sum(MACS.values())
    assert sum(o["share"] for o in operators) == pytest.approx(1)
    check_memory(graph, operators, report["memory"], engine)
    if report["latency"]["unit"] == "instructions":
        spent = sum(o["ticks"] for o in operators)
        assert spent == pytest.approx(report["latency"]["median"], rel=0.05)
    page = (out / "report.html").read_text()
    assert page.count("<svg") == (2 if engine == "aot" else 1)
    assert "DEPTHWISE_CONV_2D" in page and (out / "report.json").read_text() == done.out


def check_memory(graph: Graph, operators: Any, memory: Any, engine: str) -> None:
    places = {block["tensor"]: block["offset"] for block in memory["arena"]}
    for o, operator in zip(operators, graph.operators, strict=True):
        reads = {i for i in operator.inputs if i != -1 and graph.tensors[i].data is None}
        assert {a["tensor"] for a in o["reads"]} == reads
        assert o["bytes_read"] == sum(graph.tensors[i].nbytes for i in reads)
        assert o["bytes_written"] == sum(graph.tensors[i].nbytes for i in operator.outputs)
        for activation in (*o["reads"], *o["writes"]):
            assert activation["offset"] == places.get(activation["tensor"])
            assert (activation["offset"] is None) == (engine == "tflm")


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    b = ModelBuilder()
    left, right = b.tensor((1, 3, 4), Q.tensor(0.1, 3)), b.tensor((1, 3, 4), Q.tensor(0.2, -7))
    total = add(b, left, right, Q.tensor(0.25, 1))
    path = tmp_path / "model.tflite"
    path.write_bytes(b.build([left, right], [total, quantize(b, total, Q.tensor(0.5, 0))]))
    for name in ("trace", "profile"):
        command(name, path, "process-sanitized", "aot", "--out", tmp_path / name)


def test_an_operator_with_several_outputs(tmp_path: Path) -> None:
    b, source = started((1, 4, 6), Q.tensor(0.1, 3))
    first, second, third = split(b, source, 3, 2)
    total = add(b, add(b, first, third, Q.tensor(0.2, 1)), second, Q.tensor(0.3, 2))
    path = saved(tmp_path / "model.tflite", b.build([source], [total]))
    more = ("--tensor", str(second), "--tensor", str(third), "--out", tmp_path / "run")
    done = command("trace", path, "process-sanitized", "aot", *more)
    assert [o["index"] for o in done.json["outputs"]] == [0, 0, 0, 1, 2]
    assert [o["tensor"] for o in done.json["outputs"]][:3] == [first, second, third]
    done = command("profile", path, "process-sanitized", "aot", "--out", tmp_path / "run")
    costs = done.json["latency"]["operators"]
    assert [o["name"] for o in costs] == ["SPLIT", "ADD", "ADD"]
    assert [a["tensor"] for a in costs[0]["writes"]] == [first, second, third]


def test_an_operator_with_a_state_begins_anew(tmp_path: Path) -> None:
    """The second question about a sample, for the tensor, gets the first one's answer."""
    rng, b = np.random.default_rng(2), ModelBuilder()
    source = b.tensor((1, 8), Q.tensor(0.1, 3))
    features = rng.integers(-127, 128, (6, 8), dtype=np.int8), Q.tensor(0.02)
    times = rng.integers(-9999, 9999, (6, 4), dtype=np.int16), Q.tensor(0.0001)
    bias = np.zeros(3, np.int32)
    y = svdf(b, source, 2, features, times, 0.001, bias, Q.tensor(0.1, 1))
    path = saved(tmp_path / "model.tflite", b.build([source], [y]))
    more = ("--tensor", str(y), "--sample", "1", "--out", tmp_path / "run")
    done = command("trace", path, "process-sanitized", "aot", *more)
    assert done.json["outputs"][0]["equal"]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_ends_of_other_types(dtype: type[np.generic], tmp_path: Path) -> None:
    b = ModelBuilder()
    q = None if dtype is np.float32 else Q.tensor(0.05, 120)
    source = b.tensor((1, 3, 4), q, dtype=dtype)
    x = quantize(b, source, Q.tensor(0.04, -3))
    path = tmp_path / "model.tflite"
    path.write_bytes(b.build([source], [add(b, x, x, Q.tensor(0.1, 5))]))
    for name in ("trace", "profile"):
        command(name, path, "process-sanitized", "aot", "--out", tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tensor", "imag"), "no tensor 'imag'"),
        (("--tensor", "image"), "is an input of the model"),
        (("--tensor", "3"), "is a constant of the model"),
        (("--tensor", "999"), "there is no tensor 999"),
        (("--sample", "7", "--samples", "5"), "there is no sample 7: random has 5"),
        (("--data", "nowhere.npz"), "nowhere.npz"),
        (("--board", "none"), "none"),
    ],
)
def test_wrong_input_is_told_before_anything_is_built(
    arguments: tuple[str, ...], message: str, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = run("trace", "--model", model, "--json", "--out", out, *arguments)
    assert done.code == 2
    error = done.json["error"]
    assert message in error["message"] and error["hint"]
    assert not out.exists()


def test_the_terminal_shows_a_table(model: Path, tmp_path: Path) -> None:
    done = run_ok("trace", "--model", model, "--board", "process", "--out", tmp_path / "run")
    assert "the outputs of all operators (7) equal TFLM on the host" in done.out
    assert done.out.count("equal") == 8
    done = run_ok("profile", "--model", model, "--board", "process", "--out", tmp_path / "run")
    assert "FULLY_CONNECTED" in done.out and "1 440" in done.out.replace("\u202f", " ")
