"""What the converter wrote into a .tflite about itself."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import encode  # type: ignore[import-untyped]
from flatbuffers.number_types import Int32Flags, UOffsetTFlags  # type: ignore[import-untyped]
from flatbuffers.table import Table  # type: ignore[import-untyped]

from host.models.tflite import Graph

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
