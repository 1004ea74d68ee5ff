"""Changing parameters in a .tflite leaves everything else as it is."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.errors import ModelError
from host.models.edit import Change, patch
from host.models.tflite import Graph
from tests.aot.builder import Q, started
from tests.aot.convolution import fully_connected
from tests.fixtures.graphs import tflm_outputs
from tests.fixtures.variants import Shape, network, samples


def outputs(graph: Graph) -> np.ndarray:
    return tflm_outputs(graph, samples())


def test_no_change_is_the_same_model() -> None:
    graph = network(Shape(), 0)
    again = patch(graph, [])
    assert [t.quantization for t in again.tensors] == [t.quantization for t in graph.tensors]
    assert [(o.name, o.inputs, o.outputs, o.options) for o in again.operators] == [
        (o.name, o.inputs, o.outputs, o.options) for o in graph.operators
    ]
    assert (outputs(again) == outputs(graph)).all()


def test_a_scale_and_back() -> None:
    graph = network(Shape(), 0)
    tensor = graph.tensors[graph.operators[0].outputs[0]]
    assert tensor.quantization is not None
    wider = replace(tensor.quantization, scales=(2 * tensor.quantization.scale,))
    changed = patch(graph, [Change(tensor.index, wider)])
    assert changed.tensors[tensor.index].quantization == wider
    assert (outputs(changed) != outputs(graph)).any()
    back = patch(changed, [Change(tensor.index, tensor.quantization)])
    assert (outputs(back) == outputs(graph)).all()


def test_a_constant_and_nothing_else() -> None:
    graph = network(Shape(), 0)
    index = graph.operators[0].inputs[2]
    old = graph.tensors[index].data
    assert old is not None
    changed = patch(graph, [Change(index, data=np.zeros_like(old))])
    for before, after in zip(graph.tensors, changed.tensors, strict=True):
        if before.index == index:
            assert after.data is not None and not after.data.any()
        else:
            assert before.data is None or np.array_equal(before.data, after.data)  # type: ignore[arg-type]
    # The old bytes are gone: a patched file is not the place to hide weights.
    assert old.tobytes() not in changed.content


def test_a_shared_buffer_stays_for_the_others() -> None:
    b, x = started((1, 4), Q.tensor(0.1))
    weights = np.arange(16, dtype=np.int8).reshape(4, 4)
    y = fully_connected(b, x, weights, Q.tensor(0.01), None, Q.tensor(0.1))
    z = fully_connected(b, y, weights, Q.tensor(0.01), None, Q.tensor(0.1))
    first, second = (o.inputs[1] for o in b.graph.operators)
    b.graph.tensors[second].buffer = b.graph.tensors[first].buffer
    graph = b.parsed([x], [z])
    changed = patch(graph, [Change(first, data=weights + np.int8(1))])
    assert np.array_equal(changed.tensors[first].data, weights + 1)
    assert np.array_equal(changed.tensors[second].data, weights)


def test_buffers_are_aligned_as_the_schema_wants() -> None:
    changed = patch(network(Shape(), 3), [])
    for tensor in changed.tensors:
        if tensor.data is not None and tensor.nbytes > 8:
            assert changed.content.find(tensor.data.tobytes()) % 16 == 0


@pytest.mark.parametrize(
    "data", [np.zeros(3, np.int32), np.zeros(4, np.int8)], ids=["shape", "type"]
)
def test_what_does_not_fit_is_refused(data: np.ndarray) -> None:
    graph = network(Shape(channels=4), 0)
    with pytest.raises(ModelError, match="the new value"):
        patch(graph, [Change(graph.operators[0].inputs[2], data=data)])


def test_activations_have_no_data() -> None:
    graph = network(Shape(), 0)
    with pytest.raises(ModelError, match="not a constant"):
        patch(graph, [Change(graph.inputs[0], data=np.zeros((1, 6, 6, 2), np.int8))])
