"""Sums of many products at their extremes: pairs of rows in dense layers and convolutions."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host.engines.aot.core.packing import pack_rows
from tests.aot import convolution
from tests.aot.builder import SAME, ModelBuilder, Q, Windowed, started
from tests.aot.reference import NEEDS_REFERENCE, compare
from tests.fixtures import native

pytestmark = NEEDS_REFERENCE


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
