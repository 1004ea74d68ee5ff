"""Files that are small and say a lot."""

import copy
from collections.abc import Iterator
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.aot.binary import add
from tests.aot.builder import Q, started


def bombs() -> Iterator[tuple[str, bytes, bool]]:
    """Well-formed files that refer to one thing so often that unpacking them never ends.

    Yields:
        A name, the file, and whether it must be refused.
    """
    for times in (300, 3000, 30000):
        for thing in ("tensors", "operators", "names", "buffers", "shapes", "strings"):
            yield f"bomb: {times} × {times} {thing}", _bomb(thing, times), True
    for times in (100, 1000):
        yield f"bomb: {times} tensors of one large buffer", _shared_buffer(times), False


def _bomb(thing: str, times: int) -> bytes:
    b = flatbuffers.Builder(1024)
    text = b.CreateString("n" * (times * 40 if thing in ("names", "strings") else 1))
    shape = b.CreateNumpyVector(np.ones(times * 10 if thing == "shapes" else 2, np.int32))
    schema.TensorStart(b)
    schema.TensorAddName(b, text)
    schema.TensorAddShape(b, shape)
    tensor = schema.TensorEnd(b)
    options = 0
    if thing == "strings":
        schema.VarHandleOptionsStart(b)
        schema.VarHandleOptionsAddSharedName(b, text)
        options = schema.VarHandleOptionsEnd(b)
    schema.OperatorStart(b)
    if options:
        schema.OperatorAddBuiltinOptionsType(b, schema.BuiltinOptions.VarHandleOptions)
        schema.OperatorAddBuiltinOptions(b, options)
    schema.OperatorAddInputs(b, shape)
    operator = schema.OperatorEnd(b)
    tensors = _repeated(b, tensor, 1 if thing in ("operators", "strings", "buffers") else times)
    operators = _repeated(b, operator, times if thing in ("operators", "strings") else 1)
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, tensors)
    schema.SubGraphAddOperators(b, operators)
    schema.SubGraphAddInputs(b, shape)
    schema.SubGraphAddOutputs(b, shape)
    graph = schema.SubGraphEnd(b)
    graphs = _repeated(b, graph, times)
    schema.BufferStart(b)
    buffers = _repeated(b, schema.BufferEnd(b), times * 50 if thing == "buffers" else 1)
    schema.ModelStart(b)
    schema.ModelAddSubgraphs(b, graphs)
    schema.ModelAddBuffers(b, buffers)
    b.Finish(schema.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def _shared_buffer(times: int) -> bytes:
    b, x = started((1, 4), Q.tensor(0.1))
    first = b.constant(np.zeros((1 << 20,), np.int8), Q.tensor(0.1))
    for _ in range(times):
        b.graph.tensors.append(copy.copy(b.graph.tensors[first]))
    return b.build([x], [add(b, x, x, Q.tensor(0.2))])


def _repeated(b: Any, item: int, times: int) -> int:
    b.StartVector(4, times, 4)
    for _ in range(times):
        b.PrependUOffsetTRelative(item)
    return int(b.EndVector())
