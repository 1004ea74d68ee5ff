"""Models of one operator, and what makes engine aot refuse them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from host.base.arrays import Array
from host.base.errors import OperatorError
from host.engines.aot import AotEngine
from host.models import tflite
from tests.aot.builder import ModelBuilder, Q

# Adds an operator to a model, on an input of [1, 5, 5, 2]; an operator's name ends with " int16"
# where the input is one. Input tensors are in the operator's own order.
Operators = dict[str, Callable[[ModelBuilder, int], int]]
# Changes the last operator of a model.
Tweak = Callable[[ModelBuilder], None]
# The operator, a part of the reason, and what is changed.
Case = tuple[str, str, Tweak]
RefusalTest = Callable[..., None]

HALF, HALF_0 = Q.tensor(0.5, 3), Q.tensor(0.5)
NAME = "the/output"
FLOAT, INT32, UINT8, INT64, BOOL, INT16, INT8 = 0, 2, 3, 4, 6, 7, 9  # TensorType of the schema


def refusal_tests(operators: Operators, cases: Sequence[Case]) -> tuple[RefusalTest, RefusalTest]:
    """Tests that the operators are accepted as they are, and refused where they are changed."""

    @pytest.mark.parametrize("name", operators)
    def accepted(name: str) -> None:
        AotEngine().check(tflite.parse(model(operators, name)))

    ids = [f"{name}-{fragment}-{i}" for i, (name, fragment, _) in enumerate(cases)]

    @pytest.mark.parametrize(("name", "fragment", "tweak"), cases, ids=ids)
    def refused(name: str, fragment: str, tweak: Tweak) -> None:
        graph = tflite.parse(model(operators, name, tweak))
        where = f"operator {len(graph.operators) - 1} {name.split()[0]} (output tensor '{NAME}')"
        for use in (AotEngine().check, AotEngine().render):
            with pytest.raises(OperatorError) as caught:
                use(graph)
            assert where in caught.value.message
            assert fragment in caught.value.message

    return accepted, refused


def assert_refused(
    b: ModelBuilder, inputs: Sequence[int], outputs: Sequence[int], match: str
) -> OperatorError:
    """Engine ``aot`` refuses the model with this error."""
    with pytest.raises(OperatorError, match=match) as caught:
        AotEngine().check(b.parsed(inputs, outputs))
    return caught.value


def model(operators: Operators, name: str, tweak: Tweak | None = None) -> bytes:
    b = ModelBuilder()
    wide = name.endswith(" int16")
    x = b.tensor((1, 5, 5, 2), HALF_0 if wide else HALF, dtype=np.int16 if wide else np.int8)
    y = operators[name](b, x)
    b.graph.tensors[y].name = NAME.encode()
    if tweak is not None:
        tweak(b)
    return b.build([x], list(last(b).outputs))


def last(b: ModelBuilder) -> Any:
    return b.graph.operators[-1]


def weights(*shape: int) -> Array:
    return np.ones(shape, np.int8)


def tensor(position: int, **values: Any) -> Tweak:
    """Change an input of the operator, or its first output (−1)."""

    def tweak(b: ModelBuilder) -> None:
        operator = last(b)
        index = operator.outputs[0] if position < 0 else operator.inputs[position]
        changed = b.graph.tensors[index]
        for key, value in values.items():
            of_scale = key in ("scale", "zeroPoint", "quantizedDimension")
            setattr(changed.quantization if of_scale else changed, key, value)

    return tweak


def option(name: str, value: Any) -> Tweak:
    return lambda b: setattr(last(b).builtinOptions, name, value)


def no_options(b: ModelBuilder) -> None:
    last(b).builtinOptions = None


def inputs(change: Callable[[list[int]], list[int]]) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        last(b).inputs = change(last(b).inputs)

    return tweak


def no_buffer(position: int) -> Tweak:
    return tensor(position, buffer=0)


def replaced(position: int, data: Array, q: Q | None = None) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        last(b).inputs[position] = b.constant(data, q)

    return tweak


def int32s(position: int, values: Any) -> Tweak:
    """Another constant of int32 in the place of an input."""
    return replaced(position, np.array(values, np.int32))


def both(*tweaks: Tweak) -> Tweak:
    def tweak(b: ModelBuilder) -> None:
        for one in tweaks:
            one(b)

    return tweak


def any_operator(names: Iterable[str]) -> list[Case]:
    """What no operator takes."""
    changes = [
        ("of type float32", tensor(-1, type=FLOAT)),
        ("of type int64", tensor(-1, type=INT64)),
        ("output shape", tensor(-1, shape=[1, 3, 7, 2])),
        ("inputs", inputs(lambda i: i * 25)),
    ]
    return [(name, fragment, tweak) for name in names for fragment, tweak in changes]


def any_quantized(names: Iterable[str]) -> list[Case]:
    """What no operator takes that has a quantized output."""
    changes = [
        ("without a scale", tensor(-1, quantization=None)),
        ("zero point 300", tensor(-1, zeroPoint=[300])),
        ("scale 0.0", tensor(-1, scale=[0.0])),
        ("per channel", tensor(-1, scale=[1, 2], zeroPoint=[0, 0])),
    ]
    cases = [(name, fragment, tweak) for name in names for fragment, tweak in changes]
    return cases + any_operator(names)


def constant_operand(names: Iterable[str]) -> list[Case]:
    """The first input, which must be computed, is a constant."""
    return [(name, "constant inputs", replaced(0, weights(1, 5, 5, 2), HALF)) for name in names]


def each(names: Iterable[str], fragment: str, tweak: Tweak) -> list[Case]:
    """The same for several operators."""
    return [(name, fragment, tweak) for name in names]
