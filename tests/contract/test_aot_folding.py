"""What is computed before lowering, what costs nothing, and what TFLite-Micro has no judge for."""

from pathlib import Path

import numpy as np
import pytest

from host.engines.aot import AotEngine
from tests.aot import movement, quantize, shapes
from tests.aot.builder import Q, started
from tests.aot.reference import NEEDS_REFERENCE, compare
from tests.aot.views import HALF, VIEWS
from tests.fixtures import native

pytestmark = NEEDS_REFERENCE


def samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-128, 128, (4, *shape), np.int8)


def test_a_reshape_to_a_shape_that_the_model_works_out(tmp_path: Path) -> None:
    b, x = started((1, 8, 8, 4), HALF)
    turned = movement.transpose(b, shapes.keras_reshape(b, x, (16, 16)), (0, 2, 1))
    y = shapes.keras_reshape(b, quantize.quantize(b, turned, Q.tensor(0.25)), (256,))
    graph = b.parsed([x], [y])
    rendered = AotEngine().render(graph)
    names = [operator.name for operator in rendered.operators]
    assert names == ["RESHAPE", "TRANSPOSE", "QUANTIZE", "RESHAPE"]
    inputs = (samples(1, 8, 8, 4),)
    compare(graph, inputs, tmp_path)


# What TFLite-Micro's resolver has.
@pytest.mark.parametrize("name", [name for name in VIEWS if name != "TILE"])
def test_a_view_from_the_models_input_to_its_output(name: str, tmp_path: Path) -> None:
    b, x = started((1, 4, 1, 6), HALF)
    graph = b.parsed([x], [VIEWS[name](b, x)])
    inputs = (samples(1, 4, 1, 6),)
    compare(graph, inputs, tmp_path)


def test_an_input_that_is_an_output_too(tmp_path: Path) -> None:
    b, x = started((1, 4, 1, 6), HALF)
    turned = movement.transpose(b, x, (0, 2, 1, 3))
    y = quantize.quantize(b, turned, Q.tensor(0.25))
    graph = b.parsed([x], [turned, y, x])
    inputs = (samples(1, 4, 1, 6),)
    rendered = AotEngine().render(graph)
    run = native.build(graph, rendered, tmp_path).run(inputs)
    np.testing.assert_array_equal(run.outputs[0].reshape(inputs[0].shape), inputs[0])
    np.testing.assert_array_equal(run.outputs[2], inputs[0])
    assert (run.outputs[1] != run.outputs[0]).any()


@pytest.mark.parametrize("times", [(1, 1, 3, 1), (2, 1, 1, 1), (1, 2, 4, 3), (1, 1, 1, 2)])
def test_tile_equals_numpys(times: tuple[int, ...], tmp_path: Path) -> None:
    b, x = started((1, 3, 1, 5), HALF)
    graph = b.parsed([x], [movement.tile(b, x, times)])
    inputs = samples(1, 3, 1, 5)
    run = native.build(graph, AotEngine().render(graph), tmp_path).run((inputs,))
    np.testing.assert_array_equal(run.outputs[0], np.tile(inputs, (1, *times)))
