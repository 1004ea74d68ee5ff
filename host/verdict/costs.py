"""What each operator costs: ticks, multiply-accumulates, the memory that it reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.firmware.rendered import ExecutedOperator, Rendered
from host.models.tflite import Graph
from host.report.document import derived
from host.verdict import macs


@dataclass(frozen=True)
class Activation:
    """A tensor between operators."""

    tensor: int
    name: str
    bytes: int
    """Its size, bytes."""
    offset: int | None
    """From the arena's start, bytes; null where the device plans the arena."""


@dataclass(frozen=True)
class OperatorCost:
    """What one operator costs on the device."""

    index: int
    """Its index in the .tflite file."""
    name: str
    """Its name in the .tflite schema."""
    ticks: float | None
    """Of one inference, all its outputs together: the median; null where they were not measured."""
    share: float | None
    """Share of the ticks of all operators, 0 to 1; null as ``ticks``."""
    macs: int
    """Multiply-accumulates of one inference."""
    ticks_per_mac: float | None
    """Ticks for each of them; null where there are none, or no ticks."""
    reads: tuple[Activation, ...]
    """The activations that it reads."""
    writes: tuple[Activation, ...]
    """The activations that it writes."""

    @derived
    def tensor(self) -> int:
        """Index of its first output tensor."""
        return self.writes[0].tensor

    @derived
    def bytes_read(self) -> int:
        """Size of the activations that it reads, bytes."""
        return sum(activation.bytes for activation in self.reads)

    @derived
    def bytes_written(self) -> int:
        """Size of the activations that it writes, bytes."""
        return sum(activation.bytes for activation in self.writes)


Ticks = npt.NDArray[np.float64]


def operator_costs(graph: Graph, rendered: Rendered, ticks: Ticks) -> tuple[OperatorCost, ...]:
    """The operators in the order in which the device runs them.

    ``ticks`` are [runs, outputs], of every output in ``rendered.operators``; no runs where they
    were not measured. Of runs the median is taken, and an operator's outputs are added up.
    """
    medians = np.median(ticks, axis=0).tolist() if len(ticks) else [None] * len(rendered.operators)
    total = sum(median or 0.0 for median in medians)
    outputs: dict[int, list[ExecutedOperator]] = {}
    spent: dict[int, float | None] = {}
    for output, median in zip(rendered.operators, medians, strict=True):
        outputs.setdefault(output.index, []).append(output)
        spent[output.index] = None if median is None else (spent.get(output.index) or 0.0) + median
    costs = []
    for index, written in outputs.items():
        operator, spending = graph.operators[index], spent[index]
        products = macs.count(graph, operator)
        read = [t for i in operator.inputs for t in _sources(graph, rendered, i)]
        costs.append(
            OperatorCost(
                index=index,
                name=written[0].name,
                ticks=spending,
                share=spending / total if spending is not None and total > 0 else None,
                macs=products,
                ticks_per_mac=spending / products if spending is not None and products else None,
                reads=_activations(graph, rendered, read),
                writes=_activations(graph, rendered, [output.tensor for output in written]),
            )
        )
    return tuple(costs)


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
