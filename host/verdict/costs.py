"""What each operator costs: ticks, multiply-accumulates, the memory that it reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.firmware.rendered import ExecutedOperator, Rendered
from host.models.tflite import Graph
from host.verdict import macs


@dataclass(frozen=True)
class Activation:
    """A tensor between operators. ``offset`` is its place in the arena in bytes, None where the
    device plans the arena."""

    tensor: int
    name: str
    nbytes: int
    offset: int | None


@dataclass(frozen=True)
class OperatorCost:
    """What one operator costs on the device.

    Attributes:
        index, name: the operator in the .tflite.
        ticks: of one inference, in the device's unit; None where they were not measured.
        share: of the ticks of all operators; None as ``ticks``.
        macs: multiply-accumulates of one inference.
        ticks_per_mac: None where there are no multiply-accumulates, or no ticks.
        reads, writes: the activations.
    """

    index: int
    name: str
    ticks: float | None
    share: float | None
    macs: int
    ticks_per_mac: float | None
    reads: tuple[Activation, ...]
    writes: tuple[Activation, ...]

    @property
    def bytes_read(self) -> int:
        """Bytes of activations that it reads."""
        return sum(activation.nbytes for activation in self.reads)

    @property
    def bytes_written(self) -> int:
        """Bytes of activations that it writes."""
        return sum(activation.nbytes for activation in self.writes)


Ticks = npt.NDArray[np.float64]


def operator_costs(graph: Graph, rendered: Rendered, ticks: Ticks) -> tuple[OperatorCost, ...]:
    """The operators in the order in which the device runs them.

    Args:
        graph: the model.
        rendered: what runs on the device.
        ticks: [runs, outputs], of every output in ``rendered.operators``; no runs where they were
            not measured. Of runs the median is taken, and an operator's outputs are added up.
    """
    medians = np.median(ticks, axis=0).tolist() if len(ticks) else []
    outputs: dict[int, list[ExecutedOperator]] = {}
    spent: dict[int, float] = {}
    for position, output in enumerate(rendered.operators):
        outputs.setdefault(output.index, []).append(output)
        if medians:
            spent[output.index] = spent.get(output.index, 0.0) + medians[position]
    total = sum(spent.values())
    return tuple(
        _cost(graph, rendered, index, written, spent.get(index), total)
        for index, written in outputs.items()
    )


def _cost(
    graph: Graph,
    rendered: Rendered,
    index: int,
    written: Sequence[ExecutedOperator],
    ticks: float | None,
    total: float,
) -> OperatorCost:
    operator = graph.operators[index]
    products = macs.count(graph, operator)
    read: list[int] = []
    for tensor in operator.inputs:
        read += _sources(graph, rendered, tensor)
    return OperatorCost(
        index=index,
        name=written[0].name,
        ticks=ticks,
        share=ticks / total if ticks is not None and total > 0 else None,
        macs=products,
        ticks_per_mac=ticks / products if ticks is not None and products else None,
        reads=_activations(graph, rendered, read),
        writes=_activations(graph, rendered, [output.tensor for output in written]),
    )


def _sources(graph: Graph, rendered: Rendered, tensor: int) -> list[int]:
    """Where the values of an operator's input come from: the tensor itself, or, where the engine
    has dropped the operator that writes it, what that one would have read."""
    if tensor == -1 or graph.tensors[tensor].data is not None:
        return []
    known = {*graph.inputs, *(output.tensor for output in rendered.operators)}
    writer = next((o for o in graph.operators if tensor in o.outputs), None)
    if tensor in known or writer is None:
        return [tensor]
    if writer.name == "SHAPE":  # known before the model runs
        return []
    return [source for i in writer.inputs for source in _sources(graph, rendered, i)]


def _activations(
    graph: Graph, rendered: Rendered, tensors: Sequence[int]
) -> tuple[Activation, ...]:
    offsets = {block.tensor: block.offset for block in rendered.arena}
    return tuple(
        Activation(i, graph.tensors[i].name, graph.tensors[i].nbytes, offsets.get(i))
        for i in dict.fromkeys(tensors)
    )
