"""What TFLite-Micro computes, as the reference for kernels."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from host.base.arrays import Array
from host.engines.aot import AotEngine
from host.firmware.rendered import Rendered
from host.models.tflite import Graph
from tests.fixtures import native
from tests.fixtures.native import NativeRun

# Marks for tests that compare with TFLite-Micro.
NEEDS_REFERENCE = [
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

        self._interpreter = runtime.Interpreter.from_bytes(
            graph.content,
            arena_size=2_000_000,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )

    def tensors(self, inputs: tuple[Array, ...], wanted: list[int]) -> list[Array]:
        self._interpreter.reset()  # variable tensors
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
    note: str = "",
) -> None:
    wanted = [operator.tensor for operator in rendered.operators] + list(graph.outputs)
    names = [f"{o.index} {o.name}" for o in rendered.operators] + ["output"] * len(graph.outputs)
    for sample in range(inputs[0].shape[0]):
        expected = reference.tensors(tuple(x[sample] for x in inputs), wanted)
        for name, left, right in zip(names, (*run.operators, *run.outputs), expected, strict=True):
            np.testing.assert_array_equal(
                left[sample].reshape(-1),
                right.reshape(-1),
                f"operator {name}, sample {sample}; {note}",
            )


def compare(
    graph: Graph, inputs: tuple[Array, ...], folder: Path, variant: str = "portable"
) -> NativeRun:
    """Run what engine aot renders, and assert that every tensor equals TFLite-Micro's."""
    rendered = AotEngine().render(graph)
    run = native.build(graph, rendered, folder, variant).run(inputs)
    assert_equal(graph, rendered, run, Reference(graph), inputs, variant)
    return run


def near_one() -> tuple[float, float, float]:
    """Scales of input, weights and output whose ratio is just below 1: the largest mantissa."""
    rng = np.random.default_rng(0)
    while True:
        x, w = rng.uniform(1, 2, 2).astype(np.float32)
        y = np.float32(x * w)
        ratio = float(x) * float(w) / float(y)
        if 1 - 2.0**-28 < ratio < 1:
            return float(x), float(w), float(y)
