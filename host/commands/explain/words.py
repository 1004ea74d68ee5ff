"""Sentences, formats and choices that the three forms of an explanation share.

Pure text, like :mod:`host.report.formats`. Names come out of models: a renderer makes them visible
with ``words.plain`` where it shows them, the sentences here have that done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from host.commands.explain.explanation import Explanation, Subject
from host.diagnosis.analyse import Finding
from host.diagnosis.causes.registry import CAUSES
from host.diagnosis.comparison.interventions import Intervention, InterventionKind
from host.diagnosis.comparison.layers import Layer
from host.diagnosis.comparison.parameters import ParameterKind
from host.report.formats import number, percent, plain

KINDS: dict[ParameterKind, str] = {
    "range": "range",
    "weights": "weights",
    "bias": "bias",
}
ALIGNED: dict[str | None, str] = {
    "order": "by order",
    "name": "by name",
    "signal": "by signal",
    None: "no partner",
}


@dataclass(frozen=True)
class Group:
    """Interventions that are shown together."""

    key: str
    title: str
    lead: str
    rows: tuple[Intervention, ...]


# Key, title, lead, and the kinds of intervention that belong there.
_GROUPS: tuple[tuple[str, str, str, tuple[InterventionKind, ...]], ...] = (
    (
        "groups",
        "Groups of parameters",
        "All activation ranges of A, all weights, all biases.",
        ("group",),
    ),
    (
        "causes",
        "Suspected causes",
        "Only the parameters that the suspicion is about.",
        ("cause",),
    ),
    (
        "operators",
        "One operator at a time",
        "All parameters of A's operator: its output's range, weights, bias.",
        ("operator",),
    ),
)


def groups(explanation: Explanation) -> tuple[Group, ...]:
    """The interventions by what was put in, in their order; empty groups are left out."""
    made = (
        Group(
            key,
            title,
            lead,
            tuple(row for kind in kinds for row in explanation.interventions if row.kind == kind),
        )
        for key, title, lead, kinds in _GROUPS
    )
    return tuple(group for group in made if group.rows)


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """By effect, the largest first; an effect that is no number comes last."""
    return sorted(findings, key=lambda f: math.inf if math.isnan(f.effect) else -f.effect)


def points(value: float | None) -> str:
    """A change of the share of equal outputs, with its sign: ``+1.7``."""
    if value is None or not math.isfinite(value):
        return "—"
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{size:.1f}" if size >= 0.05 else f"{size:.1g}" if size >= 1e-4 else "0.0001"
    return ("+" if value > 0 else "−") + text


def decibels(value: float | None) -> str:
    """A ratio in dB to one decimal; ``∞`` where there is no noise, a dash where it is unknown."""
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.1f}".replace("-", "−")


_FORMS: dict[str, Callable[[float], str]] = {
    "sqnr": decibels,
    "codes": number,
    "low": percent,
    "high": percent,
    "outside": percent,
}


def both(layer: Layer, key: str) -> str:
    """One value of A's and of B's signal, ``A → B``; once where both read the same."""
    values = [None if signal is None else getattr(signal, key) for signal in (layer.a, layer.b)]
    a, b = ("—" if value is None else _FORMS[key](value) for value in values)
    return a if a == b else f"{a} → {b}"


def missing(explanation: Explanation) -> float:
    """How many points of output values are not equal; NaN without samples."""
    return 100 * (1 - explanation.agreement.equal_outputs)


def cause(finding: Finding) -> str:
    """The cause's identifier as words: ``qat-ranges-unconverged`` is ``QAT ranges unconverged``."""
    parts = plain(finding.cause).replace("_", "-").split("-")
    text = " ".join(part.upper() if part in ("qat", "tflm") else part for part in parts if part)
    return text[:1].upper() + text[1:]


def meaning(finding: Finding) -> str:
    """What the cause means; empty for one that is not listed."""
    known = CAUSES.get(finding.cause)
    return known.meaning if known else ""


def operator(layer: Layer) -> str:
    """``3 CONV_2D``, with B's index; ``A's 3 CONV_2D`` where B has none."""
    if layer.operator is not None:
        return f"{layer.operator} {plain(layer.name)}"
    if layer.operator_a is not None:
        return f"A's {layer.operator_a} {plain(layer.name)}"
    return plain(layer.name)


def place(explanation: Explanation, finding: Finding) -> str:
    """The finding's operator and Keras layers, or that it is of the whole model."""
    if finding.operator is None:
        return "the whole model"
    for layer in explanation.layers:
        if layer.operator == finding.operator:
            return f"operator {operator(layer)}{_of_keras(layer)}"
    return f"operator {finding.operator}"


