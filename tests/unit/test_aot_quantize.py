"""What engine ``aot`` refuses of QUANTIZE and DEQUANTIZE, and what they cost in memory."""

import numpy as np
import pytest

from host.engines.aot import AotEngine
from tests.aot import refusals as r
from tests.aot.builder import Q, started
from tests.aot.quantize import dequantize, quantize

QUANTIZE, QUANTIZE_16, DEQUANTIZE_16 = "QUANTIZE", "QUANTIZE int16", "DEQUANTIZE int16"
OPERATORS: r.Operators = {
    QUANTIZE: lambda b, x: quantize(b, x, r.HALF),
    QUANTIZE_16: lambda b, x: quantize(b, x, r.HALF_0),
    DEQUANTIZE_16: dequantize,
}
WIDE = (QUANTIZE_16, DEQUANTIZE_16)

test_conversions_are_accepted, test_others_are_refused = r.refusal_tests(
    OPERATORS,
    [
        *r.any_quantized([QUANTIZE, QUANTIZE_16]),
        *r.constant_operand([QUANTIZE]),
        *r.each(WIDE, "zero point 3", r.tensor(0, zeroPoint=[3])),
        *r.each(WIDE, "without a scale", r.tensor(0, quantization=None)),
        *r.each(WIDE, "scale 0.0", r.tensor(0, scale=[0.0])),
        *r.each(WIDE, "output shape", r.tensor(-1, shape=[1, 50])),
        (QUANTIZE_16, "uint8", r.tensor(-1, type=r.UINT8)),
        (QUANTIZE_16, "bool", r.tensor(0, type=r.BOOL)),
        (
            QUANTIZE_16,
            "uint8, not int8 or int16",
            r.both(r.tensor(0, type=r.FLOAT), r.tensor(-1, type=r.UINT8)),
        ),
        (QUANTIZE_16, "without a scale", r.tensor(-1, type=r.INT32, quantization=None)),
        (QUANTIZE_16, "scale ratio", r.tensor(-1, scale=[2.0**-40])),
        (DEQUANTIZE_16, "inputs", r.inputs(lambda i: i * 2)),
        (DEQUANTIZE_16, "float32", r.tensor(-1, type=r.INT8)),
        (DEQUANTIZE_16, "int32", r.tensor(0, type=r.INT32)),
    ],
)


def arena(source: type[np.generic], result: type[np.generic] | None, size: int) -> int:
    b, x = started((1, size), None if source is np.float32 else r.HALF_0, dtype=source)
    y = dequantize(b, x) if result is None else quantize(b, x, Q.tensor(0.25), result)
    return AotEngine().render(b.parsed([x], [y])).arena_bytes


@pytest.mark.parametrize("size", [1, 5, 16, 1001])
def test_conversions_take_no_memory_of_their_own(size: int) -> None:
    # Both ends are aligned, so that a wider output may need up to two blocks of 16 bytes more.
    assert arena(np.float32, np.int8, size) == -(-4 * size // 16) * 16
    assert arena(np.int16, np.int8, size) == -(-2 * size // 16) * 16
    assert arena(np.int8, np.int16, size) <= 2 * size + 32
    assert arena(np.int16, None, size) <= 4 * size + 32
    assert arena(np.int8, None, size) <= 4 * size + 32


def test_a_quantization_that_changes_nothing_is_free() -> None:
    b, x = started((1, 5), r.HALF_0)
    y = quantize(b, x, r.HALF_0)
    rendered = AotEngine().render(b.parsed([x], [y]))
    assert "aot::quantize" not in rendered.files["model.cc"]
    assert rendered.arena_bytes == 16
