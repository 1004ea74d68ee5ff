"""One device, one model: is it the right one, what does it compute, how long does it take."""

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.base.errors import DeviceError, OracleError, StaleImageError
from host.deployment.divergence import first_difference
from host.device.answers import AnswerFile
from host.device.exchange import LinkStatistics
from host.device.identity import DeviceInfo
from host.device.link import Link
from host.device.session import Answer, Session
from host.device.sharing import side_by_side
from host.device.wire.messages import WireTensor
from host.device.wire.spec import InferMode
from host.firmware.rendered import Rendered
from host.models.feeds import Feed, single, to_bytes
from host.models.tflite import Graph
from host.oracles.columns import Column
from host.verdict.differences import FirstDifference
from host.verdict.gaps import differing


@dataclass(frozen=True)
class DeviceRun:
    """All answers of the device.

    Attributes:
        outputs: [n, *output shape without batch], the output tensor's own type.
        ticks: float64 [n], in ``info.tick_unit``.
        profiled_ticks: float64 [r], whole inferences of r profiled runs; r may be 0.
        operator_ticks: float64 [r, operators] of the same runs.
        traced: indices of the samples for which the device reported a CRC of every operator's
            output, [t]; t may be 0.
        first_difference: what came of it; None where every operator was equal.
        notes: why less is known than was asked, in whole sentences.
    """

    info: DeviceInfo
    outputs: Array
    ticks: npt.NDArray[np.float64]
    profiled_ticks: npt.NDArray[np.float64]
    operator_ticks: npt.NDArray[np.float64]
    traced: npt.NDArray[np.int64]
    link: LinkStatistics
    log: tuple[str, ...]
    first_difference: FirstDifference | None = None
    notes: tuple[str, ...] = ()


Ticks = npt.NDArray[np.float64]

# Runs in which the device reports ticks for each operator; their median is taken.
PROFILED = 3
# Samples that differ from the oracle for which each operator's output is checked.
TRACED = 3


def measure(
    links: Sequence[Link],
    rendered: Rendered,
    graph: Graph,
    inputs: Array,
    oracle: Array | None,
    answers: AnswerFile,
    *,
    timeout: float,
    progress: Callable[[int], None],
) -> DeviceRun:
    """Run every sample on the device, or on several that are alike, side by side.

    Args:
        links: one to each device; the first also profiles, and traces what differs.
        inputs: [n, *input shape without batch], the input tensor's type.
        oracle: [n, *output shape without batch] from TFLM on the host; where the device differs,
            it is asked for the CRC of every operator's output, and for the first that differs.
        answers: keeps what was answered, and gives what was answered before.
        timeout: seconds without progress before requests are repeated, and for the first answer.
        progress: called with the number of samples done.

    Raises:
        StaleImageError: the device holds another model or engine.
        LinkError, DeviceError: see ``Session``.
        ConfigError: ``answers`` holds those of another run.
    """
    cancelled = threading.Event()
    sessions = [Session(link, timeout=timeout, cancelled=cancelled) for link in links]
    infos = [session.hello() for session in sessions]
    for info in infos:
        check_identity(info, rendered, graph)
    session, info = sessions[0], infos[0]
    samples = [sample.tobytes() for sample in inputs]
    known = answers.open(info, samples)
    answered = side_by_side(sessions, samples, known, cancelled, answers.add, progress)
    outputs, ticks = _table(answered, info, graph)
    feeds = single(graph, inputs[:PROFILED])
    profiled_ticks, operator_ticks = profile(session, info, rendered, feeds)
    suspects = [] if oracle is None else differing(outputs, oracle)[:TRACED].tolist()
    traced, first, notes = _trace(session, graph, rendered, inputs, suspects)
    return DeviceRun(
        info=info,
        outputs=outputs,
        ticks=ticks,
        profiled_ticks=profiled_ticks,
        operator_ticks=operator_ticks,
        traced=np.array(traced, np.int64),
        link=functools.reduce(LinkStatistics.beside, (s.statistics() for s in sessions)),
        log=tuple(line for session in sessions for line in session.log),
        first_difference=first,
        notes=(*answers.notes, *notes),
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
    """Run the samples with the clock read after every operator: whole inferences [n], and every
    operator's output [n, operators], in ``info.tick_unit``."""
    answers = session.infer(list(to_bytes(feeds)), InferMode.TICKS)
    details = np.array([answer.detail for answer in answers], np.uint32)
    whole = np.array([answer.ticks for answer in answers])
    return _in_units(whole, info), _in_units(details.reshape(-1, len(rendered.operators)), info)


def plain_ticks(session: Session, info: DeviceInfo, feeds: Sequence[Feed]) -> Ticks:
    """Whole inferences [n] without a look at the operators, in ``info.tick_unit``.

    Raises as ``Session.infer``, like ``profile`` and ``stream``.
    """
    answers = session.infer(list(to_bytes(feeds)))
    return _in_units(np.array([answer.ticks for answer in answers]), info)


def stream(
    session: Session,
    info: DeviceInfo,
    graph: Graph,
    inputs: Array,
    progress: Callable[[int], None],
) -> tuple[Array, Ticks]:
    """Every sample through the model that the device holds: outputs, and ticks in its unit."""
    samples = [sample.tobytes() for sample in inputs]
    answers = side_by_side([session], samples, progress=progress)
    return _table(answers, info, graph)


def _table(answers: Sequence[Answer], info: DeviceInfo, graph: Graph) -> tuple[Array, Ticks]:
    tensor = graph.output
    for answer in answers:
        if len(answer.output) != tensor.nbytes:
            raise DeviceError(
                f"the device answered sample {answer.sample} with {len(answer.output)} bytes, "
                f"the output has {tensor.nbytes}"
            )
    raw = b"".join(answer.output for answer in answers)
    outputs = np.frombuffer(raw, tensor.numpy_dtype).reshape(len(answers), *tensor.shape[1:])
    return outputs, _in_units(np.array([answer.ticks for answer in answers]), info)


def _in_units(ticks: Array, info: DeviceInfo) -> Ticks:
    """Raw ticks in ``info.tick_unit``."""
    units = ticks.astype(np.float64) * info.tick_scale
    # There are several ticks to an instruction, so the nearest whole number is exact.
    return np.round(units) if info.tick_unit == "instructions" else units


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
        expected = tuple(
            WireTensor(t.dtype, t.shape, *((q.scale, q.zero_point) if q else (0.0, 0)))
            for t, q in ((graph.tensors[i], graph.tensors[i].quantization) for i in known)
        )
        if said != expected:
            raise DeviceError(f"the device's {kind} is {said}, the model's {expected}")


def device_column(run: DeviceRun) -> Column:
    """The device's answers as a column."""
    info = run.info
    return Column("device", run.outputs, f"{info.engine} {info.engine_version} on {info.board}")
