"""What engine ``aot`` refuses of QUANTIZE and DEQUANTIZE, and what they cost in memory."""

import numpy as np
import pytest

from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.builder import ModelBuilder, Q
from tests.aot.quantize import dequantize, quantize
from tests.aot.refusals import (
    BOOL,
    FLOAT,
    HALF,
    HALF_0,
    INT8,
    INT32,
    UINT8,
    Operators,
    any_quantized,
    both,
    constant_operand,
    each,
    inputs,
    refusal_tests,
    tensor,
)

QUANTIZE, QUANTIZE_16, DEQUANTIZE_16 = "QUANTIZE", "QUANTIZE int16", "DEQUANTIZE int16"
OPERATORS: Operators = {
    QUANTIZE: lambda b, x: quantize(b, x, HALF),
    QUANTIZE_16: lambda b, x: quantize(b, x, HALF_0),
    DEQUANTIZE_16: dequantize,
}
WIDE = (QUANTIZE_16, DEQUANTIZE_16)

test_conversions_are_accepted, test_others_are_refused = refusal_tests(
    OPERATORS,
    [
        *any_quantized([QUANTIZE, QUANTIZE_16]),
        *constant_operand([QUANTIZE]),
        *each(WIDE, "zero point 3", tensor(0, zeroPoint=[3])),
        *each(WIDE, "without a scale", tensor(0, quantization=None)),
        *each(WIDE, "scale 0.0", tensor(0, scale=[0.0])),
        *each(WIDE, "output shape", tensor(-1, shape=[1, 50])),
        (QUANTIZE_16, "uint8", tensor(-1, type=UINT8)),
        (QUANTIZE_16, "bool", tensor(0, type=BOOL)),
        (
            QUANTIZE_16,
            "uint8, not int8 or int16",
            both(tensor(0, type=FLOAT), tensor(-1, type=UINT8)),
        ),
        (QUANTIZE_16, "without a scale", tensor(-1, type=INT32, quantization=None)),
        (QUANTIZE_16, "scale ratio", tensor(-1, scale=[2.0**-40])),
        (DEQUANTIZE_16, "inputs", inputs(lambda i: i * 2)),
        (DEQUANTIZE_16, "float32", tensor(-1, type=INT8)),
        (DEQUANTIZE_16, "int32", tensor(0, type=INT32)),
    ],
)


def arena(source: type[np.generic], result: type[np.generic] | None, size: int) -> int:
    b = ModelBuilder()
    x = b.tensor((1, size), None if source is np.float32 else HALF_0, dtype=source)
    y = dequantize(b, x) if result is None else quantize(b, x, Q.tensor(0.25), result)
    return AotEngine().render(tflite.parse(b.build([x], [y]))).arena_bytes


@pytest.mark.parametrize("size", [1, 5, 16, 1001])
def test_conversions_take_no_memory_of_their_own(size: int) -> None:
    # Both ends are aligned, so that a wider output may need up to two blocks of 16 bytes more.
    assert arena(np.float32, np.int8, size) == -(-4 * size // 16) * 16
    assert arena(np.int16, np.int8, size) == -(-2 * size // 16) * 16
    assert arena(np.int8, np.int16, size) <= 2 * size + 32
    assert arena(np.int16, None, size) <= 4 * size + 32
    assert arena(np.int8, None, size) <= 4 * size + 32


def test_a_quantization_that_changes_nothing_is_free() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 5), HALF_0)
    y = quantize(b, x, HALF_0)
    rendered = AotEngine().render(tflite.parse(b.build([x], [y])))
    assert "aot::quantize" not in rendered.files["model.cc"]
    assert rendered.arena_bytes == 16
