"""The executors of this machine, on models that others trained."""

import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import MachineError, OracleError
from host.base.quiet import captured, quiet
from host.deployment.divergence import crcs, host_outputs
from host.firmware.rendered import ExecutedOperator
from host.models import tflite
from host.models.dataset import load_dataset
from host.models.edit import patch
from host.models.feeds import drawn, single
from host.models.tflite import Graph
from host.oracles.host import first_on_the_desktop, host_columns
from host.oracles.litert import run_litert
from host.oracles.tflm_host import host_arena_bytes, run_tflm_host
from host.verdict.gaps import differing
from tests.aot.activations import softmax
from tests.aot.builder import ModelBuilder, Q
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.models import dense
from tests.fixtures.runs import shared_model

pytest.importorskip("tflite_micro", reason="no TFLM wheel for this platform")

NAMES = ["mlperf_kws", "mlperf_ic", "mlperf_ad", "tflm_hello_world", "tflm_micro_speech"]


def graph_of(name: str) -> Graph:
    return tflite.load(shared_model(f"{name}_int8.tflite"))


@pytest.mark.parametrize(("values", "words"), [(511, None), (512, "operator 0 SOFTMAX")])
def test_a_softmax_of_too_many_equal_values_is_named(values: int, words: str | None) -> None:
    b = ModelBuilder()
    x = b.tensor((1, values), Q.tensor(0.05))
    graph = b.parsed([x], [softmax(b, x)])
    feeds = single(graph, np.zeros((1, values), np.int8))
    assert host_arena_bytes(graph) is not None
    if words is None:
        assert (host_outputs(graph, executed(graph), feeds)[0][graph.outputs[0]] == -128 + 1).all()
        return
    with pytest.raises(OracleError, match=f"add up to 512 or more.*{words}") as caught:
        host_outputs(graph, executed(graph), feeds)
    assert "take SOFTMAX off" in caught.value.hint


def test_the_operator_that_the_two_reference_kernels_differ_at_is_found() -> None:
    """LiteRT's FULLY_CONNECTED rounds once, so of many samples some differ."""
    graph = tflite.parse(dense(64, 64, layers=2))
    x = np.random.default_rng(0).integers(-128, 128, (200, 64)).astype(np.int8)
    columns = host_columns(graph, x)
    reference, tflm = columns["litert_reference"].outputs, columns["tflm_host"].outputs
    assert reference is not None and tflm is not None
    samples = differing(reference, tflm)
    assert len(samples)
    first = first_on_the_desktop(graph, x[samples[:1]])
    assert first is not None and graph.operators[first].name == "FULLY_CONNECTED"
    b = ModelBuilder()
    source = b.tensor((1, 8), Q.tensor(0.05))
    alike = b.parsed([source], [softmax(b, source)])
    assert first_on_the_desktop(alike, np.zeros((1, 8), np.int8)) is None


def noise(graph: Graph, count: int = 8) -> Any:
    shape = graph.input.shape[1:]
    return load_dataset("random", samples=count, seed=5, input_shape=shape)


def executed(graph: Graph) -> list[ExecutedOperator]:
    return [ExecutedOperator(o.index, o.name, o.outputs[0]) for o in graph.operators]


@pytest.mark.parametrize("name", NAMES)
def test_all_columns_of_a_ready_tflite(name: str) -> None:
    graph = graph_of(name)
    columns = host_columns(graph, noise(graph).x)
    assert set(columns) == {"litert", "litert_reference", "tflm_host"}
    for column in columns.values():
        assert column.outputs is not None and column.absent is None
        assert column.outputs.shape == (8, *graph.output.shape[1:])
        assert column.outputs.dtype == np.int8
        assert column.version[-1].isdigit() or column.version.endswith("reference")
    # The reference kernels' FULLY_CONNECTED rounds once, TFLM's twice (FACTS.md §1).
    reference, oracle = columns["litert_reference"].outputs, columns["tflm_host"].outputs
    assert reference is not None and oracle is not None
    unequal = differing(reference, oracle)
    if name in ("mlperf_kws", "mlperf_ic"):
        assert len(unequal) == 0
    if name == "mlperf_ad":
        assert len(unequal) == 8


@pytest.mark.parametrize(("name", "least"), [("mlperf_kws", 22_772), ("mlperf_ic", 54_340)])
def test_arena_is_a_little_above_the_targets(name: str, least: int) -> None:
    # FACTS.md §8: the target's arena; §1 of it: the host's is 0.8 to 3 KB above.
    found = host_arena_bytes(graph_of(name))
    assert found is not None and least < found < least + 3 * 1024


@pytest.mark.parametrize("name", NAMES)
def test_operators_end_in_the_output(name: str) -> None:
    graph = graph_of(name)
    x = noise(graph, 2).x
    outputs = tflm_outputs(graph, x)
    written = host_outputs(graph, executed(graph), single(graph, x))
    for found, output in zip(written, outputs, strict=True):
        checksums = crcs(executed(graph), found)
        assert checksums.dtype == np.uint32 and len(checksums) == len(graph.operators)
        assert checksums[-1] == zlib.crc32(output.tobytes())


def test_a_tensor_that_is_not_there_is_an_error() -> None:
    graph = graph_of("tflm_hello_world")
    operators = [ExecutedOperator(0, "NONE", len(graph.tensors) + 7)]
    with pytest.raises(MachineError):
        host_outputs(graph, operators, drawn(graph, 1, 0))


def with_unknown_operator(graph: Graph) -> Graph:
    """The same graph, its SOFTMAX said to be an operator that nobody has kernels for."""
    softmax = next(o.index for o in graph.operators if o.name == "SOFTMAX")
    return patch(graph, (), {softmax: "CONCAT_EMBEDDINGS"})


def test_a_refused_model_gives_an_absent_column_with_the_reason() -> None:
    graph = with_unknown_operator(graph_of("tflm_micro_speech"))
    x = np.zeros((1, *graph.input.shape[1:]), np.int8)
    for column in (run_tflm_host(graph, x), run_litert(graph, x)):
        assert column.outputs is None
        assert column.absent is not None and "refuses the model" in column.absent
    assert "builtin opcode" in (run_tflm_host(graph, x).absent or "").lower()
    assert host_arena_bytes(graph) is None
    with pytest.raises(OracleError, match="cannot run the model"):
        host_outputs(graph, executed(graph), single(graph, x))


def test_quiet_catches_what_native_code_writes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    with pytest.raises(RuntimeError), quiet(log):
        os.write(2, b"from C++\n")
        assert sys.__stdout__ is not None  # pytest's own sys.stdout does not write to 1
        sys.__stdout__.write("from Python\n")
        raise RuntimeError
    with quiet(log), captured() as texts:
        os.write(1, b"inner")
    os.write(1, b"after")
    assert capfd.readouterr() == ("after", "")
    assert log.read_text() == "from C++\nfrom Python\n"
    assert texts == ["inner"]