def _of_keras(layer: Layer) -> str:
    return f" ({', '.join(plain(name) for name in layer.keras)})" if layer.keras else ""


def same(explanation: Explanation) -> bool:
    """True where every output value is equal."""
    return explanation.agreement.equal_outputs == 1


def headline(explanation: Explanation) -> str:
    """How far A and B agree, in one line."""
    agreement = explanation.agreement
    if same(explanation):
        return f"B computes what A computes, on all {number(agreement.samples)} samples"
    if not math.isfinite(agreement.equal_outputs):
        return "A and B could not be compared"
    if agreement.equal_outputs == 0:
        return "Not one output value of B equals A's"
    return f"B equals A in {percent(agreement.equal_outputs)} of output values"


def why(explanation: Explanation) -> list[str]:
    """The sentences under the headline: where they part, what changes, what can be undone."""
    if same(explanation):
        return ["Every output value is equal."]
    sentences = [_first(explanation), _predictions(explanation), _after_all(explanation)]
    return [sentence for sentence in sentences if sentence]


def largest(explanation: Explanation) -> str:
    """A sentence on the finding with the largest effect; empty where there is none."""
    findings, gap = ranked(explanation.findings), missing(explanation)
    if not findings or not math.isfinite(findings[0].effect) or not math.isfinite(gap):
        return ""
    best = findings[0]
    return (
        f"Largest measured cause: {_lower(cause(best))}, in {place(explanation, best)}. "
        f"Undoing it changes the share of equal values by {points(best.effect)} of the "
        f"{number(round(gap, 1))} points that are missing."
    )


def first_layer(explanation: Explanation) -> Layer | None:
    """The first whose outputs are not all equal, or None."""
    first = explanation.first_difference
    if first is None or not 0 <= first < len(explanation.layers):
        return None
    return explanation.layers[first]


def _first(explanation: Explanation) -> str:
    layer = first_layer(explanation)
    if layer is None:
        return "The first operator at which they part could not be determined."
    share = ""
    if layer.differing is not None and math.isfinite(layer.differing):
        share = f", where {percent(layer.differing)} of the values differ by more than rounding"
    return f"They part first at operator {operator(layer)}{_of_keras(layer)}{share}."


def _predictions(explanation: Explanation) -> str:
    agreement = explanation.agreement
    if agreement.equal_predictions is None or not math.isfinite(agreement.equal_predictions):
        return ""
    flips = round((1 - agreement.equal_predictions) * agreement.samples)
    if not flips:
        return f"No prediction of {number(agreement.samples)} changes."
    verb = "prediction changes" if flips == 1 else "predictions change"
    return f"{number(flips)} of {number(agreement.samples)} {verb}."


def _after_all(explanation: Explanation) -> str:
    share = explanation.equal_after_all
    if share is None or not math.isfinite(share):
        return ""
    if share == 1:
        return (
            "With all of A's parameters in B every output value is equal, so the difference "
            "lies in these parameters and nowhere else."
        )
    return (
        f"With all of A's parameters in B, {percent(share)} of the output values are equal; the "
        "rest lies in what has no partner, in the operators themselves, or in what runs them."
    )


def _lower(text: str) -> str:
    # "QAT stopped early" keeps its capitals.
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def executor(subject: Subject) -> str:
    """What computed a subject's outputs beside TFLM on the host; empty for nothing."""
    parts = []
    if subject.device is not None:
        name = f", {plain(subject.device_name)}" if subject.device_name else ""
        parts.append(f"with outputs of a device{name}")
    if subject.deployed is not None:
        parts.append("the deployment feeds its samples otherwise")
    return "; ".join(parts)


def telling(layers: Sequence[Layer], first: int | None, limit: int) -> list[int]:
    """The positions, in order, of at most ``limit`` layers that have the most to say.

    A layer with a partner, equal parameters and equal outputs has nothing to say.
    """
    spoken = [i for i, layer in enumerate(layers) if i == first or _says(layer)]
    spoken.sort(key=lambda i: (i != first, *(-weight for weight in _weight(layers[i])), i))
    return sorted(spoken[:limit])


def _says(layer: Layer) -> bool:
    return layer.aligned is None or bool(layer.differences) or any(_weight(layer))


def _weight(layer: Layer) -> tuple[float, float]:
    return strength(layer.restored), strength(layer.differing)


def strength(value: float | None) -> float:
    """How far from 0; 0 for what is unknown or infinite."""
    return abs(value) if value is not None and math.isfinite(value) else 0.0


def parameters(layer: Layer) -> str:
    """Which of a layer's parameters differ: ``range, weights, bias``; empty for none."""
    found = {difference.kind for difference in layer.differences}
    return ", ".join(word for kind, word in KINDS.items() if kind in found)
