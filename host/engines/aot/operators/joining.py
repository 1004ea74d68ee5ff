"""Lowering of the operators that join tensors along an axis, and of those that cut one.

Types are those that TFLite-Micro's kernels take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from host.engines.aot.core.ir import Constant, Lowered
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.strides import MOVED, Dim, Walk, copy_call
from host.models.tflite import Tensor


def concatenation(site: Site) -> Lowered:
    """CONCATENATION along any axis, constants among the inputs."""
    site.count_inputs(1, len(site.operator.inputs))
    y = site.output(types=MOVED)
    inputs = [site.operand(i, (y.dtype,)) for i in range(len(site.operator.inputs))]
    if site.option("fusedActivationFunction") != 0:
        raise site.refuse("has a fused activation")
    if y.dtype == "int8" and any(_scales(x) != _scales(y) for x in inputs):
        raise site.refuse("has inputs with other scales or zero points than its output")
    axis = site.axis(int(site.option("axis")), len(y.shape))
    shapes = [x.shape for x in inputs]
    if any(len(s) != len(y.shape) for s in shapes):
        raise site.refuse(f"has input shapes {shapes} for an output of shape {y.shape}")
    joined = sum(shape[axis] for shape in shapes)
    for shape in shapes:
        site.check_output_shape((*shape[:axis], joined, *shape[axis + 1 :]))
    return _join(site, inputs, y, math.prod(y.shape[:axis]))


def pack(site: Site) -> Lowered:
    """PACK: equal tensors along a new axis, constants among them."""
    count = int(site.option("valuesCount"))
    site.count_inputs(max(count, 1), count)
    y = site.output(types=MOVED)
    inputs = [site.operand(i, (y.dtype,)) for i in range(count)]
    axis = site.axis(int(site.option("axis")), len(inputs[0].shape) + 1)
    for x in inputs:
        site.check_output_shape((*x.shape[:axis], count, *x.shape[axis:]))
    return _join(site, inputs, y, math.prod(y.shape[:axis]))


def _join(site: Site, inputs: Sequence[Tensor], y: Tensor, rows: int) -> Lowered:
    """``rows`` times: a part of each input, one behind the other."""
    pitch = y.size // rows
    calls, start = [], 0
    for x in inputs:
        part = x.size // rows
        walk = Walk((Dim(rows, part, pitch), Dim(part, 1, 1)), target=start)
        calls.append(copy_call(site, _operand(x), walk, y))
        start += part
    computed = tuple(x.index for x in inputs if x.data is None)
    if len(inputs) == 1 and computed:
        return Lowered(site.operator, computed, (y.index,), ())
    return Lowered(site.operator, computed, (y.index,), tuple(calls))


def split(site: Site) -> Lowered:
    """SPLIT into equal parts; the axis comes first."""
    site.count_inputs(2, 2, len(site.operator.outputs))
    x = site.activation(1, MOVED)
    axis = site.axis(site.integer(0, "axis"), len(x.shape))
    count = len(site.operator.outputs)
    for position in range(count):
        size, rest = divmod(x.shape[axis], count)
        if rest:
            raise site.refuse(f"has input shape {x.shape} and {count} outputs")
        site.check_output_shape((*x.shape[:axis], size, *x.shape[axis + 1 :]), position)
    return _parts(site, x, axis)


def split_v(site: Site) -> Lowered:
    """SPLIT_V into the parts that the outputs' shapes say, as TFLite-Micro does."""
    site.count_inputs(3, 3, len(site.operator.outputs))
    x = site.activation(0, MOVED)
    axis = site.axis(site.integer(2, "axis"), len(x.shape))
    shapes = [site.graph.tensors[i].shape for i in site.operator.outputs]
    fits = all(
        len(s) == len(x.shape)
        and s[:axis] == x.shape[:axis]
        and s[axis + 1 :] == x.shape[axis + 1 :]
        for s in shapes
    )
    if not fits or sum(s[axis] for s in shapes) != x.shape[axis]:
        raise site.refuse(f"has input shape {x.shape} and output shapes {shapes}")
    return _parts(site, x, axis)


def unpack(site: Site) -> Lowered:
    """UNPACK along any axis."""
    count = len(site.operator.outputs)
    site.count_inputs(1, 1, count)
    x = site.activation(0, MOVED)
    axis = site.axis(int(site.option("axis")), len(x.shape))
    if x.shape[axis] != count or int(site.option("num")) != count:
        raise site.refuse(f"has input shape {x.shape} and {count} outputs")
    for position in range(count):
        site.check_output_shape((*x.shape[:axis], *x.shape[axis + 1 :]), position)
    return _parts(site, x, axis)


def _parts(site: Site, x: Tensor, axis: int) -> Lowered:
    """Cut an input along an axis; the outputs' sizes have been checked."""
    rows = math.prod(x.shape[:axis])
    pitch = x.size // rows
    calls, start = [], 0
    outputs = [site.output(i, (x.dtype,)) for i in range(len(site.operator.outputs))]
    for y in outputs:
        part = y.size // rows
        walk = Walk((Dim(rows, pitch, part), Dim(part, 1, 1)), source=start)
        calls.append(copy_call(site, x.index, walk, y))
        start += part
    indices = tuple(y.index for y in outputs)
    return Lowered(site.operator, (x.index,), indices, tuple(calls) if len(outputs) > 1 else ())


def _operand(tensor: Tensor) -> int | Constant:
    return tensor.index if tensor.data is None else Constant("values", tensor.data)


def _scales(tensor: Tensor) -> tuple[float, int]:
    return scale_of(tensor), zero_point_of(tensor)


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "CONCATENATION": concatenation,
    "PACK": pack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "UNPACK": unpack,
}
