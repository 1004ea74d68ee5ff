"""Engine ``aot`` computes what TFLite-Micro computes, byte by byte, in every tensor.

The judge is TFLite-Micro's own host build (PyPI: tflite-micro), which runs the reference kernels.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from host.engines.aot import AotEngine
from host.models import tflite
from host.models.tflite import Graph
from host.records import Rendered
from tests import native
from tests.aot_models import OPERATORS, drawn_model
from tests.native import NativeRun

Array = npt.NDArray[Any]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
NAMES = [
    "mlperf_kws_int8",
    "mlperf_ic_int8",
    "mlperf_ad_int8",
    "tflm_hello_world_int8",
    "tflm_micro_speech_int8",
]
# Drawn models that begin with each operator; most for those with most parameters.
EXAMPLES = {"CONV_2D": 60, "DEPTHWISE_CONV_2D": 60, "FULLY_CONNECTED": 44, "ADD": 36}
# Static arena that TFLite-Micro needs on a Cortex-M4F: shared/FACTS.md, section 8.
TFLM_ARENA = {
    "mlperf_kws_int8": 22_772,
    "mlperf_ic_int8": 54_340,
    "mlperf_ad_int8": 2_260,
    "tflm_hello_world_int8": 676,
    "tflm_micro_speech_int8": 6_788,
}

pytestmark = [
    pytest.mark.skipif(native.COMPILER is None, reason="g++ is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("tflite_micro") is None,
        reason="tflite-micro has no wheel for this platform",
    ),
]


class Reference:
    """TFLite-Micro on the host."""

    def __init__(self, graph: Graph) -> None:
        from tflite_micro import runtime

        self._graph = graph
        self._interpreter = runtime.Interpreter.from_bytes(
            graph.content,
            arena_size=2_000_000,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )

    def tensors(self, inputs: tuple[Array, ...], wanted: list[int]) -> list[Array]:
        """The values of tensors after one inference."""
        for position, value in enumerate(inputs):
            self._interpreter.set_input(value, position)
        self._interpreter.invoke()
        return [self._interpreter.GetTensor(index, 0)["tensor_data"] for index in wanted]


def assert_equal(
    graph: Graph,
    rendered: Rendered,
    run: NativeRun,
    reference: Reference,
    inputs: tuple[Array, ...],
) -> None:
    wanted = [operator.tensor for operator in rendered.operators] + list(graph.outputs)
    names = [f"{o.index} {o.name}" for o in rendered.operators] + ["output"] * len(graph.outputs)
    for sample in range(inputs[0].shape[0]):
        expected = reference.tensors(tuple(x[sample] for x in inputs), wanted)
        for name, left, right in zip(names, (*run.operators, *run.outputs), expected, strict=True):
            np.testing.assert_array_equal(
                left[sample].reshape(-1), right.reshape(-1), f"operator {name}, sample {sample}"
            )


@pytest.mark.parametrize("operator", OPERATORS)
def test_drawn_models_equal_tflite_micro(operator: str) -> None:
    @settings(
        max_examples=EXAMPLES.get(operator, 20), derandomize=True, database=None, deadline=None
    )
    @given(st.integers(0, 2**64 - 1))
    def check(seed: int) -> None:
        model = drawn_model(operator, seed)
        graph = tflite.parse(model.content)
        try:
            reference = Reference(graph)
        except RuntimeError:  # TFLite-Micro's own Prepare refuses it
            assume(False)
        rendered = AotEngine().render(graph)
        with tempfile.TemporaryDirectory() as folder:
            run = native.build(graph, rendered, Path(folder)).run(model.inputs)
        assert_equal(graph, rendered, run, reference, model.inputs)

    check()


@pytest.fixture(scope="module", params=NAMES)
def shared_model(request: pytest.FixtureRequest) -> Graph:
    path = SHARED / f"{request.param}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project, in ../shared/models")
    return tflite.load(path)


def test_shared_models_equal_tflite_micro(shared_model: Graph, tmp_path: Path) -> None:
    rendered = AotEngine().render(shared_model)
    rng = np.random.default_rng(1)
    samples = rng.integers(-128, 128, (24, *shared_model.input.shape), dtype=np.int8)
    samples[0], samples[1] = -128, 127
    run = native.build(shared_model, rendered, tmp_path).run((samples,))
    assert_equal(shared_model, rendered, run, Reference(shared_model), (samples,))


@pytest.mark.parametrize("name", NAMES)
def test_arena_is_smaller_than_tflite_micros(name: str) -> None:
    path = SHARED / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project, in ../shared/models")
    assert AotEngine().render(tflite.load(path)).arena_bytes < TFLM_ARENA[name]
