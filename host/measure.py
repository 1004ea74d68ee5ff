"""One device, one model: is it the right one, what does it compute, how long does it take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from host.divergence import first_difference
from host.errors import DeviceError, OracleError, StaleImageError
from host.evaluate import unequal
from host.feeds import Feed, single, to_bytes
from host.link import Link
from host.models.tflite import Graph, Tensor
from host.records import Array, DeviceInfo, DeviceRun, FirstDifference, Rendered, WireTensor
from host.session import Answer, Session
from host.wire.spec import InferMode

Ticks = npt.NDArray[np.float64]

# Runs in which the device reports ticks for each operator; their median is taken.
PROFILED = 3
# Samples that differ from the oracle for which each operator's output is checked.
TRACED = 3


def measure(
    link: Link,
    rendered: Rendered,
    graph: Graph,
    inputs: Array,
    oracle: Array | None,
    *,
    timeout: float,
    patience: float,
    progress: Callable[[int], None] | None = None,
) -> DeviceRun:
    """Run every sample on the device behind ``link``.

    Args:
        rendered: what the device should hold.
        inputs: [n, *input shape without batch], the input tensor's type.
        oracle: [n, *output shape without batch] from TFLM on the host; where the device differs,
            it is asked for the CRC of every operator's output, and for the first that differs.
        timeout: seconds without progress before requests are repeated.
        patience: seconds to wait for the device's first sign of life.
        progress: called with the number of samples done.

    Raises:
        StaleImageError: the device holds another model or engine.
        LinkError, DeviceError: see ``Session``.
    """
    session = Session(link, timeout=timeout)
    info = session.hello(patience)
    check_identity(info, rendered, graph)
    outputs, ticks = stream(session, info, graph, inputs, progress)
    feeds = single(graph, inputs[:PROFILED])
    profiled_ticks, operator_ticks = profile(session, info, rendered, feeds)
    suspects = _differing(outputs, oracle)[:TRACED]
    traced, first, notes = _trace(session, graph, rendered, inputs, suspects)
    return DeviceRun(
        info=info,
        outputs=outputs,
        ticks=ticks,
        profiled_ticks=profiled_ticks,
        operator_ticks=operator_ticks,
        traced=np.array(traced, np.int64),
        link=session.statistics(),
        log=session.log,
        first_difference=first,
        notes=notes,
    )


def _trace(
    session: Session, graph: Graph, rendered: Rendered, inputs: Array, suspects: Sequence[int]
) -> tuple[Sequence[int], FirstDifference | None, tuple[str, ...]]:
    """The samples that were traced, the first operator that differs, what went wrong."""
    feeds = dict(zip(suspects, single(graph, inputs[list(suspects)]), strict=True))
    if not feeds:
        return (), None, ()
    try:
        return suspects, first_difference(session, graph, rendered.operators, feeds), ()
    except OracleError as error:
        # The verdict stands without it.
        return (), None, (f"The operators could not be compared: {error.message}.",)


def profile(
    session: Session, info: DeviceInfo, rendered: Rendered, feeds: Sequence[Feed]
) -> tuple[Ticks, Ticks]:
    """Run the samples with the clock read after every operator.

    Returns:
        Whole inferences [n], and every operator's output [n, operators], in ``info.tick_unit``.

    Raises:
        DeviceError: the device reports on another number of outputs than its image has.
        LinkError: see ``Session``.
    """
    answers = session.infer(list(to_bytes(feeds)), InferMode.TICKS)
    count = len(rendered.operators)
    for answer in answers:
        if len(answer.detail) != count:
            raise DeviceError(
                f"the device reported on {len(answer.detail)} operators, the model has {count}"
            )
    details = np.array([answer.detail for answer in answers], np.uint32)
    whole = np.array([answer.ticks for answer in answers])
    return _in_units(whole, info), _in_units(details.reshape(len(answers), count), info)


def plain_ticks(session: Session, info: DeviceInfo, feeds: Sequence[Feed]) -> Ticks:
    """Whole inferences [n] without a look at the operators, in ``info.tick_unit``.

    Raises:
        LinkError, DeviceError: see ``Session``.
    """
    answers = session.infer(list(to_bytes(feeds)))
    return _in_units(np.array([answer.ticks for answer in answers]), info)


def stream(
    session: Session,
    info: DeviceInfo,
    graph: Graph,
    inputs: Array,
    progress: Callable[[int], None] | None = None,
) -> tuple[Array, Ticks]:
    """Every sample through the model that the device holds: outputs, and ticks in its unit.

    Raises:
        LinkError, DeviceError: see ``Session``.
    """
    answers = session.infer([sample.tobytes() for sample in inputs], progress=progress)
    ticks = _in_units(np.array([answer.ticks for answer in answers]), info)
    return _outputs(answers, graph.output), ticks


def check_identity(info: DeviceInfo, rendered: Rendered, graph: Graph) -> None:
    """See that the device holds what was rendered.

    Raises:
        StaleImageError: another engine, model or operator count.
        DeviceError: tensors that do not fit the model.
    """
    if info.engine != rendered.engine:
        raise StaleImageError(f"the device runs engine {info.engine}, not {rendered.engine}")
    if info.model_digest != rendered.digest:
        raise StaleImageError(
            f"the device holds another model: its hash is {info.model_digest[:16]}…, "
            f"expected {rendered.digest[:16]}…"
        )
    if info.operators != len(rendered.operators):
        raise StaleImageError(
            f"the device has {info.operators} outputs of operators, the model "
            f"{len(rendered.operators)}"
        )
    for kind, said, known in (
        ("input", info.inputs, graph.inputs),
        ("output", info.outputs, graph.outputs),
    ):
        expected = tuple(_wire_tensor(graph.tensors[index]) for index in known)
        if said != expected:
            raise DeviceError(f"the device's {kind} is {said}, the model's {expected}")


def _wire_tensor(tensor: Tensor) -> WireTensor:
    quantization = tensor.quantization
    scale, zero_point = (quantization.scale, quantization.zero_point) if quantization else (0.0, 0)
    return WireTensor(tensor.dtype, tensor.shape, scale, zero_point)


def _in_units(ticks: Array, info: DeviceInfo) -> Ticks:
    """Raw ticks in ``info.tick_unit``."""
    units = ticks.astype(np.float64) * info.tick_scale
    # There are several ticks to an instruction, so the nearest whole number is exact.
    return np.round(units) if info.tick_unit == "instructions" else units


def _outputs(answers: Sequence[Answer], tensor: Tensor) -> Array:
    size = tensor.nbytes
    for answer in answers:
        if len(answer.output) != size:
            raise DeviceError(
                f"the device answered sample {answer.sample} with {len(answer.output)} bytes, "
                f"the output has {size}"
            )
    raw = b"".join(answer.output for answer in answers)
    return np.frombuffer(raw, tensor.numpy_dtype).reshape(len(answers), *tensor.shape[1:])


def _differing(outputs: Array, oracle: Array | None) -> list[int]:
    if oracle is None:
        return []
    return [int(index) for index in np.flatnonzero(unequal(outputs, oracle).any(axis=1))]
