"""Interventions: parameters of A put into B, and what TFLM on the host then computes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

import numpy as np

from host.base.arrays import Array
from host.base.errors import OracleError
from host.diagnosis.align import Pair
from host.diagnosis.graft import graft
from host.diagnosis.parameters import Part
from host.diagnosis.records import Intervention, InterventionKind
from host.diagnosis.traces import encode, encode_deployed
from host.models.tflite import Graph, Tensor
from host.oracles.tflm_host import run_tflm_host

# Above this many players all orders are too many; some are drawn.
_EXACT_PLAYERS = 6
_DRAWN_ORDERS = 8


@dataclass
class Experiment:
    """A, B, their differing parts, and the samples; remembers what it has run.

    Attributes:
        x: samples for A, and for B unless ``deployed``: float32 real values, or codes where
            ``raw``.
        deployed: what B's deployment is fed; the part of kind "input" stands for it.
    """

    a: Graph
    b: Graph
    pairs: tuple[Pair, ...]
    parts: tuple[Part, ...]
    x: Array
    raw: bool
    deployed: Array | None = None
    _known: dict[frozenset[int], Array] = field(default_factory=dict)
    _outputs_a: Array | None = None

    def equal(self, chosen: Collection[int] = ()) -> float:
        """Share of output values that equal A's, with the chosen parts of A in B."""
        return float((self.outputs(chosen) == self.wanted()).mean())

    def wanted(self) -> Array:
        """A's outputs as codes of the common grid, [n, values]."""
        if self._outputs_a is None:
            outputs = outputs_of(self.a, encode(self.x, self.raw, self.a.input), "A")
            self._outputs_a = in_codes(outputs, self.a.output, self.grid)
        return self._outputs_a

    def outputs(self, chosen: Collection[int] = ()) -> Array:
        """B's outputs with the chosen parts of A, as codes of the common grid, [n, values]."""
        key = frozenset(chosen)
        if key not in self._known:
            graph = self.graph(key)
            fed = self.x
            if self.deployed is not None and not any(self.parts[i].kind == "input" for i in key):
                fed = self.deployed
            codes = encode_deployed(fed, self.raw, graph.input)
            self._known[key] = in_codes(outputs_of(graph, codes, "B"), graph.output, self.grid)
        return self._known[key]

    def graph(self, chosen: Collection[int]) -> Graph:
        """B with the chosen parts of A."""
        inside = {i for i in chosen if self.parts[i].kind != "input"}
        if not inside:
            return self.b
        return graft(self.a, self.b, self.pairs, self.parts, inside)

    @property
    def grid(self) -> Tensor:
        """The output tensor in whose steps outputs are compared: A's, or B's where A is float."""
        return self.a.output if self.a.output.quantization is not None else self.b.output


def outputs_of(graph: Graph, codes: Array, who: str) -> Array:
    """TFLM's outputs, [n, …].

    Raises:
        OracleError: it is absent or refuses the model.
    """
    column = run_tflm_host(graph, codes)
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


# --- what interventions restore ---------------------------------------------------------------


@dataclass(frozen=True)
class Player:
    """A set of parts that is put in together."""

    name: str
    parts: frozenset[int]


def play(
    kind: InterventionKind,
    players: Sequence[Player],
    equal: Callable[[Collection[int]], float],
    *,
    share: bool,
) -> tuple[Intervention, ...]:
    """Measure every player alone and added in the order given; with ``share`` also Shapley's.

    Args:
        kind: goes into the results.
        players: disjoint sets of parts.
        equal: share of equal outputs with some parts in.
        share: whether to measure the mean over orders, too.
    """
    start = before = equal(())
    inside: frozenset[int] = frozenset()
    shares = shapley([p.parts for p in players], equal) if share else [None] * len(players)
    found = []
    for player, value in zip(players, shares, strict=True):
        alone = equal(player.parts)
        inside |= player.parts
        after = equal(inside)
        found.append(
            Intervention(
                kind=kind,
                name=player.name,
                parameters=len(player.parts),
                alone=100 * (alone - start),
                added=100 * (after - before),
                share=None if value is None else 100 * value,
                equal=alone,
                equal_added=after,
            )
        )
        before = after
    return tuple(found)


def shapley(
    players: Sequence[frozenset[int]], equal: Callable[[Collection[int]], float]
) -> list[float]:
    """What each player adds to the share of equal outputs, as the mean over all orders.

    Shapley (1953). The values add up to what all players restore together. Exact up to six
    players; beyond, the mean over eight drawn orders and their reverses.
    """
    count = len(players)

    def value(members: Collection[int]) -> float:
        return equal(frozenset().union(*(players[i] for i in members)))

    if count > _EXACT_PLAYERS:
        return _drawn(count, value)
    result = []
    for player in range(count):
        others = [i for i in range(count) if i != player]
        total = 0.0
        for size in range(count):
            weight = 1 / (count * comb(count - 1, size))
            for members in combinations(others, size):
                total += weight * (value((*members, player)) - value(members))
        result.append(total)
    return result


def _drawn(count: int, value: Callable[[Collection[int]], float]) -> list[float]:
    generator = np.random.default_rng(0)
    orders = [generator.permutation(count) for _ in range(_DRAWN_ORDERS)]
    totals = np.zeros(count)
    for order in [*orders, *(o[::-1] for o in orders)]:
        before = value(())
        for place, player in enumerate(order):
            after = value([int(i) for i in order[: place + 1]])
            totals[player] += after - before
            before = after
    return [float(t) for t in totals / (2 * _DRAWN_ORDERS)]
