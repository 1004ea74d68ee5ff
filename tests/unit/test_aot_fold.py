"""What is computed before lowering, and what is dropped."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.engines.aot.fold import fold
from host.engines.aot.lower import lower
from tests.aot import activations, binary, movement, quantize, shapes
from tests.aot.builder import ModelBuilder, Q, options, started

HALF = Q.tensor(0.5, 3)


def int32(values: Any) -> np.ndarray:
    return np.array(values, np.int32)


A = int32([[3, -1, 4], [1, -5, 9]])
STRIDED = {"beginMask": 0, "endMask": 0, "ellipsisMask": 0, "newAxisMask": 0, "shrinkAxisMask": 0}


def strided(**masks: int) -> Any:
    return options("StridedSliceOptions", **{**STRIDED, **masks})


# Operator, constants, options, result.
CASES: list[tuple[str, Sequence[np.ndarray], Any, np.ndarray]] = [
    ("ADD", [A, int32(7)], options("AddOptions"), A + 7),
    ("SUB", [A, int32([1, 2, 3])], options("SubOptions"), A - int32([1, 2, 3])),
    ("MUL", [A, A], options("MulOptions"), A * A),
    (
        "MUL",
        [A.astype(np.int64), np.array([2], np.int64)],
        options("MulOptions"),
        A.astype(np.int64) * 2,
    ),
    ("MAXIMUM", [A, int32(2)], None, np.maximum(A, 2)),
    ("MINIMUM", [A, int32(2)], None, np.minimum(A, 2)),
    ("CAST", [A], options("CastOptions"), A.astype(np.int64)),
    ("CONCATENATION", [A, A], options("ConcatenationOptions", axis=-1), np.hstack([A, A])),
    ("EXPAND_DIMS", [A, int32(1)], None, A[:, None]),
    ("SQUEEZE", [A[:1]], options("SqueezeOptions"), A[0]),
    ("RESHAPE", [A, int32([3, -1])], None, A.reshape(3, 2)),
    ("FILL", [int32([2, 2]), int32(5)], None, int32([[5, 5], [5, 5]])),
    ("GATHER", [A, int32([2, 0])], options("GatherOptions", axis=1), A[:, [2, 0]]),
    ("PACK", [A, A], options("PackOptions", axis=1, valuesCount=2), np.stack([A, A], 1)),
    ("RANGE", [int32(7), int32(1), int32(-2)], None, int32([7, 5, 3])),
    ("REDUCE_PROD", [A, int32([0])], options("ReducerOptions", keepDims=False), int32(A.prod(0))),
    (
        "REDUCE_PROD",
        [A, int32([1])],
        options("ReducerOptions", keepDims=True),
        int32(A.prod(1, keepdims=True)),
    ),
    ("SLICE", [A, int32([0, 1]), int32([1, -1])], None, A[:1, 1:]),
    ("STRIDED_SLICE", [A, *int32([[1, 2], [2, 0], [1, -1]])], strided(), A[1:2, 2:0:-1]),
    ("STRIDED_SLICE", [A, *int32([[0, 9], [9, 9], [1, 1]])], strided(beginMask=3, endMask=3), A),
    ("STRIDED_SLICE", [A, *int32([[0, 1], [0, 2], [1, 1]])], strided(ellipsisMask=1), A[..., 1:2]),
    ("STRIDED_SLICE", [A, *int32([[0, 1], [0, 2], [1, 1]])], strided(newAxisMask=1), A[None, 1:2]),
    ("STRIDED_SLICE", [A, *int32([[-1], [0], [1]])], strided(shrinkAxisMask=1), A[-1]),
    ("TILE", [A, int32([2, 1])], None, np.tile(A, (2, 1))),
    ("BROADCAST_TO", [A, int32([2, 2, 3])], None, np.broadcast_to(A, (2, 2, 3))),
    ("TRANSPOSE", [A, int32([1, 0])], None, A.T),
    ("TRANSPOSE", [A.astype(np.int8), int32([1, 0])], None, A.T.astype(np.int8)),
]


@pytest.mark.parametrize(
    ("name", "constants", "settings", "result"),
    CASES,
    ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)],
)
def test_constants_are_computed(
    name: str, constants: Sequence[np.ndarray], settings: Any, result: np.ndarray
) -> None:
    b, x = started((1, 4), HALF)
    value = shapes.computed(b, name, constants, result, settings)
    y = shapes.reshape_to(b, x, value, (4, 1))
    graph = fold(b.parsed([x], [y]))
    assert [operator.index for operator in graph.operators] == [1]
    np.testing.assert_array_equal(graph.tensors[value].data, result)


@pytest.mark.parametrize("name", ["SPLIT", "SPLIT_V", "UNPACK"])
def test_several_outputs_are_computed(name: str) -> None:
    b = ModelBuilder()
    x, constant = b.tensor((1, 4), HALF), b.constant(A, HALF)
    parts = {
        "SPLIT": lambda: movement.split(b, constant, 3, 1),
        "SPLIT_V": lambda: movement.split_v(b, constant, [2, 1], 1),
        "UNPACK": lambda: movement.unpack(b, constant, 1),
    }[name]()
    y = shapes.reshape_to(b, x, parts[-1], (4, 1))
    graph = fold(b.parsed([x], [y]))
    assert [operator.name for operator in graph.operators] == ["RESHAPE"]
    data = graph.tensors[parts[-1]].data
    assert data is not None
    assert data.reshape(-1).tolist() == A[:, 2].tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_shape_is_a_constant(dtype: type[np.generic]) -> None:
    b, x = started((2, 3, 4), HALF)
    value = shapes.shape(b, x, dtype)
    y = shapes.reshape_to(b, x, value, (2, 3, 4))
    graph = fold(b.parsed([x], [y]))
    data = graph.tensors[value].data
    assert data is not None
    assert data.dtype == dtype
    assert data.tolist() == [2, 3, 4]


def test_the_chain_before_a_reshape_disappears() -> None:
    b, x = started((1, 8, 8, 4), HALF)
    y = quantize.quantize(b, shapes.keras_reshape(b, x, (16, 16)), Q.tensor(0.25))
    graph = b.parsed([x], [y])
    rendered = AotEngine().render(graph)
    assert [(o.index, o.name) for o in rendered.operators] == [(3, "RESHAPE"), (4, "QUANTIZE")]
    assert "int32_t op" not in rendered.files["model.cc"]


def test_a_shape_that_only_the_device_would_know_is_not_needed() -> None:
    b = ModelBuilder()
    x, wanted = b.tensor((1, 6), HALF), b.tensor((2,), None, dtype=np.int32)
    doubled = shapes.computed(b, "ADD", [wanted, wanted], int32([0, 0]), options("AddOptions"))
    y = shapes.reshape_to(b, x, doubled, (2, 3))
    steps = lower(b.parsed([x, wanted], [y]))
    assert [step.operator.name for step in steps] == ["RESHAPE"]


def test_what_nobody_reads_is_dropped_whatever_it_is() -> None:
    b, x = started((1, 6), HALF)
    unread = b.tensor((1, 6), HALF)
    b.operator("COS", [quantize.quantize(b, x, HALF)], [unread])
    y = activations.softmax(b, x)
    graph = fold(b.parsed([x], [y]))
    assert [(o.index, o.name) for o in graph.operators] == [(2, "SOFTMAX")]


def test_what_writes_an_output_of_the_model_stays() -> None:
    b, x = started((1, 6), HALF)
    value = shapes.shape(b, x)
    graph = b.parsed([x], [value])
    assert fold(graph).operators == graph.operators
    with pytest.raises(OperatorError, match="operator 0 SHAPE"):
        lower(graph)


def test_quantized_numbers_are_not_added_as_integers() -> None:
    b = ModelBuilder()
    x, one = b.tensor((1, 6), HALF), b.constant(np.ones((1, 6), np.int8), HALF)
    y = binary.add(b, x, binary.add(b, one, one, HALF), HALF)
    with pytest.raises(OperatorError, match=r"operator 0 ADD .* has only constant inputs"):
        lower(b.parsed([x], [y]))


@pytest.mark.parametrize(
    ("name", "constants", "settings"),
    [
        ("RESHAPE", [A, int32([7])], None),
        ("TRANSPOSE", [A, int32([1, 1])], None),
        ("GATHER", [A, int32([3])], options("GatherOptions", axis=1)),
        ("ADD", [A, A], options("AddOptions", fusedActivationFunction=1)),
        ("TILE", [A, int32([1 << 30, 1 << 30])], None),
        ("RANGE", [int32(0), int32(9), int32(0)], None),
        ("STRIDED_SLICE", [A, *int32([[5], [0], [1]])], strided(shrinkAxisMask=1)),
    ],
)
def test_nonsense_is_left_for_the_lowering_to_refuse(
    name: str, constants: Sequence[np.ndarray], settings: Any
) -> None:
    b, x = started((1, 4), HALF)
    value = shapes.computed(b, name, constants, int32([1, 2]), settings)
    y = movement.expand_dims(b, x, 0)
    b.graph.operators[-1].inputs[1] = value
    with pytest.raises(OperatorError, match=f"operator 0 {name} "):
        lower(b.parsed([x], [y]))
