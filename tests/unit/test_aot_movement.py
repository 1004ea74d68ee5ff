"""What engine ``aot`` refuses of operators that move elements."""

import numpy as np
import pytest

from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from tests.aot import movement
from tests.aot import refusals as r
from tests.aot.builder import Q, started

OPERATORS: r.Operators = {
    "CONCATENATION": lambda b, x: movement.concatenation(b, [x, x], 3),
    "PACK": lambda b, x: movement.pack(b, [x, x], 1),
    "UNPACK": lambda b, x: movement.unpack(b, x, 1)[0],
    "SPLIT": lambda b, x: movement.split(b, x, 2, 3)[0],
    "SPLIT_V": lambda b, x: movement.split_v(b, x, [2, 3], 1)[0],
    "SLICE": lambda b, x: movement.slice_(b, x, [0, 1, 0, 0], [1, 2, -1, 2]),
    "STRIDED_SLICE": lambda b, x: movement.strided_slice(
        b, x, [0, 4, 0, 0], [1, 0, 5, 2], [1, -2, 2, 1]
    ),
    "TRANSPOSE": lambda b, x: movement.transpose(b, x, [0, 3, 1, 2]),
    "BROADCAST_TO": lambda b, x: movement.broadcast_to(b, x, (3, 5, 5, 2)),
    "TILE": lambda b, x: movement.tile(b, x, (1, 2, 1, 2)),
    "SQUEEZE": lambda b, x: movement.squeeze(b, x, [0]),
    "EXPAND_DIMS": lambda b, x: movement.expand_dims(b, x, 2),
    "PADV2": lambda b, x: movement.pad(b, x, [(0, 0), (1, 2), (0, 1), (0, 0)], 5),
    "MIRROR_PAD": lambda b, x: movement.mirror_pad(b, x, [(0, 0), (1, 2), (0, 1), (0, 0)], 0),
    "RESIZE_NEAREST_NEIGHBOR": lambda b, x: movement.resize_nearest_neighbor(
        b, x, (7, 3), False, True
    ),
    "PAD": lambda b, x: movement.pad(b, x, [(0, 0), (1, 1), (1, 1), (0, 0)]),
    "RESHAPE": lambda b, x: movement.reshape(b, x, (1, 50)),
    "REVERSE_V2": lambda b, x: movement.reverse_v2(b, x, [1, 2]),
}

UNLIMITED = [("CONCATENATION", "inputs"), ("RESHAPE", "of type int64")]
VARIOUS = ("CONCATENATION", "PACK", "SPLIT")
CONSTANTS = ["SLICE", "TRANSPOSE", "PADV2", "TILE", "REVERSE_V2"]  # their input 1 must be one

