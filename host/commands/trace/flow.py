"""The flow of `trace`: what every operator computes for a sample, on the device and on the host."""

from collections.abc import Mapping, Sequence

import numpy as np

from host.base import versions
from host.base.arrays import Array
from host.base.errors import DataError
from host.commands.trace.document import TraceDocument, TracedOutput, TracedTensor
from host.commands.trace.page import render_html
from host.commands.trace.tensor_names import find_output
from host.deployment.deployed import Deployed, deployable, deployed
from host.deployment.divergence import Crcs, crcs, device_crcs, device_tensor, host_outputs
from host.deployment.request import DeviceOptions, ModelOptions, OutputOptions
from host.deployment.stages import Observer, Stages
from host.firmware.rendered import ExecutedOperator
from host.models.tflite import Graph
from host.report.document import DOCUMENT, PAGE, Content, write_report
from host.verdict.differences import FirstDifference, TensorDifference, compare

VALUES = "tensors.npz"
# Random samples where the user names no number: as many as `flash-and-eval` draws.
_DRAWN = 20


def trace(
    what: ModelOptions,
    where: DeviceOptions,
    output: OutputOptions,
    observer: Observer,
    *,
    sample: int = 0,
    tensors: Sequence[str] = (),
) -> TraceDocument:
    """Trace one sample, and write the document and the values that were asked for.

    Args:
        sample: its index among the samples, 0 or more.
        tensors: names or indices of tensors whose values are wanted; may be empty.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    stages = Stages(observer)
    ready = deployable(what, where, output, max(_DRAWN, sample + 1), stages)
    graph, operators = ready.loaded.graph, ready.rendered.operators
    if not 0 <= sample < len(ready.loaded.feeds):
        count, data = len(ready.loaded.feeds), ready.loaded.data
        raise DataError(f"there is no sample {sample}: {data} has {count}, counted from 0")
    feed = ready.loaded.feeds[sample]
    asked = list(dict.fromkeys(find_output(graph, operators, name) for name in tensors))
    with stages.run("TFLM on the host"):
        (on_host,) = host_outputs(graph, operators, [feed])
    with deployed(ready, (DOCUMENT, PAGE, VALUES), stages) as (session, device):
        (device_crc,) = device_crcs(session, operators, [feed])
        unequal = np.flatnonzero(device_crc != crcs(operators, on_host)).tolist()
        on_device = {
            position: device_tensor(session, graph, operators, position, feed)
            for position in dict.fromkeys([*asked, *unequal[:1]])
        }
        result = compared(device, sample, device_crc, on_device, on_host, asked)
        # By index: a name may hold anything.
        values = {f"device_{operators[position].tensor}": on_device[position] for position in asked}
        values |= {f"host_{tensor.tensor}": on_host[tensor.tensor] for tensor in result.tensors}
        others: dict[str, Content] = {VALUES: values} if values else {}
        write_report(
            result.folder, result, {PAGE: render_html(result, device.info.tick_unit), **others}
        )
    return result


def compared(
    device: Deployed,
    sample: int,
    device_crc: Crcs,
    on_device: Mapping[int, Array],
    on_host: Mapping[int, Array],
    asked: Sequence[int],
) -> TraceDocument:
    """What the device computed for a sample, against TFLM on the host.

    Args:
        device_crc: CRC-32 of every operator's output, uint32 [outputs].
        on_device: outputs by their position: those of ``asked``, and the first that differs.
        on_host: every operator's output by its tensor.
        asked: positions of the outputs whose values are wanted.
    """
    graph, operators = device.loaded.graph, device.rendered.operators
    host_crc = crcs(operators, on_host)
    unequal = np.flatnonzero(device_crc != host_crc).tolist()

    def values(position: int) -> TensorDifference | None:
        index = operators[position].tensor
        return compare(graph.tensors[index], on_device[position], on_host[index])

    first = None
    if unequal:
        operator = operators[unequal[0]]
        name = graph.tensors[operator.tensor].name
        first = FirstDifference(operator, name, sample, values(unequal[0]))
    return TraceDocument.about(
        device,
        sample=sample,
        outputs=tuple(
            TracedOutput(*_named(graph, operator), *both)
            for operator, *both in zip(
                operators, device_crc.tolist(), host_crc.tolist(), strict=True
            )
        ),
        first_difference=first,
        tensors=tuple(TracedTensor(*_named(graph, operators[p]), values(p)) for p in asked),
        oracle=f"tflite-micro {versions.package_version('tflite-micro')}",
    )


def _named(graph: Graph, operator: ExecutedOperator) -> tuple[int, str, int, str, tuple[int, ...]]:
    tensor = graph.tensors[operator.tensor]
    return operator.index, operator.name, tensor.index, tensor.name, tensor.shape
