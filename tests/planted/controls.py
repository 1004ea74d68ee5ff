"""Healthy pairs: nothing is wrong with them, however B came about."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from host.base.paths import ROOT
from host.models.tflite import Graph
from tests.planted import converting, surgery
from tests.planted.workshop import Case, Pair, Workshop, shared


def _changed(network: str, change: Callable[[Graph], Graph]) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        return workshop.pair(case, network, change(workshop.healthy(network)))

    return make


def _recalibrated(network: str, *, seed: int = 1, count: int = 200, fewer: int = 0) -> Any:
    """B with other representative samples, drawn alike; A with ``fewer`` of them where given."""

    def make(workshop: Workshop, case: str) -> Pair:
        model = converting.load(workshop.keras(network))
        b = converting.convert(model, workshop.samples(network, seed, count))
        a = None
        if fewer:
            a = converting.convert(model, workshop.samples(network, 0, fewer))
        return workshop.pair(case, network, b, a=a)

    return make


def _keras_entry(network: str) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        model = converting.load(workshop.keras(network))
        b = converting.convert(model, workshop.samples(network), from_keras=True)
        return workshop.pair(case, network, b)

    return make


def _fresh_process(network: str) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        target = workshop.folder / f"{case}.tflite"
        source, data = workshop.keras(network), workshop.data_file(network)
        command = [sys.executable, "-m", "tests.planted.converting"]
        subprocess.run(
            [*command, str(source), str(data), str(target)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return workshop.pair(case, network, target.read_bytes())

    return make


def _same_samples(network: str) -> Any:
    """The deployment feeds what the model was made for."""

    def make(workshop: Workshop, case: str) -> Pair:
        fed = workshop.data(network)["x"]
        return workshop.pair(case, network, workshop.healthy(network), deployed=fed)

    return make


def _equal_device(network: str) -> Any:
    def make(workshop: Workshop, case: str) -> Pair:
        return workshop.run_folder(case, network, workshop.healthy(network))

    return make


def _shared_renamed(workshop: Workshop, case: str) -> Pair:
    graph = shared("mlperf_kws_int8.tflite")
    return workshop.patched(case, graph, surgery.renamed(graph), None)


def _other_order(workshop: Workshop, case: str) -> Pair:
    """Two branches that do not need each other, the other one first."""
    graph = shared("mlperf_ic_int8.tflite")
    order = [0, 1, 2, 3, 6, 4, 5, *range(7, len(graph.operators))]
    return workshop.patched(case, graph, surgery.operators_in_order(graph, order), None)


CASES = (
    Case("separable-itself", None, _changed("separable", lambda graph: graph)),
    Case("residual-renamed", None, _changed("residual", surgery.renamed)),
    Case(
        "residual-tensors-reordered",
        None,
        _changed("residual", lambda graph: surgery.tensors_reordered(graph, 0)),
    ),
    Case(
        "logits-renamed-and-reordered",
        None,
        _changed("logits", lambda graph: surgery.renamed(surgery.tensors_reordered(graph, 1))),
    ),
    Case("kws-renamed", None, _shared_renamed),
    Case("ic-operators-reordered", None, _other_order),
    Case("separable-recalibrated", None, _recalibrated("separable")),
    Case("residual-recalibrated", None, _recalibrated("residual", seed=2)),
    Case("perceptron-recalibrated", None, _recalibrated("perceptron", seed=3)),
    Case("logits-recalibrated", None, _recalibrated("logits", seed=4)),
    Case("perceptron-100-against-200", None, _recalibrated("perceptron", seed=0, fewer=100)),
    Case("separable-100-against-200", None, _recalibrated("separable", seed=0, fewer=100)),
    Case("perceptron-keras-entry", None, _keras_entry("perceptron")),
    Case("residual-keras-entry", None, _keras_entry("residual")),
    Case("logits-fresh-process", None, _fresh_process("logits")),
    Case("residual-same-samples-deployed", None, _same_samples("residual")),
    Case("perceptron-equal-device", None, _equal_device("perceptron")),
)