test_movements_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *[case for case in r.any_quantized(OPERATORS) if case[:2] not in UNLIMITED],
        *r.constant_operand([name for name in OPERATORS if name not in VARIOUS]),
        *r.each(CONSTANTS, "not constant", r.no_buffer(1)),
        ("CONCATENATION", "axis 4", r.option("axis", 4)),
        ("CONCATENATION", "fusedActivationFunction 1", r.option("fusedActivationFunction", 1)),
        ("CONCATENATION", "other scales", r.replaced(1, r.weights(1, 5, 5, 2), Q.tensor(0.25, 3))),
        ("CONCATENATION", "other scales", r.replaced(1, r.weights(1, 5, 5, 2), Q.tensor(0.5, 4))),
        ("CONCATENATION", "shape", r.replaced(1, r.weights(1, 5, 4, 2), r.HALF)),
        ("CONCATENATION", "shapes", r.replaced(1, r.weights(5, 5, 2), r.HALF)),
        ("PACK", "axis 5", r.option("axis", 5)),
        ("PACK", "inputs", r.option("valuesCount", 3)),
        ("PACK", "shape", r.replaced(1, r.weights(1, 5, 4, 2), r.HALF)),
        (
            "PACK",
            "output shape",
            r.both(r.option("axis", 4), r.replaced(1, r.weights(5, 2), r.HALF)),
        ),
        ("UNPACK", "5 outputs", r.option("axis", 3)),
        ("UNPACK", "5 outputs", r.option("num", 4)),
        ("SPLIT", "axis -5", r.int32s(0, [-5])),
        ("SPLIT", "2 outputs", r.int32s(0, [1])),
        ("SPLIT", "int64", r.replaced(0, np.array([3], np.int64))),
        ("SPLIT", "axis of shape (2,)", r.int32s(0, [3, 3])),
        ("SPLIT_V", "axis 4", r.int32s(2, [4])),
        ("SPLIT_V", "output shapes", r.int32s(2, [2])),
        ("SLICE", "begin", r.int32s(1, [0, 4, 0, 0])),
        ("SLICE", "begin", r.int32s(1, [0, -1, 0, 0])),
        ("SLICE", "begin", r.int32s(2, [1, 2, 5])),
        ("SLICE", "float32", r.replaced(1, np.zeros(4, np.float32))),
        ("STRIDED_SLICE", "ellipsisMask 1", r.option("ellipsisMask", 1)),
        ("STRIDED_SLICE", "newAxisMask 2", r.option("newAxisMask", 2)),
        ("STRIDED_SLICE", "strides", r.int32s(3, [1, 0, 2, 1])),
        ("STRIDED_SLICE", "strides", r.int32s(3, [1, 1, 2, 1])),
        ("STRIDED_SLICE", "strides", r.int32s(1, [0, 4, 0])),
        ("STRIDED_SLICE", "strides", r.option("shrinkAxisMask", 2)),
        ("TRANSPOSE", "permutation", r.int32s(1, [0, 3, 1, 1])),
        ("TRANSPOSE", "permutation", r.int32s(1, [0, 2, 1])),
        ("BROADCAST_TO", "shape (3, 5, 5, 4)", r.int32s(1, [3, 5, 5, 4])),
        ("BROADCAST_TO", "shape (5, 2)", r.int32s(1, [5, 2])),
        ("TILE", "multiples", r.int32s(1, [1, 2, 0, 2])),
        ("TILE", "multiples", r.int32s(1, [1, 2, 1])),
        ("EXPAND_DIMS", "axis 5", r.int32s(1, [5])),
        ("PADV2", "paddings", r.replaced(1, np.zeros((3, 2), np.int32))),
        ("PADV2", "another scale", r.replaced(2, r.weights(1), Q.tensor(0.25, 3))),
        ("PADV2", "padding value", r.replaced(2, r.weights(2), r.HALF)),
        ("PADV2", "not constant", r.no_buffer(2)),
        ("RESIZE_NEAREST_NEIGHBOR", "size", r.int32s(1, [0, 3])),
        ("RESIZE_NEAREST_NEIGHBOR", "size", r.int32s(1, [1, 2, 3])),
        ("PAD", "paddings", r.int32s(1, np.zeros((3, 2)))),
        ("PAD", "paddings", r.int32s(1, [[0, 0], [-1, 0], [0, 0], [0, 0]])),
        ("PAD", "int64", r.replaced(1, np.zeros((4, 2), np.int64))),
        ("REVERSE_V2", "not neighbours", r.int32s(1, [0, 2])),
        ("REVERSE_V2", "not neighbours", r.int32s(1, [1, 1])),
        ("REVERSE_V2", "axis 4", r.int32s(1, [4])),
    ],
)


def test_more_loops_than_the_kernel_has_are_refused() -> None:
    b, x = started((2, 3, 2, 3, 2, 3), r.HALF)
    y = movement.transpose(b, x, (5, 4, 3, 2, 1, 0))
    r.assert_refused(b, [x], [y], "along more than 5 separate dimensions")


@pytest.mark.parametrize(("mode", "most"), [(0, 4), (1, 5)])
def test_a_mirror_shows_no_more_than_there_is(mode: int, most: int) -> None:
    for before in (most, most + 1):
        b, x = started((5, 3), r.HALF)
        y = movement.mirror_pad(b, x, [(before, 0), (0, 1)], mode)
        graph = b.parsed([x], [y])
        if before == most:
            AotEngine().check(graph)
            continue
        with pytest.raises(OperatorError, match=r"operator 0 MIRROR_PAD .* too large"):
            AotEngine().check(graph)


def test_an_open_shape_is_refused_with_the_way_out() -> None:
    b, x = started((1, 8, 8, 4), r.HALF)
    y = movement.like(b, x, (1, 1))
    b.operator("RESHAPE", [x], [y])
    with pytest.raises(OperatorError) as caught:
        AotEngine().check(b.parsed([x], [y]))
    assert "batch size of 1" in caught.value.hint


def test_an_int64_is_nothing_to_move() -> None:
    b, x = started((1, 4), r.HALF)
    y = movement.transpose(b, x, (1, 0))
    b.graph.tensors[x].type = b.graph.tensors[y].type = r.INT64
    r.assert_refused(b, [x], [y], r"operator 0 TRANSPOSE .* of type int64")
