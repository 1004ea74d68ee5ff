"""Healthy pairs: nothing is wrong with them, however B came about."""

import subprocess
import sys

from host.base.paths import ROOT
from host.models.tflite import Graph
from tests.planted import converting, surgery
from tests.planted.workshop import IC, KWS, Case, Pair, Workshop, converted, patched


def _recalibrated(
    workshop: Workshop, case: str, network: str, *, seed: int = 1, count: int = 200, fewer: int = 0
) -> Pair:
    """B with other representative samples, drawn alike; A with ``fewer`` of them where given."""
    model = converting.load(workshop.keras(network))
    b = converting.convert(model, workshop.samples(network, seed, count))
    a = converting.convert(model, workshop.samples(network, 0, fewer)) if fewer else None
    return workshop.pair(case, network, b, a=a)


def _fresh_process(workshop: Workshop, case: str, network: str) -> Pair:
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


def _same_samples(workshop: Workshop, case: str, network: str) -> Pair:
    """The deployment feeds what the model was made for."""
    fed = workshop.data(network)["x"]
    return workshop.pair(case, network, workshop.healthy(network), deployed=fed)


def _equal_device(workshop: Workshop, case: str, network: str) -> Pair:
    return workshop.run_folder(case, network, workshop.healthy(network))


def _other_branch_first(graph: Graph) -> Graph:
    """Two branches that do not need each other, the other one first."""
    order = [0, 1, 2, 3, 6, 4, 5, *range(7, len(graph.operators))]
    return surgery.operators_in_order(graph, order)


CASES = (
    Case.of("separable-itself", None, patched, "separable", lambda graph: graph),
    Case.of("residual-renamed", None, patched, "residual", surgery.renamed),
    Case.of(
        "residual-tensors-reordered",
        None,
        patched,
        "residual",
        lambda graph: surgery.tensors_reordered(graph, 0),
    ),
    Case.of(
        "logits-renamed-and-reordered",
        None,
        patched,
        "logits",
        lambda graph: surgery.renamed(surgery.tensors_reordered(graph, 1)),
    ),
    Case.of("kws-renamed", None, patched, KWS, surgery.renamed),
    Case.of("ic-operators-reordered", None, patched, IC, _other_branch_first),
    Case.of("separable-recalibrated", None, _recalibrated, "separable"),
    Case.of("residual-recalibrated", None, _recalibrated, "residual", seed=2),
    Case.of("perceptron-recalibrated", None, _recalibrated, "perceptron", seed=3),
    Case.of("logits-recalibrated", None, _recalibrated, "logits", seed=4),
    Case.of("perceptron-100-against-200", None, _recalibrated, "perceptron", seed=0, fewer=100),
    Case.of("separable-100-against-200", None, _recalibrated, "separable", seed=0, fewer=100),
    Case.of("perceptron-keras-entry", None, converted, "perceptron", from_keras=True),
    Case.of("residual-keras-entry", None, converted, "residual", from_keras=True),
    Case.of("logits-fresh-process", None, _fresh_process, "logits"),
    Case.of("residual-same-samples-deployed", None, _same_samples, "residual"),
    Case.of("perceptron-equal-device", None, _equal_device, "perceptron"),
)
