"""What engine ``aot`` refuses of pooling and reductions."""

from functools import partial

import numpy as np

from tests.aot.builder import Windowed
from tests.aot.reduction import arg, pool_2d, reduce
from tests.aot.refusals import (
    FLOAT,
    HALF,
    INT8,
    INT16,
    Operators,
    any_operator,
    any_quantized,
    constant_operand,
    each,
    int32s,
    no_buffer,
    no_options,
    option,
    refusal_tests,
    replaced,
    tensor,
)

POOLS: Operators = {
    name: partial(lambda name, b, x: pool_2d(b, name, x, Windowed((2, 2))), name)
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
}
REDUCTIONS: Operators = {
    name: partial(lambda name, b, x: reduce(b, name, x, (1, 2), False, HALF), name)
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
}
POSITIONS: Operators = {
    "ARG_MAX": lambda b, x: arg(b, "ARG_MAX", x, -1),
    "ARG_MIN": lambda b, x: arg(b, "ARG_MIN", x, -1),
}
WIDE: Operators = {f"{name} int16": build for name, build in POOLS.items()}

test_reductions_are_accepted, test_others_are_refused = refusal_tests(
    {**POOLS, **REDUCTIONS, **POSITIONS, **WIDE},
    [
        *any_quantized({**POOLS, **REDUCTIONS, **WIDE}),
        *any_operator(POSITIONS),
        *constant_operand({**POOLS, **REDUCTIONS, **POSITIONS}),
        *each({**POOLS, **REDUCTIONS}, "int16", tensor(-1, type=INT16)),
        *each(["REDUCE_MAX", *POSITIONS], "not int8", tensor(0, type=INT16)),
        *each(WIDE, "zero point 3", tensor(0, zeroPoint=[3])),
        *each(WIDE, "int8", tensor(-1, type=INT8)),
        ("AVERAGE_POOL_2D", "filter", option("filterHeight", 0)),
        ("AVERAGE_POOL_2D", "different scales", tensor(-1, scale=[0.25])),
        ("MAX_POOL_2D", "different scales", tensor(-1, zeroPoint=[4])),
        ("SUM", "not int8", tensor(0, type=FLOAT)),
        *each(["MEAN", "SUM"], "axes", int32s(1, [1, 4])),
        *each(["MEAN", "SUM"], "not constant", no_buffer(1)),
        ("MEAN", "int64", replaced(1, np.array([1, 2], np.int64))),
        ("MEAN", "lacks its option", no_options),
        *each(["REDUCE_MAX", "REDUCE_MIN"], "different scales", tensor(-1, scale=[0.25])),
        ("REDUCE_MAX", "different scales", tensor(-1, zeroPoint=[4])),
        *each(POSITIONS, "axis", int32s(1, [4])),
        *each(POSITIONS, "axis", int32s(1, [1, 2])),
        *each(POSITIONS, "int64", replaced(1, np.array(1, np.int64))),
    ],
)
