"""The flow of `trace`: what every operator computes for a sample, on the device and on the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from host.base import versions
from host.base.arrays import Array
from host.base.errors import DataError
from host.commands.trace.tensor_names import find_output
from host.commands.trace.values import Trace, TracedOutput, TracedTensor
from host.commands.trace.write import RESULTS, write_trace
from host.deployment import setup
from host.deployment.connection import connected
from host.deployment.divergence import crcs, device_crcs, device_tensor, host_outputs
from host.deployment.request import Request
from host.deployment.samples import load
from host.deployment.stages import Observer, Stages
from host.firmware.rendered import ExecutedOperator
from host.models.tflite import Graph
from host.verdict.differences import FirstDifference, compare

# Random samples where the request names no number: as many as `flash-and-eval` draws.
_DRAWN = 20


def trace(request: Request, sample: int, tensors: Sequence[str], observer: Observer) -> Trace:
    """Trace one sample.

    Args:
        request: model, board and samples, as for ``flash_and_eval``.
        sample: its index among the samples.
        tensors: names or indices of tensors whose values are wanted; may be empty.
        observer: is told how far it is.

    Raises:
        FlashAndEvalError: see ``host.base.errors``.
    """
    stages = Stages(observer)
    found = setup.rig_of(request, stages)
    loaded = load(request, found.engine, stages, max(_DRAWN, sample + 1))
    if not 0 <= sample < len(loaded.feeds):
        raise DataError(
            f"there is no sample {sample}: {loaded.data} has {len(loaded.feeds)}, counted from 0"
        )
    graph, feed = loaded.graph, loaded.feeds[sample]
    rendered = setup.render(found, graph, request, stages)
    operators = rendered.operators
    positions = [find_output(graph, operators, name) for name in dict.fromkeys(tensors)]
    with stages.run("TFLM on the host"):
        (on_host,) = host_outputs(graph, operators, [feed])
    with setup.run_folder(request, loaded.model, graph, RESULTS) as folder:
        rendered, image = setup.build(found, rendered, graph, folder, request, stages)
        device = connected(found, rendered, image, graph, folder, request, stages)
        with device as (session, info):
            (seen,) = device_crcs(session, operators, [feed])
            known = crcs(operators, on_host)
            unequal = np.flatnonzero(seen != known)
            wanted = dict.fromkeys([*positions, *unequal[:1].tolist()])
            fetched = {p: device_tensor(session, graph, operators, p, feed) for p in wanted}
        result = Trace(
            board=found.board,
            loaded=loaded,
            rendered=rendered,
            info=info,
            sample=sample,
            outputs=tuple(
                TracedOutput(o, *_name(graph, o), int(device), int(host))
                for o, device, host in zip(operators, seen, known, strict=True)
            ),
            first=_first(graph, operators, unequal, fetched, on_host, sample),
            tensors=tuple(
                TracedTensor(
                    operators[p],
                    *_name(graph, operators[p]),
                    compare(
                        graph.tensors[operators[p].tensor], fetched[p], on_host[operators[p].tensor]
                    ),
                )
                for p in dict.fromkeys(positions)
            ),
            oracle=f"tflite-micro {versions.package_version('tflite-micro')}",
            versions=versions.versions(),
            notes=(*found.notes, *loaded.notes),
            folder=folder,
            command=request.command,
        )
        values = {operators[p].tensor: fetched[p] for p in positions}
        write_trace(result, values, {index: on_host[index] for index in values})
    return result


def _name(graph: Graph, operator: ExecutedOperator) -> tuple[str, tuple[int, ...]]:
    tensor = graph.tensors[operator.tensor]
    return tensor.name, tensor.shape


def _first(
    graph: Graph,
    operators: Sequence[ExecutedOperator],
    unequal: Array,
    fetched: dict[int, Array],
    on_host: dict[int, Array],
    sample: int,
) -> FirstDifference | None:
    if not len(unequal):
        return None
    operator = operators[unequal[0]]
    tensor = graph.tensors[operator.tensor]
    difference = compare(tensor, fetched[int(unequal[0])], on_host[operator.tensor])
    return FirstDifference(operator, tensor.name, sample, difference)
