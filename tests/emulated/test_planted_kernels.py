"""A kernel that is off by one in one value: the report names its operator and both values."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from host.models.feeds import drawn
from host.models.tflite import Graph, parse
from host.oracles.tflm_host import tflm_written
from tests.aot.activations import softmax
from tests.aot.binary import add
from tests.aot.builder import Array, ModelBuilder, Q, Windowed
from tests.aot.convolution import conv_2d, depthwise_conv_2d, fully_connected
from tests.aot.movement import reshape
from tests.aot.quantize import quantize
from tests.fixtures.runs import copy_program, run

# The value of the kernel's output that is wrong.
PLACE = 2
KERNELS = {
    "conv_2d": "CONV_2D",
    "depthwise_conv_2d": "DEPTHWISE_CONV_2D",
    "fully_connected": "FULLY_CONNECTED",
    "add": "ADD",
    "softmax": "SOFTMAX",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program and its firmware, to spoil; builds in it share objects."""
    return copy_program(tmp_path_factory.mktemp("planted"))


@pytest.fixture(params=KERNELS)
def kernel(checkout: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a kernel that is spoilt while the test runs."""
    before = plant(checkout / "firmware" / "flash_and_eval" / "engines" / "aot", request.param)
    yield request.param
    for source, text in before.items():
        source.write_text(text)


def plant(engine: Path, kernel: str) -> dict[Path, str]:
    """Rename the kernel and put one in its place that calls it and changes one value.

    Knows of the kernel its name, and that it writes to ``output``; it may have overloads. Gives the
    files that were changed, and their text before.
    """
    definition = re.compile(rf"^void {kernel}\(([^)]*\boutput\b[^)]*)\) *{{", re.MULTILINE)
    texts = {path: path.read_text() for path in engine.rglob("*.cc")}
    before = {path: text for path, text in texts.items() if definition.search(text)}
    assert before
    for source, text in before.items():
        wrappers = ""
        for found in definition.finditer(text):
            names = [re.findall(r"\w+", argument)[-1] for argument in found[1].split(",")]
            wrappers += (
                f"void {kernel}({found[1]}) {{\n  exact_{kernel}({', '.join(names)});\n"
                f"  output[{PLACE}] < 127 ? ++output[{PLACE}] : --output[{PLACE}];\n}}\n"
            )
        spoilt = definition.sub(lambda found: found[0].replace(kernel, f"exact_{kernel}"), text)
        source.write_text(f"{spoilt}\nnamespace aot {{\n{wrappers}}}  // namespace aot\n")
    return before


def model_with(kernel: str) -> bytes:
    """The kernel between two operators; the last one passes every value on as it is."""
    rng = np.random.default_rng(0)
    b, q = ModelBuilder(), Q.tensor(0.05, -3)
    source = b.tensor((1, 5, 5, 4), Q.tensor(0.04, 2))
    x = quantize(b, source, q)
    window, wq, each = Windowed((3, 3)), Q.tensor(0.01), Q.symmetric([0.01] * 4, 3)
    bias = np.zeros(4, np.int32)

    def weights(*shape: int) -> Array:
        return rng.integers(-127, 128, shape, dtype=np.int8)

    if kernel == "conv_2d":
        x = conv_2d(b, x, window, weights(4, 3, 3, 4), wq, None, Q.tensor(0.2, 1))
    elif kernel == "depthwise_conv_2d":
        x = depthwise_conv_2d(b, x, window, weights(1, 3, 3, 4), each, bias, Q.tensor(0.1, 1))
    elif kernel == "fully_connected":
        flat = reshape(b, x, (1, 100))
        x = fully_connected(b, flat, weights(40, 100), wq, None, Q.tensor(0.3, 1))
    elif kernel == "add":
        x = add(b, x, x, Q.tensor(0.11, 5))
    else:
        x = softmax(b, x)
    size = int(np.prod(b.shape(x)))
    x = reshape(b, x, (1, size))
    same = (127 * np.eye(size)).astype(np.int8)
    return b.build([source], [fully_connected(b, x, same, Q.tensor(1 / 127), None, b.q(x))])


def expected(graph: Graph, operator: str, sample: int) -> tuple[int, tuple[int, ...], int]:
    """The operator's index, the place that is wrong, and what TFLM on the host has there."""
    found = next(o for o in graph.operators if o.name == operator)
    feed = drawn(graph, sample + 1, 0)[sample]
    (written,) = tflm_written(graph, [feed], found.outputs)
    values = written[found.outputs[0]]
    place = tuple(int(i) for i in np.unravel_index(PLACE, values.shape))
    return found.index, place, int(values[place])


def test_an_off_by_one_is_named_with_both_values(
    kernel: str, tmp_path: Path, checkout: Path
) -> None:
    model, out = tmp_path / "model.tflite", tmp_path / "run"
    graph = parse(model_with(kernel))
    model.write_bytes(graph.content)
    arguments = ("--model", model, "--data", "random", "--samples", "6", "--json")
    done = run("flash-and-eval", *arguments, "--out", out, cwd=checkout)
    assert done.code == 1, done.err
    first = done.json["first_difference"]
    index, place, host = expected(graph, KERNELS[kernel], first["sample"])
    device = host + 1 if host < 127 else 126
    assert (first["operator"]["index"], first["operator"]["name"]) == (index, KERNELS[kernel])
    values = first["values"]
    assert tuple(values["place"]) == place
    assert (values["device"], values["host"]) == (device, host)
    assert (values["differing"], values["largest"]) == (1, 1)
    assert done.json["headline"].startswith("The device does not compute the int8 model: ")
    assert f"first at operator {index} {KERNELS[kernel]}" in done.json["headline"]
    said = f"the device has {device}".replace("-", "−")
    assert said in first["text"] and "by at most 1 step" in first["text"]
    assert said in (out / "report.html").read_text()
