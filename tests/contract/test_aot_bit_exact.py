"""Engine ``aot`` computes what TFLite-Micro computes, byte by byte, in every tensor.

The judge is TFLite-Micro's own host build (PyPI: tflite-micro), which runs the reference kernels.
"""

from pathlib import Path

import numpy as np
import pytest

from host.engines.aot import AotEngine
from host.engines.aot.core.quantization import Multiplier, quantize_multiplier
from host.firmware.rendered import Rendered
from host.models import tflite
from host.models.tflite import Graph
from tests.aot import convolution
from tests.aot.builder import Q, started
from tests.aot.models import DRAWS, DrawnModel, drawn_model
from tests.aot.reference import NEEDS_REFERENCE, Reference, assert_equal, compare, near_one
from tests.fixtures import native
from tests.fixtures.runs import shared_model

# Models that begin with each operator: so many are drawn, and so many at least must be ones that
# TFLite-Micro accepts.
DRAWN, WANTED = 120, 100
# Whose kernels have code for the DSP extension: sources' and operators' names.
WITH_DSP = {
    "conv_2d": "CONV_2D",
    "depthwise_conv_2d": "DEPTHWISE_CONV_2D",
    "fully_connected": "FULLY_CONNECTED",
    "lstm": "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "svdf": "SVDF",
    "transpose_conv": "TRANSPOSE_CONV",
}
# Static arena that TFLite-Micro of August 2026 needs on a Cortex-M4F, with reference kernels.
TFLM_ARENA = {
    "mlperf_kws_int8": 22_772,
    "mlperf_ic_int8": 54_340,
    "mlperf_ad_int8": 2_260,
    "tflm_hello_world_int8": 676,
    "tflm_micro_speech_int8": 6_788,
}

pytestmark = NEEDS_REFERENCE


def test_these_kernels_have_code_for_the_dsp_extension() -> None:
    assert native.kernels_that_differ("portable", "dsp") == set(WITH_DSP)


@pytest.mark.parametrize("operator", DRAWS)
def test_drawn_models_equal_tflite_micro(operator: str, tmp_path: Path) -> None:
    cases: list[tuple[int, DrawnModel, Graph, Rendered, Reference]] = []
    # Not Hypothesis's seeds: it draws more often what stands as a number in the project's sources,
    # so that each change of those would change the models.
    for seed in range(DRAWN):
        model = drawn_model(operator, DRAWS[operator], seed)
        graph = tflite.parse(model.content)
        try:
            reference = Reference(graph)
        except RuntimeError:  # TFLite-Micro's own Prepare refuses it
            continue
        cases.append((seed, model, graph, AotEngine().render(graph), reference))
    # Not those in which nobody reads what the operator writes, and it is dropped.
    name = operator.split()[0]
    seen = [case for case in cases if any(o.name == name for o in case[3].operators)]
    assert len(seen) >= WANTED
    variants = tuple(native.VARIANTS) if name in WITH_DSP.values() else ("portable",)
    models = [(case[2], case[3]) for case in cases]
    for program in native.build_all(models, tmp_path, variants):
        runs = program.run_all([case[1].inputs for case in cases])
        for run, (seed, model, graph, rendered, reference) in zip(runs, cases, strict=True):
            note = f"{program.path.name}, seed {seed}, {' '.join(model.operators)}"
            assert_equal(graph, rendered, run, reference, model.inputs, note)


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize("per_channel", [False, True])
def test_sums_at_the_edges_of_int32(zero_point: int, per_channel: bool, tmp_path: Path) -> None:
    # What overflows an int32 wraps around in TFLite, before the clamp.
    x, w, y = near_one()
    edges = [-(2**31), -(2**31) + 1, -(2**30), -1, 0, 1, 2**30, 2**31 - 200, 2**31 - 1]
    octaves = [0, 0, 1, 2, 7, 20, 29, -1, -8, -31, -32] if per_channel else [0]
    bias = np.array([e for e in edges for _ in octaves], np.int32)
    scales = [w * 2.0**octave for _ in edges for octave in octaves]
    b, first = started((1, 2), Q.tensor(x, -3))
    wq = Q.symmetric(scales if per_channel else scales[:1], 0)
    weights = np.full((len(bias), 2), -128, np.int8)
    last = convolution.fully_connected(b, first, weights, wq, bias, Q.tensor(y, zero_point))
    graph = b.parsed([first], [last])
    samples = np.array([[[-3, -3]], [[127, 127]], [[-128, -128]], [[-4, -3]]], np.int8)
    compare(graph, (samples,), tmp_path)


def test_a_multiplier_is_a_product_of_doubles(tmp_path: Path) -> None:
    # Older TFLite-Micro multiplied FULLY_CONNECTED's scales as floats. A large bias at which the
    # two give neighbouring outputs tells them apart.
    rng = np.random.default_rng(1)
    x, w = rng.uniform(0.01, 0.1, 2).astype(np.float32)
    y = np.float32(float(x) * float(w) * 2**23.5)
    doubles = quantize_multiplier(float(x) * float(w) / float(y))
    floats = quantize_multiplier(float(x * w) / float(y))
    step = float(y) / (float(x) * float(w))
    near_halves = [int((n + 0.5) * step) + d for n in range(20, 120) for d in range(-40, 41)]
    bias = next(v for v in near_halves if _scaled(v, doubles) != _scaled(v, floats))
    b, first = started((1, 1), Q.tensor(float(x)))
    zero = np.zeros((1, 1), np.int8)
    wq, q = Q.tensor(float(w)), Q.tensor(float(y))
    last = convolution.fully_connected(b, first, zero, wq, np.array([bias], np.int32), q)
    graph = b.parsed([first], [last])
    samples = np.zeros((1, 1, 1), np.int8)
    run = compare(graph, (samples,), tmp_path)
    assert run.outputs[0].item() == _scaled(bias, doubles)


def _scaled(x: int, multiplier: Multiplier) -> int:
    """x times a multiplier below 1, rounded twice; both positive."""
    high = (x * multiplier.mantissa + 2**30) >> 31
    return (high + (1 << -multiplier.shift >> 1)) >> -multiplier.shift


@pytest.mark.parametrize("name", TFLM_ARENA)
def test_shared_models_equal_tflite_micro(name: str, tmp_path: Path) -> None:
    graph = tflite.load(shared_model(f"{name}.tflite"))
    rng = np.random.default_rng(1)
    samples = rng.integers(-128, 128, (24, *graph.input.shape), dtype=np.int8)
    samples[0], samples[1] = -128, 127
    compare(graph, (samples,), tmp_path)


@pytest.mark.parametrize("name", TFLM_ARENA)
def test_arena_is_smaller_than_tflite_micros(name: str) -> None:
    graph = tflite.load(shared_model(f"{name}.tflite"))
    assert AotEngine().render(graph).arena_bytes < TFLM_ARENA[name]
