"""Samples of any number and type of inputs."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import ModelError
from host.models.dataset import load_dataset
from host.models.feeds import drawn, single, to_bytes
from host.models.tflite import Graph
from tests.fixtures.graphs import graph, tensor

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
