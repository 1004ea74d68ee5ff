"""Sentences, formats and choices that the page and the terminal share.

Names come out of models: the sentences here have made them visible, see ``formats.plain``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from host.commands.explain.explanation import Explanation, Subject
from host.diagnosis.analyse import Finding
from host.diagnosis.causes.registry import CAUSES
from host.diagnosis.comparison.interventions import InterventionKind
from host.diagnosis.comparison.layers import Layer
from host.report.formats import DASH, fixed, many, number, percent, plain

# Title and lead of the interventions of each kind, in the order in which they are shown.
GROUPS: Mapping[InterventionKind, tuple[str, str]] = {
    "group": ("Groups of parameters", "All activation ranges of A, all weights, all biases."),
    "cause": ("Suspected causes", "Only the parameters that the suspicion is about."),
    "operator": (
        "One operator at a time",
        "All parameters of A's operator: its output's range, weights, bias.",
    ),
}


def points(value: float | None) -> str:
    """A change of the share of equal outputs, with its sign: ``+1.7``."""
    if not value:
        return DASH if value is None else "0"
    size = max(abs(value), 1e-4)
    return ("+" if value > 0 else "−") + (f"{size:.1f}" if size >= 0.05 else f"{size:.1g}")


def decibels(value: float | None) -> str:
    """A ratio in dB to one decimal; ``∞`` where there is no noise, a dash where it is unknown."""
    return "∞" if value == math.inf else fixed(value, 1)


_FORMS: Mapping[str, Callable[[Any], str]] = {"sqnr": decibels, "codes": number}


def both(layer: Layer, key: str) -> str:
    """One value of A's and of B's signal, ``A → B``; once where both read the same."""
    form = _FORMS.get(key, percent)
    a, b = (DASH if s is None else form(getattr(s, key)) for s in (layer.a, layer.b))
    return a if a == b else f"{a} → {b}"


def operator(layer: Layer) -> str:
    """``3 CONV_2D``, with B's index; ``A's 3 CONV_2D`` where B has none."""
    if layer.operator is not None:
        return f"{layer.operator} {plain(layer.name)}"
    return f"A's {layer.operator_a} {plain(layer.name)}"


def place(explanation: Explanation, finding: Finding) -> str:
    """The finding's operator and Keras layers, or that it is of the whole model."""
    for layer in explanation.layers:
        if finding.operator is not None and layer.operator == finding.operator:
            return _place(layer)
    return "the whole model"


def _place(layer: Layer) -> str:
    keras = f" ({', '.join(plain(name) for name in layer.keras)})" if layer.keras else ""
    return f"operator {operator(layer)}{keras}"


def executor(subject: Subject) -> str:
    """What else is known of a subject: a device's outputs, other samples; empty for nothing."""
    parts = []
    if subject.device_samples is not None:
        name = f", {plain(subject.device)}" if subject.device else ""
        parts.append(f"with outputs of a device{name}")
    if subject.deployed_otherwise:
        parts.append("the deployment feeds other samples")
    return "; ".join(parts)


def parameters(layer: Layer) -> str:
    """Which of a layer's parameters differ: ``range, weights, bias``; empty for none."""
    kinds = {difference.kind for difference in layer.differences}
    return ", ".join(kind for kind in ("range", "weights", "bias") if kind in kinds)


def why(explanation: Explanation) -> list[str]:
    """The sentences under the headline: where A and B diverge, what changes, what can be undone."""
    if explanation.same:
        return ["Every output value is equal."]
    sentences = [_first(explanation), _predictions(explanation), _after_all(explanation)]
    return [sentence for sentence in sentences if sentence]


def largest(explanation: Explanation) -> str:
    """A sentence on the finding with the largest effect; empty where there is none."""
    if not explanation.findings:
        return ""
    best = explanation.findings[0]
    title = CAUSES[best.cause].title
    if not title[1:2].isupper():  # "QAT ranges" keeps its capitals
        title = title[0].lower() + title[1:]
    return (
        f"Largest measured cause: {title}, in {place(explanation, best)}. Undoing it changes the "
        f"share of equal values by {points(best.effect)} of the {fixed(explanation.missing, 1)} "
        "points that are missing."
    )


def _first(explanation: Explanation) -> str:
    if explanation.first_layer is None:
        return "The first operator at which they diverge could not be determined."
    layer, share = explanation.layers[explanation.first_layer], ""
    if layer.differing is not None:
        share = f", where {percent(layer.differing)} of the values differ by more than rounding"
    return f"They first diverge at {_place(layer)}{share}."


def _predictions(explanation: Explanation) -> str:
    agreement = explanation.agreement
    if agreement.equal_predictions is None:
        return ""
    flips = round((1 - agreement.equal_predictions) * agreement.samples)
    if not flips:
        return f"No prediction changes in {many(agreement.samples, 'sample')}."
    verb = "prediction changes" if flips == 1 else "predictions change"
    return f"{number(flips)} of {number(agreement.samples)} {verb}."


def _after_all(explanation: Explanation) -> str:
    share = explanation.equal_after_all
    if share is None:
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


def telling(layers: Sequence[Layer], first: int | None, limit: int) -> list[int]:
    """The positions, in order, of at most ``limit`` layers that have the most to say.

    A layer with a partner, equal parameters and equal outputs has nothing to say.
    """
    speaking = [
        i
        for i, layer in enumerate(layers)
        if i == first or layer.aligned is None or layer.differences or any(_weight(layer))
    ]
    speaking.sort(key=lambda i: (i != first, *(-weight for weight in _weight(layers[i])), i))
    return sorted(speaking[:limit])


def _weight(layer: Layer) -> tuple[float, float]:
    return abs(layer.restored or 0.0), layer.differing or 0.0
