"""Sums at their edges, floats at the edges of QUANTIZE: engine ``aot`` and TFLite-Micro.

The drawn models rarely come near these.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host.base.arrays import Array
from host.engines.aot import AotEngine
from host.engines.aot.core.packing import pack_rows
from tests.aot import convolution, quantize
from tests.aot.builder import SAME, ModelBuilder, Q, Windowed, started
from tests.aot.reference import NEEDS_REFERENCE, compare, near_one
from tests.fixtures import native

pytestmark = NEEDS_REFERENCE

MOST = 2**15 - 1


def judge(b: ModelBuilder, x: int, y: int, samples: Array, folder: Path) -> Array:
    """The output [n, …], after comparing all tensors with TFLite-Micro's."""
    graph = b.parsed([x], [y])
    run = compare(graph, (samples,), folder)
    return run.outputs[0]


@pytest.mark.parametrize("per_channel", [False, True])
def test_sums_at_the_edges_of_int64(per_channel: bool, tmp_path: Path) -> None:
    # Beyond 48 bits, TFLite-Micro's stated limit, results lose upper bits before the clamp.
    x, w, y = near_one()
    edges = [s * 2**n + d for n in (15, 31, 46, 47, 48, 62) for s in (1, -1) for d in (-1, 0, 1)]
    edges += [-(2**63), 2**63 - 1, 0]
    octaves = [0, 1, 6, -1, -8, -14, -16, -30, -33] if per_channel else [0]
    bias = np.array([e for e in edges for _ in octaves], np.int64)
    scales = [w * 2.0**octave for _ in edges for octave in octaves]
    b, first = started((1, 2), Q.tensor(x), dtype=np.int16)
    wq = Q.symmetric(scales if per_channel else scales[:1], 0)
    weights = np.full((len(bias), 2), -128, np.int8)
    last = convolution.fully_connected(b, first, weights, wq, bias, Q.tensor(y))
    samples = np.array([[[0, 0]], [[MOST, MOST]], [[-MOST - 1] * 2], [[-1, 0]]], np.int16)
    judge(b, first, last, samples, tmp_path)


def test_many_of_the_largest_products_add_up(tmp_path: Path) -> None:
    depth = 3000
    b, first = started((1, depth), Q.tensor(1.0), dtype=np.int16)
    weights = np.full((5, depth), -128, np.int8)
    weights[1] = 127
    q = Q.tensor(2.0**19)
    last = convolution.fully_connected(b, first, weights, Q.tensor(1.0), np.zeros(5, np.int64), q)
    samples = np.full((2, 1, depth), -MOST - 1, np.int16)
    samples[1] = MOST
    outputs = judge(b, first, last, samples, tmp_path)
    assert outputs[0, 0].tolist() == [24_000, -23_812, 24_000, 24_000, 24_000]


def halves(scale: float, steps: Array) -> Array:
    """Floats at the middle between two codes, and their neighbours."""
    middle = ((steps + 0.5) * scale).astype(np.float32)
    below = np.nextafter(middle, np.float32(-np.inf))
    return np.concatenate([below, middle, np.nextafter(middle, np.float32(np.inf))])


def quantizing(
    samples: Array, q: Q, dtype: type[np.generic] = np.int8
) -> tuple[ModelBuilder, int, int]:
    b, first = started(samples.shape[1:], None, dtype=np.float32)
    return b, first, quantize.quantize(b, first, q, dtype)


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 127])
@pytest.mark.parametrize("scale", [0.5, 0.1, 1 / 255, 3e-5])
def test_floats_round_halves_away_from_zero(scale: float, zero_point: int, tmp_path: Path) -> None:
    scale = float(np.float32(scale))
    values = halves(scale, np.arange(-300, 300))
    tiny = np.float32(np.finfo(np.float32).smallest_subnormal)
    edges = np.array([0.0, -0.0, tiny, -tiny, 2.0**30 * scale, -(2.0**30) * scale], np.float32)
    samples = np.concatenate([values, edges])[None, None]
    judge(*quantizing(samples, Q.tensor(scale, zero_point)), samples, tmp_path)


def test_int16_halves_round_away_from_zero(tmp_path: Path) -> None:
    samples = halves(0.25, np.arange(-33_000, 33_000, 7))[None, None]
    judge(*quantizing(samples, Q.tensor(0.25), np.int16), samples, tmp_path)


def test_floats_that_no_integer_holds_saturate(tmp_path: Path) -> None:
    # TFLite-Micro's result is the processor's here, and so the wheel cannot judge.
    values = [np.inf, 1e30, 2.0**31, -np.inf, -1e30, -(2.0**40), np.nan]
    samples = np.array(values, np.float32)[None, None]
    b, first, last = quantizing(samples, Q.tensor(0.5, -3))
    graph = b.parsed([first], [last])
    run = native.build(graph, AotEngine().render(graph), tmp_path).run((samples,))
    assert run.outputs[0][0, 0].tolist() == [127, 127, 127, -128, -128, -128, -128]


def rows(size: int, least: int) -> npt.NDArray[np.int8]:
    """Five rows whose sums are as large as they get, with either sign, in pairs and alone."""
    weights = np.full((5, size), 127, np.int8)
    weights[1] = least
    weights[2, ::2] = least
    weights[3, size // 2 :] = least
    weights[4] = least
    return weights


def check(b: ModelBuilder, x: int, y: int, folder: Path) -> None:
    graph = b.parsed([x], [y])
    rng = np.random.default_rng(0)
    samples = rng.choice(np.array([-128, 127], np.int8), (4, *graph.input.shape))
    samples[0], samples[1] = -128, 127
    for variant in native.VARIANTS:
        compare(graph, (samples,), folder, variant)


@pytest.mark.parametrize("least", [-127, -128])
@pytest.mark.parametrize("size", [503, 504, 505, 1011, 1516])
def test_dense_layers(size: int, least: int, tmp_path: Path) -> None:
    b, x = started((1, size), Q.tensor(1.0, 3))
    # What differs in the last bits of a sum is seen in the bias, which brings it near to zero.
    bias = np.array([-127 * 127 * size, 0, 5, -7, 128 * least * size], np.int32)
    y = convolution.fully_connected(
        b, x, rows(size, least), Q.tensor(1.0), bias, Q.tensor(200.0, -9)
    )
    check(b, x, y, tmp_path)


@pytest.mark.parametrize("least", [-127, -128])
@pytest.mark.parametrize("depth", [55, 56, 57, 120])
def test_convolutions(depth: int, least: int, tmp_path: Path) -> None:
    b, x = started((1, 3, 3, depth), Q.tensor(1.0, -3))
    weights = rows(9 * depth, least).reshape(5, 3, 3, depth)
    window = Windowed((3, 3), (1, 1), (1, 1), SAME, 0)
    y = convolution.conv_2d(b, x, window, weights, Q.tensor(1.0), None, Q.tensor(90_000.0, 4))
    check(b, x, y, tmp_path)


def test_rows_are_paired_where_a_pair_fits() -> None:
    def each(*weights: tuple[int, ...]) -> Any:
        return pack_rows(np.array([weights], np.int8))[1]

    assert each((-1, 5), (-127, -128)) == 2
    assert each((-1, 5), (-128, 0)) == 1
    assert each((-128,)) == 2
