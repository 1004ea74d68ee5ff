"""Explanations made by hand, for the tests of how they are shown: no tool, no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from host.diagnosis.records import (
    Agreement,
    Difference,
    Explanation,
    Finding,
    Intervention,
    InterventionKind,
    Layer,
    Signal,
    Subject,
)
from host.models.tflite import Graph
from host.verdict.statistics import Interval
from tests.evaluations import LAYERS, graph

KERAS = ("conv", "separable_1", "separable_1", "separable_2", "separable_2", "pool", "logits", "")
SQNR_A = (38.1, 36.4, 33.9, 34.2, 31.7, 33.0, 29.4, 27.9)
SQNR_B = (39.0, 35.2, 27.1, 25.8, 24.9, 26.3, 22.5, 21.0)
DIFFERING = (0.0, 0.0, 0.412, 0.463, 0.377, 0.291, 0.364, 0.103)
RESTORED = (0.0, 0.0, 4.1, 1.3, 2.2, 0.1, 0.6, -0.2)


def explanation(folder: Path, layers: int = 8) -> Explanation:
    """QAT against PTQ of the same weights: ranges and granularity differ, all together equal."""
    return Explanation(
        a=Subject("qat-int8", "route qat-int8 of digits-demo, seed 7", graph()),
        b=Subject("qat-weights-ptq", "route qat-weights-ptq of digits-demo, seed 7", graph()),
        dataset="digits",
        reference="the trained Keras model",
        agreement=Agreement(
            samples=497,
            equal_outputs=0.8971,
            equal_samples=0.4326,
            equal_predictions=494 / 497,
            mean_steps=0.31,
            max_steps=29,
            accuracy={
                "float": Interval(0.9618, 0.941, 0.9754),
                "a": Interval(0.9598, 0.9387, 0.9738),
                "b": Interval(0.9598, 0.9387, 0.9738),
            },
        ),
        layers=tuple(_layer(i) for i in range(layers)),
        interventions=(
            _intervention("group", "activation ranges", 7, 1.7, 1.7, 5.0, 0.9141),
            _intervention("group", "weights", 5, 0.4, 7.6, 4.1, 0.9901),
            _intervention("group", "biases", 5, 0.0, 0.99, 1.19, 1.0),
            _intervention("all", "all parameters", 17, 10.29, None, None, None),
            _intervention("cause", "ranges of operators 2 and 4", 2, 1.5, None, None, None),
            _intervention("cause", "weights per tensor", 5, 0.4, None, None, None),
            _intervention("input", "the samples times 255", 0, -3.4, None, None, None),
            *(_operator(i, layers) for i in range(layers)),
        ),
        equal_after_all=1.0,
        findings=(
            Finding(
                "weight-granularity",
                None,
                None,
                0.4,
                ("A quantizes the weights of 3 operators per tensor, B per channel.",),
                "Convert both with per-channel weights.",
            ),
            Finding(
                "qat-ranges-unconverged",
                2,
                "model/separable_1/pointwise/Relu",
                1.5,
                (
                    "A's output range starts at −4.64 although nothing below 0 comes out of a "
                    "ReLU: zero point −12 instead of −128.",
                    "−4.64 is −6 · 0.999²⁵⁶: the moving average after 256 steps from tfmot's ±6.",
                    "94 of 256 codes are used, in B 255.",
                ),
                "Train longer (about 4800 steps), or calibrate the ranges before QAT starts.",
            ),
        ),
        first_difference=2,
        unaligned=("A's operator 8 QUANTIZE has no partner: B computes int8 throughout.",),
        notes=("The weights of operator 0 differ in 12 of 72 codes by at most 1: rounding.",),
        conditions={"tflite-micro": "0.dev20261023182759", "samples": "497 of digits"},
        folder=folder,
        command="python -m host explain qat-int8 qat-weights-ptq --dataset digits",
    )


def bare(base: Explanation) -> Explanation:
    """The same models with None and nothing wherever that may be."""
    layer = Layer(3, None, "CONV_2D", "t", (), None, None, (), None, None, None, None, None)
    return dataclasses.replace(
        base,
        reference=None,
        agreement=dataclasses.replace(base.agreement, equal_predictions=None, accuracy={}),
        layers=(
            layer,
            dataclasses.replace(layer, operator=None, operator_a=4),
            dataclasses.replace(layer, operator_a=5, a=Signal(None, 3, 0, 0, None)),
            dataclasses.replace(layer, differences=(_range(7, 0.1, 0.2, 0, 0),)),
        ),
        interventions=(_intervention("group", "weights", 1, 0.0, None, None, None),),
        equal_after_all=None,
        findings=(Finding("unknown", None, None, 0.2, (), ""),),
        first_difference=None,
        unaligned=(),
        notes=(),
        conditions={},
    )


def numberless(base: Explanation, value: float) -> Explanation:
    """The same explanation with ``value``, a NaN or an infinity, for every float in it."""
    changed: Explanation = _with_floats(base, value)
    return changed


def hostile(base: Explanation, name: str) -> Explanation:
    """The same explanation with ``name`` wherever a model or a user brings a text."""
    net = base.a.graph
    subject = Subject(
        *(name, name, net),
        device=np.zeros((3, 10), np.int8),
        device_name=name,
        deployed=np.zeros((3, 4)),
    )
    return dataclasses.replace(
        base,
        a=subject,
        b=subject,
        dataset=name,
        reference=name,
        layers=tuple(
            dataclasses.replace(
                layer,
                name=name,
                tensor=name,
                keras=(name, name),
                differences=tuple(dataclasses.replace(d, name=name) for d in layer.differences),
            )
            for layer in base.layers
        ),
        interventions=tuple(dataclasses.replace(row, name=name) for row in base.interventions),
        findings=tuple(
            dataclasses.replace(f, cause=name, tensor=name, evidence=(name,), remedy=name)
            for f in base.findings
        ),
        unaligned=(name,),
        notes=(name,),
        conditions={name: name},
        command=name,
    )


def _layer(index: int) -> Layer:
    kind, tensor, _ = LAYERS[index % 8]
    keras = KERAS[index % 8]
    differences = []
    if index % 8 in (2, 4):
        differences.append(_range(index + 1, 0.0402, 0.0219, -12, -128))
    if kind.endswith("CONV_2D") or kind == "FULLY_CONNECTED":
        many = 1 if kind == "DEPTHWISE_CONV_2D" else 16
        differences += [
            Difference(
                "weights", 20 + index, f"{tensor}/weights", many, 16, 0.0061, 0.0048, 0, 0,
                0.89 if many == 1 else 0.02, 61 if many == 1 else 1, 1.0 if many > 1 else 0.97,
            ),
            Difference(
                "bias", 40 + index, f"{tensor}/bias", many, 16, 2.4e-5, 1.9e-5, 0, 0, 0.94, 2041,
                0.99,
            ),
        ]  # fmt: skip
    return Layer(
        operator=index,
        operator_a=index,
        name=kind,
        tensor=tensor,
        keras=(keras,) if keras else (),
        aligned="order" if index else "signal",
        correlation=0.9971,
        differences=tuple(differences),
        a=Signal(SQNR_A[index % 8], 94 if index % 8 in (2, 4) else 251, 0.31, 0.0004, 0.0),
        b=Signal(SQNR_B[index % 8], 255, 0.42, 0.0021, 0.0013),
        differing=DIFFERING[index % 8],
        sqnr_ab=float("inf") if index < 2 else 24.8,
        restored=RESTORED[index % 8],
    )


def _range(tensor: int, scale_a: float, scale_b: float, point_a: int, point_b: int) -> Difference:
    name = "model/separable_1/pointwise/Relu"
    return Difference("range", tensor, name, 1, 1, scale_a, scale_b, point_a, point_b, 0, 0, None)


def _intervention(
    kind: InterventionKind,
    name: str,
    parameters: int,
    alone: float,
    added: float | None,
    share: float | None,
    equal_added: float | None,
) -> Intervention:
    equal = min(1.0, 0.8971 + alone / 100)
    return Intervention(kind, name, parameters, alone, added, share, equal, equal_added)


def _operator(index: int, layers: int) -> Intervention:
    added = 10.29 / layers
    after = min(1.0, 0.8971 + (index + 1) * added / 100)
    name = f"operator {index} {LAYERS[index % 8][0]}"
    return _intervention("operator", name, 2, RESTORED[index % 8], added, None, after)


def _with_floats(value: Any, number: float) -> Any:
    if isinstance(value, float):
        return number
    if isinstance(value, tuple):
        return tuple(_with_floats(item, number) for item in value)
    if isinstance(value, Mapping):
        return {key: _with_floats(item, number) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, Graph | type):
        names = (field.name for field in dataclasses.fields(value))
        changes = {name: _with_floats(getattr(value, name), number) for name in names}
        return dataclasses.replace(value, **changes)
    return value
