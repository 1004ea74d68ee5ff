"""Suspects among operators: float ones in B where A has int8 ones."""

from __future__ import annotations

from collections.abc import Sequence

from host.diagnosis.align import CONVERSIONS, Pair
from host.diagnosis.case import Case, Suspect, share_of
from host.diagnosis.parameters import Part, partners
from host.models.tflite import Graph


def island_parts(a: Graph, b: Graph, pairs: Sequence[Pair]) -> tuple[Part, ...]:
    """A part for each group of connected float operators of B whose partners in A are int8.

    To put A's in means: the group's float tensors become A's int8 tensors, those of the model's
    interface, too.
    """
    known = partners(a, b, pairs)
    groups: list[tuple[list[int], set[int]]] = []  # operators, float activations
    for pair in pairs:
        operator = b.operators[pair.b]
        floats = {
            i
            for i in (*operator.inputs, *operator.outputs)
            if i != -1 and b.tensors[i].data is None and b.tensors[i].dtype == "float32"
        }
        if operator.name in CONVERSIONS or not floats:
            continue
        if any(i not in known or a.tensors[known[i]].dtype != "int8" for i in floats):
            continue
        joined = [g for g in groups if g[1] & floats]
        groups = [g for g in groups if not g[1] & floats]
        operators = sorted({operator.index, *(o for g in joined for o in g[0])})
        groups.append((operators, floats.union(*(g[1] for g in joined))))
    found = []
    for operators, floats in groups:
        constants = {
            i
            for o in operators
            for i in b.operators[o].inputs
            if i in known and b.tensors[i].data is not None and b.tensors[i].dtype == "float32"
        }
        tensors = tuple((i, known[i]) for i in sorted(floats | constants))
        found.append(Part("operators", operators[0], tensors))
    return tuple(found)


def suspects_of_islands(case: Case) -> list[Suspect]:
    """Float islands; or, where all of B computes in float, a representative data set unread."""
    islands = case.of_kind("operators")
    if not islands:
        return []
    computing = [o for o in case.b.operators if o.name not in CONVERSIONS]
    floating = [o for o in computing if case.b.tensors[o.outputs[0]].dtype == "float32"]
    if len(floating) == len(computing):
        evidence = (
            f"All {len(computing)} operators of B compute in float; its input is "
            f"{case.b.input.dtype}, its output {case.b.output.dtype}. A computes in int8.",
        )
        return [Suspect("representative-data-ignored", frozenset(islands), None, None, evidence)]
    found = []
    for i in islands:
        operator = case.operator(i)
        text = (
            f"{case.title(operator.index)} computes in float in B, in int8 in A; "
            f"{share_of(len(floating), len(computing))} operators of B do."
        )
        found.append(
            Suspect("float-island", frozenset({i}), operator.index, operator.outputs[0], (text,))
        )
    return found
