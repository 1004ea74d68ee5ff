"""Where a device leaves TFLM on the host: the operator, the place, both values."""

import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from host.base.arrays import Array
from host.base.errors import DeviceError, OracleError
from host.deployment.divergence import crcs, device_tensor, first_difference, host_outputs
from host.device.session import Session
from host.firmware.rendered import ExecutedOperator
from host.models import tflite
from host.models.feeds import Feed
from host.models.tflite import Graph
from host.oracles.tflm_host import tflm_written
from host.verdict.differences import TensorDifference, compare, difference
from tests.fixtures.fakes import FakeDevice, FakeLink, hello_values
from tests.fixtures.graphs import graph, tensor
from tests.fixtures.runs import shared_model


def executed(model: Graph) -> list[ExecutedOperator]:
    return [ExecutedOperator(o.index, o.name, o.outputs[0]) for o in model.operators]


def connect(model: Graph, changes: Sequence[tuple[bytes, int, int, int]] = ()) -> Session:
    """A device that computes what TFLM computes, but for the changes: for an input, at a position
    and place, so many steps more."""

    def trace(data: bytes) -> list[bytes]:
        feed = (np.frombuffer(data, np.int8).reshape(model.input.shape),)
        (written,) = tflm_written(model, [feed], [o.tensor for o in executed(model)])
        outputs = [written[o.tensor].copy() for o in executed(model)]
        for wanted, position, place, steps in changes:
            if wanted == data:
                outputs[position].reshape(-1)[place] += steps
        return [output.tobytes() for output in outputs]

    device = FakeDevice(hello_values(operators=len(model.operators)), trace=trace)
    session = Session(FakeLink(device), timeout=1.0)
    session.hello(2.0)
    return session


@pytest.fixture(scope="module")
def model() -> Graph:
    pytest.importorskip("tflite_micro", reason="no TFLM on this host")
    return tflite.load(shared_model("tflm_hello_world_int8.tflite"))


def feeds(*values: int) -> dict[int, Feed]:
    """Samples of the model by their index in a data set: 10, 20, …"""
    return {10 * (i + 1): (np.array([[value]], np.int8),) for i, value in enumerate(values)}


def test_equal_everywhere(model: Graph) -> None:
    assert first_difference(connect(model), model, executed(model), feeds(-100, 0, 100)) is None


def test_the_earliest_operator_of_all_samples_with_its_values(model: Graph) -> None:
    changes = [(b"\x9c", 2, 0, 5), (b"\x64", 1, 3, 2), (b"\x64", 1, 7, -1), (b"\x64", 2, 0, 1)]
    session = connect(model, changes)
    found = first_difference(session, model, executed(model), feeds(-100, 0, 100))
    assert found is not None
    assert (found.operator.index, found.sample) == (1, 30)
    assert found.tensor_name == model.tensors[executed(model)[1].tensor].name
    (written,) = tflm_written(model, [feeds(100)[10]], [found.operator.tensor])
    host = int(written[found.operator.tensor][0, 3])
    values = found.values
    assert values is not None
    assert (values.place, values.device, values.host) == ((0, 3), host + 2, host)
    assert (values.differing, values.values, values.largest) == (2, 16, 2)


def test_a_difference_that_does_not_repeat_has_no_values(model: Graph) -> None:
    session = connect(model, [(b"\x64", 1, 3, 2)])
    calls = iter([True])

    def once(*_: object) -> bytes:
        assert next(calls)
        (written,) = tflm_written(model, [feeds(100)[10]], [executed(model)[1].tensor])
        return bytes(written[executed(model)[1].tensor].tobytes())

    session.tensor = once  # type: ignore[method-assign, assignment]
    found = first_difference(session, model, executed(model), feeds(100))
    assert found is not None and found.values is None
    assert "did not repeat" in difference(found.values)


def test_a_tensor_of_another_size_is_refused(model: Graph) -> None:
    operators = executed(model)
    swapped = [operators[0], operators[2], operators[1]]
    with pytest.raises(DeviceError, match=r"gave 16 bytes for tensor .*, which has 1"):
        device_tensor(connect(model), model, swapped, 1, feeds(0)[10])


def test_what_tflm_refuses_is_an_oracle_error() -> None:
    with pytest.raises(OracleError):
        host_outputs(graph("CONV_2D"), executed(graph("CONV_2D")), [(np.zeros((1, 3), np.int8),)])


def test_crcs_are_those_of_the_bytes() -> None:
    operators = [ExecutedOperator(0, "A", 3), ExecutedOperator(0, "A", 4)]
    arrays: dict[int, Array] = {3: np.array([1, 2], np.int16), 4: np.array([[7]], np.int8)}
    assert crcs(operators, arrays).tolist() == [zlib.crc32(b"\1\0\2\0"), zlib.crc32(b"\7")]


def test_values_are_told_as_codes_and_as_real_numbers() -> None:
    t = tensor(0, shape=(1, 2, 3), scale=0.5, zero_point=-3)
    host = np.array([[[1, 2, 3], [4, -128, 6]]], np.int8)
    device = np.array([[[1, 2, 3], [4, 127, 5]]], np.int8)
    found = compare(t, device, host)
    assert found == TensorDifference((0, 1, 1), 127, -128, 65.0, -62.5, 2, 6, 255.0)
    assert difference(found) == (
        "at [0, 1, 1] the device has 127 (65), TFLM on the host −128 (−62.5); 2 of 6 values "
        "differ, by at most 255 steps"
    )
    assert compare(t, host, host) is None


def test_floats_differ_where_their_bytes_do() -> None:
    t = tensor(0, shape=(4,), dtype="float32", scale=None)
    host = np.array([np.nan, 0.0, 1.0, 2.0], np.float32)
    assert compare(t, host.copy(), host) is None
    device = np.array([np.nan, -0.0, 1.5, np.nan], np.float32)
    found = compare(t, device, host)
    assert found is not None
    assert (found.place, found.differing, found.largest) == ((1,), 3, 0.5)
    assert "steps" not in difference(found)


def test_integers_without_a_scale_have_no_real_value() -> None:
    t = tensor(0, shape=(), dtype="int32", scale=None)
    found = compare(t, np.array(5, np.int32), np.array(2, np.int32))
    assert found == TensorDifference((), 5, 2, None, None, 1, 1, 3.0)
    assert difference(found) == (
        "at [] the device has 5, TFLM on the host 2; 1 of 1 values differ, by at most 3"
    )
