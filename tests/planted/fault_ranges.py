"""Faults of activation ranges: one operator's, QAT's, and none at all."""

from pathlib import Path

from host.models import tflite
from host.models.tflite import Graph
from tests.planted import converting, surgery
from tests.planted.workshop import IC, KWS, Case, Pair, Workshop

ONE = "activation-range"
UNCONVERGED = "qat-ranges-unconverged"
IGNORED = "representative-data-ignored"
ISLAND = "float-island"
_QAT_EPOCHS = 2


def _one_range(
    workshop: Workshop,
    case: str,
    network: str,
    operator: int,
    factor: float,
    shift: int = 0,
    consistent: bool = False,
) -> Pair:
    graph = workshop.healthy(network)
    tensor = surgery.output_of(graph, operator)
    q = surgery.quantization(tensor)
    change = surgery.with_consistent_range if consistent else surgery.with_range
    b = change(graph, tensor, q.scale * factor, q.zero_point + shift)
    return workshop.pair(case, network, b, operator)


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


def _against_settled(workshop: Workshop, case: str, network: str) -> Pair:
    stopped, settled, _, weights = _stopped(workshop, network)
    return workshop.pair(case, network, stopped, a=settled, keras=weights)


def _against_ptq(workshop: Workshop, case: str, network: str) -> Pair:
    stopped, _, ptq, weights = _stopped(workshop, network)
    return workshop.pair(case, network, stopped, a=ptq, keras=weights)


def _ignored(workshop: Workshop, case: str, network: str, *, int8_input: bool) -> Pair:
    """The converter leaves the input float, and the output int8; or int8 was put before it."""
    model = converting.load(workshop.keras(network))
    b = tflite.parse(converting.convert(model, workshop.samples(network)[:0]))
    if int8_input:
        q = surgery.quantization(workshop.healthy(network).input)
        b = surgery.with_int8_input(b, q)
    return workshop.pair(case, network, b)


def _island(
    workshop: Workshop, case: str, network: str, operator: int, *, interface: bool = False
) -> Pair:
    """As TensorFlow's quantization debugger leaves an operator float, its weights too; with the
    debugger's float interface, or without."""
    chosen = workshop.healthy(network).operators[operator]
    node = surgery.output_of(workshop.healthy(network), operator).name
    model = converting.load(workshop.keras(network))
    content = converting.convert_with_float(model, workshop.samples(network), node)
    b = tflite.parse(content)
    if not interface:
        b = surgery.without_interface(b)
    return workshop.pair(case, network, b, surgery.find(b, chosen.name, "float32").index)


def _several_islands(workshop: Workshop, case: str, network: str, first: int, last: int) -> Pair:
    """Several operators in a row; no single one is to blame."""
    b = surgery.with_float_operators(workshop.healthy(network), first, last)
    return workshop.pair(case, network, b)


CASES = (
    Case.of("separable-output-scale-doubled", ONE, _one_range, "separable", 2, 2.0),
    Case.of("separable-output-zero-point-shifted", ONE, _one_range, "separable", 3, 1.0, 140),
    Case.of("residual-branch-scale-doubled", ONE, _one_range, "residual", 2, 2.0),
    Case.of("residual-dense-scale-halved", ONE, _one_range, "residual", 8, 0.5),
    Case.of("perceptron-hidden-scale-doubled", ONE, _one_range, "perceptron", 2, 2.0),
    Case.of("perceptron-logits-scale-doubled", ONE, _one_range, "perceptron", 3, 2.0),
    Case.of(
        "perceptron-hidden-range-too-small", ONE, _one_range, "perceptron", 1, 0.4, consistent=True
    ),
    Case.of("logits-range-too-wide", ONE, _one_range, "logits", 1, 6.0, consistent=True),
    Case.of("kws-output-scale-doubled", ONE, _one_range, KWS, 3, 2.0),
    Case.of("ic-output-scale-halved", ONE, _one_range, IC, 4, 0.5),
    Case.of("separable-qat-stopped", UNCONVERGED, _against_settled, "separable"),
    Case.of("separable-qat-stopped-against-ptq", UNCONVERGED, _against_ptq, "separable"),
    Case.of("perceptron-qat-stopped", UNCONVERGED, _against_settled, "perceptron"),
    Case.of("perceptron-qat-stopped-against-ptq", UNCONVERGED, _against_ptq, "perceptron"),
    Case.of("perceptron-no-representative-data", IGNORED, _ignored, "perceptron", int8_input=False),
    Case.of("logits-no-representative-data", IGNORED, _ignored, "logits", int8_input=True),
    Case.of("residual-float-convolution", ISLAND, _island, "residual", 1),
    Case.of("perceptron-float-dense", ISLAND, _island, "perceptron", 2),
    Case.of("separable-float-mean", ISLAND, _island, "separable", 5),
    Case.of("logits-float-convolution", ISLAND, _island, "logits", 2, interface=True),
    Case.of("kws-float-operators", ISLAND, _several_islands, KWS, 5, 7),
)
