"""Samples of any number and type of inputs; real values to codes and back."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from host.base.errors import ModelError
from host.models.dataset import Dataset, load_dataset
from host.models.feeds import drawn, quantize_samples, single, to_bytes
from host.models.tflite import Graph, Quantization
from tests.fixtures.graphs import graph, tensor, with_input

ONE = graph("A")


def several(*dtypes: str, shape: tuple[int, ...] = (2, 3)) -> Graph:
    tensors = tuple(tensor(i, shape=shape, dtype=d) for i, d in enumerate(dtypes))
    inputs = tuple(range(len(dtypes)))
    return replace(ONE, tensors=tensors, inputs=inputs, outputs=(0,), operators=())


def test_samples_of_one_input_get_their_batch() -> None:
    x = np.arange(6, dtype=np.int8).reshape(2, 3)
    feeds = single(ONE, x[:, ::-1])
    assert [feed[0].tolist() for feed in feeds] == [[[2, 1, 0]], [[5, 4, 3]]]
    assert list(to_bytes(feeds)) == [b"\2\1\0", b"\5\4\3"]


def test_drawn_samples_are_those_of_the_set_random() -> None:
    known = load_dataset("random", samples=20, seed=4, input_shape=(3,)).x
    for n in (7, 20):
        drawings = drawn(ONE, n, 4)
        assert [feed[0].reshape(-1).tolist() for feed in drawings] == known[:n].tolist()


def test_each_input_has_its_type_and_its_place() -> None:
    model = several("int8", "uint8", "int16", "int32", "float32", "bool")
    feeds = drawn(model, 50, 0)
    kinds = [np.int8, np.uint8, np.int16, np.int32, np.float32, np.bool_]
    assert [value.dtype for value in feeds[0]] == kinds
    assert {value.shape for feed in feeds for value in feed} == {(2, 3)}
    (data,) = to_bytes(feeds[:1])
    assert data == b"".join(value.tobytes() for value in feeds[0]) and len(data) == 6 * 13
    for position, kind in enumerate((np.int8, np.uint8)):
        values = np.concatenate([feed[position].reshape(-1) for feed in feeds])
        assert values.min() < np.iinfo(kind).min + 9 and values.max() > np.iinfo(kind).max - 9


@pytest.mark.parametrize(
    ("dtype", "shape", "words"), [("int8", (0, 3), "open shape"), ("string", (2,), "string")]
)
def test_what_cannot_be_drawn_is_refused(dtype: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        drawn(several(dtype, shape=shape), 1, 0)


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
