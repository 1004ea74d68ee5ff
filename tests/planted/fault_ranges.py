"""Faults of activation ranges: one operator's, QAT's, and none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host.models import tflite
from host.models.tflite import Graph
from tests.planted import converting, surgery
from tests.planted.workshop import Case, Pair, Workshop, shared

ONE, UNCONVERGED, IGNORED, ISLAND = (
    "activation-range",
    "qat-ranges-unconverged",
    "representative-data-ignored",
    "float-island",
)
_QAT_EPOCHS = 2

# --- one operator's output range --------------------------------------------------------------


def _range(
    graph: Graph, operator: int, factor: float, shift: int = 0, consistent: bool = False
) -> Graph:
    tensor = surgery.output_of(graph, operator)
    q = surgery.quantization(tensor)
    change = surgery.with_consistent_range if consistent else surgery.with_range
    return change(graph, tensor, q.scale * factor, q.zero_point + shift)


def _one_range(
    network: str, operator: int, factor: float, shift: int = 0, consistent: bool = False
) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        b = _range(workshop.healthy(network), operator, factor, shift, consistent)
        return workshop.pair(case, network, b, operator)

    return make


def _one_range_of_shared(name: str, operator: int, factor: float) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        graph = shared(name)
        return workshop.patched(case, graph, _range(graph, operator, factor), operator)

    return make


# --- quantization-aware training that was stopped too early -----------------------------------


def _stopped(workshop: Workshop, network: str) -> tuple[Graph, Graph, Graph, Path]:
    """QAT's conversion with ranges as they are after a few epochs, with converged ones, and PTQ of
    its weights; and those weights in a float model."""
    names = [f"{network}-qat-{kind}" for kind in ("stopped.tflite", "settled.tflite", "ptq.tflite")]
    weights = f"{network}-qat-weights.h5"

    def make(first: Path) -> None:
        data = workshop.data(network)
        samples = workshop.samples(network)
        plain = converting.load(workshop.keras(network))
        qat = converting.quantization_aware(plain, data, _QAT_EPOCHS)
        first.write_bytes(converting.convert(qat, samples[:10]))
        trained = converting.without_quantizers(qat, plain)
        trained.save(workshop.folder / weights, include_optimizer=False)
        converting.settle_ranges(qat, data)
        for name, model in ((names[1], qat), (names[2], trained)):
            (workshop.folder / name).write_bytes(converting.convert(model, samples))

    workshop.once(names[0], make)
    stopped, settled, ptq = (tflite.load(workshop.folder / name) for name in names)
    return stopped, settled, ptq, workshop.folder / weights


def _against_settled(network: str) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        stopped, settled, _, weights = _stopped(workshop, network)
        return workshop.pair(case, network, stopped, a=settled, keras=weights)

    return make


def _against_ptq(network: str) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        stopped, _, ptq, weights = _stopped(workshop, network)
        return workshop.pair(case, network, stopped, a=ptq, keras=weights)

    return make


# --- no ranges at all, or not everywhere ------------------------------------------------------


def _ignored(network: str, *, int8_input: bool) -> Any:
    """The converter leaves the input float, and the output int8; or int8 was put before it."""

    def make(workshop: Workshop, case: str) -> Pair:
        model = converting.load(workshop.keras(network))
        b = tflite.parse(converting.convert(model, workshop.samples(network)[:0]))
        if int8_input:
            q = surgery.quantization(workshop.healthy(network).input)
            b = surgery.with_int8_input(b, q)
        return workshop.pair(case, network, b)

    return make


def _island(network: str, operator: int, *, interface: bool = False) -> Any:
    """As TensorFlow's quantization debugger leaves an operator float, its weights too; with the
    debugger's float interface, or without."""

    def make(workshop: Workshop, case: str) -> Pair:
        chosen = workshop.healthy(network).operators[operator]
        node = surgery.output_of(workshop.healthy(network), operator).name
        model = converting.load(workshop.keras(network))
        content = converting.convert_with_float(model, workshop.samples(network), node)
        b = tflite.parse(content)
        if not interface:
            b = surgery.without_interface(b)
        return workshop.pair(case, network, b, surgery.find(b, chosen.name, "float32").index)

    return make


def _island_in_shared(name: str, first: int, last: int) -> Any:
    """Several operators in a row; no single one is to blame."""

    def make(workshop: Workshop, case: str) -> Pair:
        graph = shared(name)
        b = surgery.with_float_operators(graph, first, last)
        return workshop.patched(case, graph, b, None)

    return make


CASES = (
    Case("separable-output-scale-doubled", ONE, _one_range("separable", 2, 2.0)),
    Case("separable-output-zero-point-shifted", ONE, _one_range("separable", 3, 1.0, 140)),
    Case("residual-branch-scale-doubled", ONE, _one_range("residual", 2, 2.0)),
    Case("residual-dense-scale-halved", ONE, _one_range("residual", 8, 0.5)),
    Case("perceptron-hidden-scale-doubled", ONE, _one_range("perceptron", 2, 2.0)),
    Case("perceptron-logits-scale-doubled", ONE, _one_range("perceptron", 3, 2.0)),
    Case(
        "perceptron-hidden-range-too-small",
        ONE,
        _one_range("perceptron", 1, 0.4, consistent=True),
    ),
    Case("logits-range-too-wide", ONE, _one_range("logits", 1, 6.0, consistent=True)),
    Case("kws-output-scale-doubled", ONE, _one_range_of_shared("mlperf_kws_int8.tflite", 3, 2.0)),
    Case("ic-output-scale-halved", ONE, _one_range_of_shared("mlperf_ic_int8.tflite", 4, 0.5)),
    Case("separable-qat-stopped", UNCONVERGED, _against_settled("separable")),
    Case("separable-qat-stopped-against-ptq", UNCONVERGED, _against_ptq("separable")),
    Case("perceptron-qat-stopped", UNCONVERGED, _against_settled("perceptron")),
    Case("perceptron-qat-stopped-against-ptq", UNCONVERGED, _against_ptq("perceptron")),
    Case("perceptron-no-representative-data", IGNORED, _ignored("perceptron", int8_input=False)),
    Case("logits-no-representative-data", IGNORED, _ignored("logits", int8_input=True)),
    Case("residual-float-convolution", ISLAND, _island("residual", 1)),
    Case("perceptron-float-dense", ISLAND, _island("perceptron", 2)),
    Case("separable-float-mean", ISLAND, _island("separable", 5)),
    Case("logits-float-convolution", ISLAND, _island("logits", 2, interface=True)),
    Case("kws-float-operators", ISLAND, _island_in_shared("mlperf_kws_int8.tflite", 5, 7)),
)
