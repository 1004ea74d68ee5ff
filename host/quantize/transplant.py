"""QAT's ranges and granularity in the plain model's int8 file.

Post-training quantization gives weights that QAT has trained other activation ranges, and other
scales, than QAT trained them for. Here they get QAT's.
"""

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from host.base.arrays import Array
from host.base.errors import ModelError
from host.models.edit import Change, add_operator_code, new_tensor, pack, patch
from host.models.tflite import Graph, Operator, Tensor, parse

# An operator of QAT's file and one of the plain file; None where one of them requantizes alone.
Pair = tuple[Operator | None, Operator | None]


def transplant(qat: Graph, plain: Graph, real: Graph) -> Graph:
    """``plain`` with the activation ranges and the scales of ``qat``, and constants that fit them.

    Constants are quantized again from their real values: round(value / scale) + zero point, the
    affine quantization of TFLite's specification. Where QAT requantizes between two operators and
    ``plain`` does not, or the other way round, QUANTIZE operators are added or removed.

    The outputs are those of ``qat``, with one exception: where BatchNormalization is folded into a
    dense layer, its weights are rounded twice, and a half may be rounded the other way (2 of 1000
    such weights were seen to differ, by one code).

    Args:
        qat: the int8 conversion of the fake-quantized model.
        plain: the int8 conversion of the plain model with QAT's weights.
        real: the float conversion of the plain model with QAT's weights, as fake quantization
            rounds them: where a converter folds a layer behind them into them, it does so then.

    Raises:
        ModelError: the three do not have the same operators.
    """
    values = _real_operators(plain, real)
    pairs = list(_aligned(qat, plain, real, values))
    changes = {plain.inputs[0]: Change(plain.inputs[0], qat.input.quantization)}
    for theirs, ours in pairs:
        if theirs is None or ours is None:
            continue
        for left, right in zip(theirs.outputs, ours.outputs, strict=True):
            changes[right] = Change(right, qat.tensors[left].quantization)
        sources = values[ours.index].inputs
        for left, right, index in zip(theirs.inputs, ours.inputs, sources, strict=True):
            if right != -1 and plain.tensors[right].data is not None:
                constant = _constant(qat.tensors[left], plain.tensors[right], real.tensors[index])
                changes[right] = Change(right, qat.tensors[left].quantization, constant)
    patched = patch(plain, changes.values())
    if any(None in pair for pair in pairs):
        return _rewired(qat, patched, pairs)
    return patched


def _real_operators(plain: Graph, real: Graph) -> dict[int, Operator]:
    """The float conversion's operator for each of the plain file, but for QUANTIZE, by index."""
    ours = [o for o in plain.operators if o.name != "QUANTIZE"]
    names = [(o.name, len(o.inputs)) for o in ours]
    if names != [(o.name, len(o.inputs)) for o in real.operators]:
        raise _unlike("the float conversion of the plain model has other operators")
    return {o.index: value for o, value in zip(ours, real.operators, strict=True)}


def _aligned(qat: Graph, plain: Graph, real: Graph, values: dict[int, Operator]) -> Iterator[Pair]:
    """Partners in the order in which QAT's file runs them: by what they read, and by weights. The
    order alone would not do: parallel branches may be swapped."""
    alone = [o for o in plain.operators if o.index not in values]
    source = {o.outputs[0]: o.inputs[0] for o in alone}
    waiting = [o for o in plain.operators if o.index in values]
    partner = dict(zip(qat.inputs, plain.inputs, strict=True))

    def alike(theirs: Operator, ours: Operator) -> bool:
        left, right = (
            (o.name, len(o.inputs), [graph.tensors[i].shape for i in o.outputs])
            for o, graph in ((theirs, qat), (ours, plain))
        )
        sources = values[ours.index].inputs
        return left == right and all(map(same_input, theirs.inputs, ours.inputs, sources))

    def same_input(left: int, right: int, value: int) -> bool:
        if left in partner:
            return partner[left] == source.get(right, right)
        if left == -1 or right == -1:
            return left == right
        return _same_constant(qat.tensors[left], real.tensors[value])

    for theirs in qat.operators:
        ours = next((o for o in waiting if alike(theirs, o)), None)
        if ours is not None:
            waiting.remove(ours)
            partner.update(zip(theirs.outputs, ours.outputs, strict=True))
        elif theirs.name == "QUANTIZE":
            partner[theirs.outputs[0]] = partner[theirs.inputs[0]]
        else:
            raise _unlike(f"the plain model has no counterpart to QAT's {qat.describe(theirs)}")
        yield theirs, ours
    if waiting:
        missing = plain.describe(waiting[0])
        raise _unlike(f"QAT's model has no counterpart to the plain model's {missing}")
    yield from ((None, ours) for ours in alone)


