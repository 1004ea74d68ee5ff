"""Rules on operators that compute in float in B where A's compute in int8."""

from collections.abc import Sequence

from host.diagnosis.causes.inquiry import Inquiry, Suspect
from host.diagnosis.comparison.align import CONVERSIONS
from host.diagnosis.comparison.case import Case, Matched
from host.diagnosis.comparison.parameters import Part
from host.models.tflite import Operator


def float_parts(models: Matched) -> tuple[Part, ...]:
    """A part for each group of connected float operators of B whose partners in A are int8.

    To put A's in means: the group's float tensors become A's int8 tensors, those of the model's
    interface, too.
    """
    b, partner = models.b, models.partner
    groups: list[tuple[list[int], set[int]]] = []  # operators, float tensors
    for pair in models.pairs:
        operator = b.operators[pair.b]
        touched = {i for i in (*operator.inputs, *operator.outputs) if i != -1}
        touched = {i for i in touched if b.tensors[i].dtype == "float32"}
        floats = {i for i in touched if b.tensors[i].data is None}
        if operator.name in CONVERSIONS or not floats:
            continue
        if any(i not in partner or models.a.tensors[partner[i]].dtype != "int8" for i in floats):
            continue
        joined = [g for g in groups if g[1] & floats]
        groups = [g for g in groups if not g[1] & floats]
        operators = sorted({operator.index, *(o for g in joined for o in g[0])})
        groups.append((operators, (touched & partner.keys()).union(*(g[1] for g in joined))))
    return tuple(
        Part("operators", operators[0], tuple((i, partner[i]) for i in sorted(tensors)))
        for operators, tensors in groups
    )


def all_in_float(inquiry: Inquiry) -> list[Suspect]:
    """All of B computes in float behind an int8 interface."""
    case, parts = inquiry.case, inquiry.open("operators")
    computing, floating = _operators(case)
    if not parts or len(floating) < len(computing):
        return []
    evidence = (
        f"All {len(computing)} operators of B compute in float; its input is "
        f"{case.b.input.dtype}, its output {case.b.output.dtype}. A computes in int8."
    )
    return [Suspect(frozenset(parts), (evidence,))]


def some_in_float(inquiry: Inquiry) -> list[Suspect]:
    """Groups of B's operators compute in float."""
    case = inquiry.case
    computing, floating = _operators(case)
    suspects = []
    for part in inquiry.open("operators"):
        operator = case.operator(part)
        evidence = (
            f"{case.title(operator.index)} computes in float in B, in int8 in A; "
            f"{len(floating)} of {len(computing)} operators of B do."
        )
        suspects.append(
            Suspect(frozenset({part}), (evidence,), operator.index, operator.outputs[0])
        )
    return suspects


def _operators(case: Case) -> tuple[Sequence[Operator], Sequence[Operator]]:
    """B's operators that compute, and those of them that do so in float."""
    computing = [o for o in case.b.operators if o.name not in CONVERSIONS]
    floating = [o for o in computing if case.b.tensors[o.outputs[0]].dtype == "float32"]
    return computing, floating
