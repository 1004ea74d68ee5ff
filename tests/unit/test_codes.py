"""Real values to codes and back, for 8 and for 16 bits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from host.models.dataset import Dataset
from host.models.feeds import quantize_samples
from host.models.tflite import Quantization
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
    found = target.to_codes(values)
    assert found.dtype == dtype and found.tolist() == codes
    inside = target.to_real(found)[2:-1]
    assert inside.dtype == np.float64
    assert np.abs(inside - values[2:-1]).max() <= 0.25


def test_a_scale_per_channel_goes_along_its_axis_and_floats_have_none() -> None:
    quantization = Quantization((0.5, 2.0), (0, 0), axis=1)
    weights = replace(tensor(0, shape=(3, 2)), quantization=quantization)
    codes = np.array([[1, 1], [-2, 3], [0, 127]], np.int8)
    real = weights.to_real(codes)
    assert real.tolist() == [[0.5, 2.0], [-1.0, 6.0], [0.0, 254.0]]
    assert (weights.to_codes(real) == codes).all() and weights.to_codes(codes) is codes
    assert tensor(0, dtype="float32", scale=None).to_real(codes).tolist() == codes.tolist()
    assert tensor(0, scale=0.5, zero_point=-100).ends == (-14.0, 113.5)


@pytest.mark.parametrize(("raw", "expected"), [(False, [2, 4]), (True, [1, 2])])
def test_samples_become_codes_unless_they_are_already(raw: bool, expected: Any) -> None:
    x = np.array([[1.0, 2.0]], np.float32)
    target = tensor(0, scale=0.5, zero_point=0)
    dataset = Dataset("set", x, None, None, raw=raw)
    assert quantize_samples(dataset, with_input(target)).tolist() == [expected]
