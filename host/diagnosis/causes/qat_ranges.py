"""The rule on ranges that quantization-aware training has learned, but not to the end."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import encode  # type: ignore[import-untyped]
from flatbuffers.number_types import Int32Flags, UOffsetTFlags  # type: ignore[import-untyped]
from flatbuffers.table import Table  # type: ignore[import-untyped]

from host.diagnosis.causes.inquiry import Inquiry, Suspect, parts_of
from host.diagnosis.comparison.case import CLIPS, Side
from host.models.tflite import Graph, Tensor
from host.report.formats import number, percent

# tfmot: MovingAverageQuantizer starts at ±6 and keeps 0.999 of the old value at each step.
_QAT_START, _QAT_DECAY = 6.0, 0.999
# Codes below zero after a ReLU from which on a range has not converged; data gives none at all.
_WASTED_CODES = 4
_RELU = (1, 3)  # the schema's ActivationFunctionType: RELU, RELU6


def unconverged(inquiry: Inquiry) -> list[Suspect]:
    """Ranges after ReLUs that begin below zero, in A or in B."""
    case, ranges = inquiry.case, inquiry.open_ranges()
    if not ranges:
        return []
    after_relus: dict[Side, list[Tensor]] = {"A": _relus(case.a), "B": _relus(case.b)}
    side = max(after_relus, key=lambda s: sum(_wasted(t) for t in after_relus[s]))
    bad = [t for t in after_relus[side] if _wasted(t) >= _WASTED_CODES]
    trained = trained_quantized(case.a if side == "A" else case.b)
    if len(bad) < max(1 if trained else 2, len(after_relus[side]) / 2):
        return []
    lows = [-_wasted(t) * t.scale for t in bad]
    points = sorted({t.zero_point for t in bad})
    between = " to ".join(number(point) for point in dict.fromkeys((points[0], points[-1])))
    evidence = [
        f"After a ReLU no value is below zero, yet {len(bad)} of {len(after_relus[side])} such "
        f"ranges in {side} begin at {number(min(lows), 3)} to {number(max(lows), 3)} (zero points "
        f"{between} instead of −128): those codes are never used.",
    ]
    steps = np.log(np.abs(lows) / _QAT_START) / np.log(_QAT_DECAY)
    if min(steps) > -1 and max(steps) - min(steps) < 0.2 * max(steps) + 20:
        evidence.append(
            f"{number(float(np.median(lows)), 3)} is what is left of tfmot's −6 after about "
            f"{max(0, round(float(np.median(steps))))} steps of its moving average "
            "(−6 · 0.999ⁿ)."
        )
    clipping = [r for r in ranges if r.outside(side) > CLIPS]
    if clipping:
        most = max(clipping, key=lambda r: max(r.outside("A"), r.outside("B")))
        evidence.append(
            f"{len(clipping)} of {len(ranges)} differing ranges clip in {side}: "
            f"{case.title(most.operator)} {percent(most.outside(side))} of its values."
        )
    if trained:
        evidence.append(
            f"{side}'s file says that it comes from quantization-aware training: the converter "
            "ignored the representative data set, which would have given other ranges."
        )
    return [Suspect(parts_of(ranges), tuple(evidence))]


def _relus(graph: Graph) -> list[Tensor]:
    """The int8 outputs of ReLUs."""
    tensors = [
        graph.tensors[o.outputs[0]]
        for o in graph.operators
        if o.name in ("RELU", "RELU6") or o.options.get("fusedActivationFunction") in _RELU
    ]
    return [t for t in tensors if t.dtype == "int8" and t.quantization is not None]


def _wasted(tensor: Tensor) -> int:
    """The codes that an int8 tensor has for values below zero."""
    return tensor.zero_point + 128


# What the converter writes into a .tflite about itself.
_NAME = b"CONVERSION_METADATA"
# ModelOptimizationMode, and the fields' places in their tables, as in
# tensorflow/compiler/mlir/lite/schema/conversion_metadata.fbs. TensorFlow has generated code for
# it, but importing that takes seconds.
_QUANTIZATION_AWARE_TRAINING = 2000
_OPTIONS, _MODES = 6, 4


def trained_quantized(graph: Graph) -> bool:
    """Whether the file says that it comes from quantization-aware training."""
    model = schema.ModelT.InitFromPackedBuf(graph.content, 0)
    for entry in model.metadata or []:
        data = model.buffers[entry.buffer].data
        if entry.name == _NAME and data is not None:
            return _QUANTIZATION_AWARE_TRAINING in _modes(bytes(data))
    return False


def _modes(content: bytes) -> list[int]:
    try:
        root = Table(content, encode.Get(UOffsetTFlags.packer_type, content, 0))
        place = root.Offset(_OPTIONS)
        options = Table(content, root.Indirect(place + root.Pos)) if place else None
        if options is None or not options.Offset(_MODES):
            return []
        values = options.GetVectorAsNumpy(Int32Flags, options.Offset(_MODES))
        return [int(v) for v in np.asarray(values)]
    except Exception:  # damaged metadata raises whatever its bytes lead to, and tells nothing
        return []
