"""Where the device leaves TFLM on the host: operator by operator, then value by value."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.base.errors import DeviceError
from host.base.quiet import quiet
from host.device.session import Session
from host.device.wire.spec import InferMode
from host.firmware.rendered import ExecutedOperator
from host.models.feeds import Feed, to_bytes
from host.models.tflite import Graph
from host.oracles.tflm_host import alone, tflm_written
from host.verdict.differences import FirstDifference, compare

Crcs = npt.NDArray[np.uint32]


def device_crcs(
    session: Session, operators: Sequence[ExecutedOperator], feeds: Sequence[Feed]
) -> Crcs:
    """CRC-32 (zlib's) of every operator's output on the device, uint32 [samples, operators].

    Raises as ``Session.infer``.
    """
    answers = session.infer(list(to_bytes(feeds)), InferMode.CRCS)
    return np.array([answer.detail for answer in answers], np.uint32).reshape(
        len(answers), len(operators)
    )


def host_outputs(
    graph: Graph, operators: Sequence[ExecutedOperator], feeds: Sequence[Feed]
) -> list[dict[int, Array]]:
    """Every operator's output by TFLM on the host: for each sample, arrays by tensor index.

    In a process of its own, since a strange model may crash the wheel.

    Raises:
        OracleError: TFLM is absent, refuses the model or crashes on it.
    """
    with quiet(None):
        return alone([graph], tflm_written, graph, feeds, [o.tensor for o in operators])


def crcs(operators: Sequence[ExecutedOperator], outputs: Mapping[int, Array]) -> Crcs:
    """CRC-32 of every operator's output, uint32 [operators], from arrays by tensor index."""
    return np.array([zlib.crc32(outputs[o.tensor].tobytes()) for o in operators], np.uint32)


def device_tensor(
    session: Session, graph: Graph, operators: Sequence[ExecutedOperator], position: int, feed: Feed
) -> Array:
    """The output at ``position`` of ``operators`` as the device computes it, in its full shape.

    Raises:
        DeviceError: it is not as large as the tensor; or the device refused.
        LinkError: see ``Session``.
    """
    tensor = graph.tensors[operators[position].tensor]
    (data,) = to_bytes([feed])
    raw = session.tensor(0, data, position)
    if len(raw) != tensor.nbytes:
        raise DeviceError(
            f"the device gave {len(raw)} bytes for tensor {tensor.index} ({tensor.name}), which "
            f"has {tensor.nbytes}"
        )
    return np.frombuffer(raw, tensor.numpy_dtype).reshape(tensor.shape)


def first_difference(
    session: Session, graph: Graph, operators: Sequence[ExecutedOperator], feeds: Mapping[int, Feed]
) -> FirstDifference | None:
    """The first operator, over all the samples, whose output is not TFLM's on the host; None where
    every operator is equal.

    ``feeds`` are the samples, by their index in the data set. Raises as ``host_outputs``,
    ``device_crcs`` and ``device_tensor``.
    """
    samples = list(feeds)
    on_device = device_crcs(session, operators, list(feeds.values()))
    on_host = host_outputs(graph, operators, list(feeds.values()))
    unequal = np.array([crcs(operators, outputs) for outputs in on_host]) != on_device
    if not unequal.any():
        return None
    position = int(unequal.any(axis=0).argmax())
    row = int(unequal[:, position].argmax())
    operator = operators[position]
    tensor = graph.tensors[operator.tensor]
    values = device_tensor(session, graph, operators, position, feeds[samples[row]])
    difference = compare(tensor, values, on_host[row][operator.tensor])
    return FirstDifference(operator, tensor.name, samples[row], difference)
