"""What is odd about a quantized model that may still run: its ranges, its operators."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from host.models.dataset import Dataset
from host.models.tflite import Graph
from host.quantize.routes import ActivationType
from host.report.formats import number, percent


@dataclass(frozen=True)
class Advice:
    """Not an error, but something that the user should act on."""

    code: str
    """A stable name."""
    message: str
    """What was seen."""
    remedy: str


# The code of the advice about dense layers with a scale for each channel.
PER_CHANNEL_DENSE = "per-channel-fully-connected"
# The newest version of an operator whose meaning TFLM's int8 kernels have, from the converter's
# table (tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc). TFLM itself resolves
# operators without looking at the version, so a newer meaning would be ignored silently.
_KNOWN_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 6,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "PAD": 2,
    "QUANTIZE": 2,
    "RESHAPE": 1,
    "SOFTMAX": 2,
}
# Ranges: the smallest that is believed, the least share of the input's range that data should
# fill, and the largest share of data values that may lie outside it.
_TINY_RANGE = 1e-6
_LEAST_FILLED = 0.25
_MOST_SATURATED = 0.01


def advise(
    graph: Graph, dataset: Dataset | None, activations: ActivationType
) -> tuple[Advice, ...]:
    """Advice on a model that ``check_graph`` has passed; ``dataset`` as there."""
    return (
        *_advise_ranges(graph),
        *_advise_input(graph, dataset),
        *_advise_operators(graph, activations),
    )


def _advise_ranges(graph: Graph) -> Iterator[Advice]:
    tiny = [t for t in graph.activations if t.quantization and t.scale < _TINY_RANGE]
    if tiny:
        names = ", ".join(f"{t.name} (scale {t.scale:g})" for t in tiny)
        yield Advice(
            "degenerate-range",
            f"Activations hardly vary on the representative data: {names}.",
            "Calibrate with real training samples; look for dead layers.",
        )


def _advise_input(graph: Graph, dataset: Dataset | None) -> Iterator[Advice]:
    codes = graph.input_codes
    if dataset is None or dataset.raw or codes.quantization is None:
        return
    low, high = codes.ends
    least, most = float(dataset.x.min()), float(dataset.x.max())
    share = float(np.count_nonzero(codes.outside(dataset.x))) / dataset.x.size
    data = f"the data's values go from {number(least)} to {number(most)}"
    range_ = f"the model's {codes.dtype} input covers {number(low)} to {number(high)}"
    if share > _MOST_SATURATED:
        yield Advice(
            "input-saturated",
            f"{percent(share)} of the input values are clipped: {data}, {range_}.",
            "Scale the samples and the representative data alike, as in training.",
        )
    elif most - least < _LEAST_FILLED * (high - low):
        yield Advice(
            "input-range-unused",
            f"Most of the input's codes are unused: {data}, {range_}.",
            "Scale the representative data as the samples are, as in training (0 to 255 against 0 "
            "to 1?).",
        )


def _advise_operators(graph: Graph, activations: ActivationType) -> Iterator[Advice]:
    per_channel = [o for o in graph.operators if graph.is_per_channel_dense(o)]
    if per_channel:
        yield Advice(
            PER_CHANNEL_DENSE,
            f"{graph.describe(per_channel[0])} has one scale per channel: TFLM from before May "
            "2024 computes it wrongly, without an error.",
            "Use the engine aot or a newer TFLM; or convert with "
            "_experimental_disable_per_channel_quantization_for_dense_layers = True.",
        )
    # The table is of int8 operators; those of int16 have versions of their own.
    known = _KNOWN_VERSIONS if activations == "int8" else {}
    newer = [o for o in graph.operators if o.version > known.get(o.name, o.version)]
    if newer:
        names = "; ".join(f"{graph.describe(o)} version {o.version}" for o in newer[:3])
        yield Advice(
            "operator-version",
            f"Operators are newer than what TFLM's int8 kernels are known to do: {names}.",
            "Trust the bit-for-bit comparison, not the version; or convert with an older "
            "TensorFlow.",
        )
