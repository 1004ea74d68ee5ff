"""Real values to codes and back, for 8 and for 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from host.models.dataset import Dataset
from host.oracles.samples import dequantize, quantize, quantize_samples
from tests.fixtures.graphs import tensor, with_input


@pytest.mark.parametrize(
    ("dtype", "zero_point", "codes"),
    [
        ("int8", -3, [-128, -128, -13, -5, -3, -3, -1, -1, 127]),
        ("int16", 0, [-32768, -2000, -10, -2, 0, 0, 2, 2, 32767]),
    ],
)
def test_codes_round_to_even_and_are_clipped_to_the_tensors_type(
    dtype: str, zero_point: int, codes: list[int]
) -> None:
    values = np.array([-1e9, -1000, -5, -0.75, 0, 0.25, 0.75, 1.25, 1e9])
    target = tensor(0, dtype=dtype, scale=0.5, zero_point=zero_point)
    found = quantize(values, target)
    assert found.dtype == dtype and found.tolist() == codes
    inside = dequantize(found, target)[2:-1]
    assert inside.dtype == np.float32
    assert np.abs(inside - values[2:-1]).max() <= 0.25


@pytest.mark.parametrize(("raw", "expected"), [(False, [2, 4]), (True, [1, 2])])
def test_samples_become_codes_unless_they_are_already(raw: bool, expected: Any) -> None:
    x = np.array([[1.0, 2.0]], np.float32)
    target = tensor(0, scale=0.5, zero_point=0)
    dataset = Dataset("set", x, None, None, raw=raw)
    assert quantize_samples(dataset, with_input(target)).tolist() == [expected]
