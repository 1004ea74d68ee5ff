"""Interventions: parameters of A put into B, and what TFLM on the host then computes."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import permutations
from typing import Literal

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError
from host.diagnosis.comparison.case import Matched
from host.diagnosis.comparison.graft import graft
from host.diagnosis.comparison.signals import Samples, encode
from host.models.tflite import Graph, Tensor
from host.oracles.tflm_host import run_tflm_host

# Above this many players all orders are too many; some are drawn.
_EXACT_PLAYERS = 6
_DRAWN_ORDERS = 8

InterventionKind = Literal["group", "operator", "cause"]
Equal = Callable[[Collection[int]], float]
# A name, and the parts that are put in together.
Player = tuple[str, frozenset[int]]


@dataclass(frozen=True)
class Intervention:
    """Parameters of A put into B, and what TFLM on the host then computes."""

    kind: InterventionKind
    """group: all parameters of a kind; operator: all parameters of one operator; cause: what one
    suspicion is about."""
    name: str
    """What was put in, in words; of a cause its identifier."""
    parameters: int
    """How many tensors' parameters that changes."""
    alone: float
    """What it restores by itself, in points of equal output values; negative where it makes things
    worse."""
    added: float
    """What it adds after those of its kind that are listed before it, in points."""
    share: float | None
    """Mean of what it adds over all orders (Shapley value), in points; null where that was not
    measured."""
    equal: float
    """Share of equal output values after it alone."""
    equal_added: float
    """Share of equal output values after it and those before it."""

    @property
    def start(self) -> float:
        """Share of equal outputs before any intervention."""
        return self.equal - self.alone / 100


@dataclass
class Experiment:
    """A, B with parts of A, and the samples; remembers what it has run.

    The part of kind "input" stands for what B's deployment feeds.
    """

    models: Matched
    samples: Samples
    _known: dict[frozenset[int], Array] = field(default_factory=dict)

    def equal(self, chosen: Collection[int] = ()) -> float:
        """Share of output values that equal A's, with the chosen parts of A in B."""
        return float((self.outputs(chosen) == self.wanted).mean())

    @cached_property
    def wanted(self) -> Array:
        """A's outputs as codes of the common grid, [n, values]."""
        a = self.models.a
        return in_codes(outputs_of(a, self.samples.meant, "A"), a.output, self.grid)

    def outputs(self, chosen: Collection[int] = ()) -> Array:
        """B's outputs with the chosen parts of A, as codes of the common grid, [n, values]."""
        key = frozenset(chosen)
        if key not in self._known:
            inside = {i for i in key if self.models.parts[i].kind != "input"}
            graph = graft(self.models, inside) if inside else self.models.b
            samples = self.samples if inside == key else self.samples.undeployed()
            outputs = outputs_of(graph, samples.fed, "B")
            self._known[key] = in_codes(outputs, graph.output, self.grid)
        return self._known[key]

    @property
    def grid(self) -> Tensor:
        """The output tensor in whose steps outputs are compared: A's, or B's where A is float."""
        a, b = self.models.a.output, self.models.b.output
        return a if a.quantization is not None else b


def outputs_of(graph: Graph, x: Array, who: str) -> Array:
    """TFLM's outputs for samples, real values or codes, [n, …].

    Raises:
        OracleError: TFLM is absent or refuses the model.
    """
    column = run_tflm_host(graph, encode(x, graph.input))
    if column.outputs is None:
        raise OracleError(
            f"TFLM on the host cannot run {who}: {column.absent}",
            "Both models must run in TFLite-Micro on this machine to be compared.",
        )
    return column.outputs


def in_codes(outputs: Array, tensor: Tensor, grid: Tensor) -> Array:
    """Outputs as codes of ``grid``, int64 [n, values]; floats where neither is quantized."""
    flat = outputs.reshape(len(outputs), -1)
    same = tensor.quantization == grid.quantization and tensor.dtype == grid.dtype
    if same and flat.dtype.kind != "f":
        return flat.astype(np.int64)
    if grid.quantization is None:
        return flat.astype(np.float64)
    return grid.to_codes(tensor.to_real(flat)).astype(np.int64)


def play(
    kind: InterventionKind, players: Sequence[Player], equal: Equal
) -> tuple[Intervention, ...]:
    """Measure every player alone, added in the order given, and but for operators over all orders.

    Players are disjoint; ``equal`` is the share of equal outputs with some parts in.
    """
    start = before = equal(())
    inside: frozenset[int] = frozenset()
    means: Sequence[float | None] = [None] * len(players)
    if kind != "operator":
        means = shapley([parts for _, parts in players], equal)
    interventions = []
    for (name, parts), mean in zip(players, means, strict=True):
        alone = equal(parts)
        inside |= parts
        after = equal(inside)
        interventions.append(
            Intervention(
                kind=kind,
                name=name,
                parameters=len(parts),
                alone=100 * (alone - start),
                added=100 * (after - before),
                share=None if mean is None else 100 * mean,
                equal=alone,
                equal_added=after,
            )
        )
        before = after
    return tuple(interventions)


def shapley(players: Sequence[frozenset[int]], equal: Equal) -> list[float]:
    """What each player adds to the share of equal outputs, as the mean over all orders.

    Shapley (1953). The values add up to what all players restore together. Exact up to six
    players; beyond, the mean over eight drawn orders and their reverses.
    """
    count = len(players)

    @cache
    def value(members: frozenset[int]) -> float:
        return equal(frozenset().union(*(players[i] for i in members)))

    orders: Sequence[Sequence[int]]
    if count <= _EXACT_PLAYERS:
        orders = list(permutations(range(count)))
    else:
        generator = np.random.default_rng(0)
        drawn = [generator.permutation(count).tolist() for _ in range(_DRAWN_ORDERS)]
        orders = [*drawn, *(order[::-1] for order in drawn)]
    totals = np.zeros(count)
    for order in orders:
        for place, player in enumerate(order):
            totals[player] += value(frozenset(order[: place + 1])) - value(frozenset(order[:place]))
    return [float(total) for total in totals / len(orders)]
