"""What engine ``aot`` refuses of pooling and reductions."""

from functools import partial

import numpy as np

from tests.aot import refusals as r
from tests.aot.builder import Windowed
from tests.aot.reduction import arg, pool_2d, reduce

POOLS: r.Operators = {
    name: partial(lambda name, b, x: pool_2d(b, name, x, Windowed((2, 2))), name)
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
}
REDUCTIONS: r.Operators = {
    name: partial(lambda name, b, x: reduce(b, name, x, (1, 2), False, r.HALF), name)
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
}
POSITIONS: r.Operators = {
    "ARG_MAX": lambda b, x: arg(b, "ARG_MAX", x, -1),
    "ARG_MIN": lambda b, x: arg(b, "ARG_MIN", x, -1),
}
WIDE: r.Operators = {f"{name} int16": build for name, build in POOLS.items()}

test_reductions_are_accepted, test_others_are_refused = r.refusal_tests(
    {**POOLS, **REDUCTIONS, **POSITIONS, **WIDE},
    [
        *r.any_quantized({**POOLS, **REDUCTIONS, **WIDE}),
        *r.any_operator(POSITIONS),
        *r.constant_operand({**POOLS, **REDUCTIONS, **POSITIONS}),
        *r.each({**POOLS, **REDUCTIONS}, "int16", r.tensor(-1, type=r.INT16)),
        *r.each(["REDUCE_MAX", *POSITIONS], "not int8", r.tensor(0, type=r.INT16)),
        *r.each(WIDE, "zero point 3", r.tensor(0, zeroPoint=[3])),
        *r.each(WIDE, "int8", r.tensor(-1, type=r.INT8)),
        ("AVERAGE_POOL_2D", "filter", r.option("filterHeight", 0)),
        ("AVERAGE_POOL_2D", "different scales", r.tensor(-1, scale=[0.25])),
        ("MAX_POOL_2D", "different scales", r.tensor(-1, zeroPoint=[4])),
        ("SUM", "not int8", r.tensor(0, type=r.FLOAT)),
        *r.each(["MEAN", "SUM"], "axes", r.int32s(1, [1, 4])),
        *r.each(["MEAN", "SUM"], "not constant", r.no_buffer(1)),
        ("MEAN", "int64", r.replaced(1, np.array([1, 2], np.int64))),
        ("MEAN", "lacks its option", r.no_options),
        *r.each(["REDUCE_MAX", "REDUCE_MIN"], "different scales", r.tensor(-1, scale=[0.25])),
        ("REDUCE_MAX", "different scales", r.tensor(-1, zeroPoint=[4])),
        *r.each(POSITIONS, "axis", r.int32s(1, [4])),
        *r.each(POSITIONS, "axis", r.int32s(1, [1, 2])),
        *r.each(POSITIONS, "int64", r.replaced(1, np.array(1, np.int64))),
    ],
)