def _same_constant(theirs: Tensor, real: Tensor) -> bool:
    """Whether a constant is the quantized one of these real values, weights to a step."""
    if theirs.data is None or real.data is None or theirs.shape != real.shape:
        return False
    if theirs.quantization is None:
        return bool((theirs.data == real.data).all())
    if theirs.dtype == "int32":
        return True  # a bias has steps so fine that float32 sums differ by several
    scales, points = theirs.quantization.along(theirs.shape)
    return bool((np.abs(theirs.data - points - real.data / scales) <= 1).all())


def _constant(theirs: Tensor, ours: Tensor, real: Tensor) -> Array | None:
    """The constant quantized as ``theirs`` is; None where it is not quantized (a shape)."""
    if theirs.quantization is None or real.data is None:
        return None
    scales, points = theirs.quantization.along(ours.shape)
    # Divided in float32, halves away from zero, as the converter does.
    exact = (real.data / scales.astype(np.float32)).astype(np.float64)
    codes = np.sign(exact) * np.floor(np.abs(exact) + 0.5) + points
    limits = np.iinfo(ours.numpy_dtype)
    # Symmetric int8 does not use −128, so that kernels need not handle it.
    narrow = ours.dtype == "int8" and not np.any(points)
    return np.asarray(np.clip(codes, limits.min + narrow, limits.max), ours.numpy_dtype)


def _rewired(qat: Graph, graph: Graph, pairs: list[Pair]) -> Graph:
    """The patched graph with QUANTIZE operators just where QAT's file has them."""
    model = schema.ModelT.InitFromPackedBuf(graph.content, 0)
    sub = model.subgraphs[0]
    partner = dict(zip(qat.inputs, graph.inputs, strict=True))
    kept = []
    for theirs, ours in pairs:
        if theirs is None:
            continue  # what reads its output now reads its input
        if ours is None:
            source, result = partner[theirs.inputs[0]], qat.tensors[theirs.outputs[0]]
            assert result.quantization is not None
            old, operator = sub.tensors[source], schema.OperatorT()
            name = (old.name or b"") + b"/requantized"
            sub.tensors.append(new_tensor(name, old.shape, old.type, result.quantization))
            partner[result.index] = len(sub.tensors) - 1
            operator.opcodeIndex = add_operator_code(model, "QUANTIZE", 2)  # from int8 to int8
            operator.inputs, operator.outputs = [source], [partner[result.index]]
            kept.append(operator)
            continue
        raw = sub.operators[ours.index]
        raw.inputs = [partner.get(i, o) for i, o in zip(theirs.inputs, ours.inputs, strict=True)]
        partner.update(zip(theirs.outputs, ours.outputs, strict=True))
        kept.append(raw)
    sub.operators = kept
    sub.outputs = [partner[i] for i in qat.outputs]
    return parse(pack(model), "the changed model")


def _unlike(what: str) -> ModelError:
    return ModelError(
        f"QAT's ranges cannot be copied into the plain model: {what}",
        "Take --route qat-int8, or qat-calibrated.",
    )
