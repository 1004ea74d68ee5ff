"""Traps in a .tflite, on graphs made by hand and on the shared models."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.arrays import Array
from host.base.errors import DataError, ModelError
from host.models import tflite
from host.models.dataset import Dataset
from host.models.tflite import Graph, Operator, Quantization, Tensor
from host.quantize.checks import check_graph
from host.quantize.conversion import REPRESENTATIVE_SAMPLES, representative
from tests.fixtures.graphs import SHARED_INT8, graph, tensor
from tests.fixtures.runs import shared_model

GOOD = graph("CONV_2D", "FULLY_CONNECTED", "SOFTMAX")


def with_tensor(base: Graph, index: int, **changes: object) -> Graph:
    tensors = list(base.tensors)
    tensors[index] = replace(tensors[index], **changes)  # type: ignore[arg-type]
    return replace(base, tensors=tuple(tensors))


def with_types(base: Graph, *types: str) -> Graph:
    tensors = tuple(replace(t, dtype=d) for t, d in zip(base.tensors, types, strict=True))
    return replace(base, tensors=tensors)


def with_constant(base: Graph, operator: int, constant: Tensor) -> Graph:
    operators = list(base.operators)
    old = operators[operator]
    operators[operator] = replace(old, inputs=(*old.inputs, constant.index))
    return replace(base, tensors=(*base.tensors, constant), operators=tuple(operators))


def test_a_sound_graph_passes_without_advice() -> None:
    assert check_graph(GOOD) == ()


def test_int16_activations_pass_only_where_they_are_asked_for() -> None:
    wide = with_types(GOOD, *["int16"] * 4)
    zeros = tuple(replace(t, quantization=Quantization((0.1,), (0,), 0)) for t in wide.tensors)
    wide = replace(wide, tensors=zeros)
    data = Dataset("set", np.array([[-3000.0, 0.0, 3000.0]], np.float32), None, None)
    assert check_graph(wide, data, "int16") == ()
    with pytest.raises(ModelError, match="is int16, not int8"):
        check_graph(wide)
    with pytest.raises(ModelError, match="is int8, not int16"):
        check_graph(GOOD, None, "int16")
    with pytest.raises(ModelError, match=r"CONV_2D .* works on int8, not int16"):
        check_graph(with_tensor(wide, 1, dtype="int8"), None, "int16")
    with pytest.raises(ModelError, match=r"impossible.*zero point 3"):
        shifted = Quantization((0.1,), (3,), 0)
        check_graph(with_tensor(wide, 1, quantization=shifted), None, "int16")
    larger = replace(data, x=data.x * 2)
    assert [a.code for a in check_graph(wide, larger, "int16")] == ["input-saturated"]


@pytest.mark.parametrize("name", SHARED_INT8)
def test_shared_models_pass(name: str) -> None:
    assert check_graph(tflite.load(shared_model(f"{name}.tflite"))) == ()


F = "float32"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (replace(GOOD, inputs=(0, 1)), r"2 inputs \(in \(1, 3\), out0"),
        (replace(GOOD, outputs=(3, 2)), "2 outputs"),
        (replace(GOOD, subgraphs=2), "2 subgraphs"),
        (with_tensor(GOOD, 1, shape=(1, 0)), r"open shape \(1, 0\)"),
        (with_tensor(GOOD, 0, shape=(4, 3)), r"input \(in\) has shape \(4, 3\)"),
        (with_tensor(GOOD, 3, shape=(4,)), r"output \(out2\) has shape \(4,\)"),
        (with_types(GOOD, F, F, F, F), "it is a float model: operator 0 CONV_2D"),
        (with_types(GOOD, "int8", F, F, "int8"), "representative data set empty"),
        (with_types(GOOD, "int8", "int8", F, F), "float operators stand between"),
        (with_types(GOOD, "uint8", "int8", "int8", "int8"), r"input \(in\) is uint8"),
        (with_types(GOOD, "int8", "int8", "int8", "int32"), r"output \(out2\) is int32"),
        (with_types(GOOD, "int8", "int32", "int8", "int8"), "operator 0 CONV_2D .* on int32"),
        (with_tensor(GOOD, 1, quantization=None), r"tensor 1 \(out0\) is int8, but has no scale"),
        (with_tensor(GOOD, 1, quantization=Quantization((1.0, 2.0), (0, 0), 1)), "2 scales"),
        (with_tensor(GOOD, 1, quantization=Quantization((0.0,), (0,), 0)), "scale 0"),
        (with_tensor(GOOD, 1, quantization=Quantization((float("nan"),), (0,), 0)), "scale nan"),
        (with_tensor(GOOD, 1, quantization=Quantization((1.0,), (300,), 0)), "zero point 300"),
    ],
)
def test_hard_traps(bad: Graph, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        check_graph(bad)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("dtype", "says"), [("float16", "float16 model"), ("int8", "dynamic-range model")]
)
def test_float_models_by_their_weights(dtype: str, says: str) -> None:
    floating = with_types(GOOD, F, F, F, F)
    weights = tensor(4, "w", dtype=dtype, data=np.zeros(4))
    with pytest.raises(ModelError, match=says):
        check_graph(with_constant(floating, 0, weights))


ENDS = graph("QUANTIZE", "CONV_2D", "DEQUANTIZE")


def test_ends_may_be_float_or_uint8() -> None:
    floating = with_types(ENDS, F, "int8", "int8", F)
    bare = with_tensor(with_tensor(floating, 0, quantization=None), 3, quantization=None)
    assert check_graph(bare) == ()
    unsigned = with_types(
        graph("QUANTIZE", "CONV_2D", "QUANTIZE"), "uint8", "int8", "int8", "uint8"
    )
    points = [Quantization((0.1,), (z,), 0) for z in (0, 3, 3, 255)]
    tensors = [replace(t, quantization=q) for t, q in zip(unsigned.tensors, points, strict=True)]
    assert check_graph(replace(unsigned, tensors=tuple(tensors))) == ()
    assert check_graph(with_types(graph("CONV_2D", "DEQUANTIZE"), "int8", "int8", F)) == ()


def test_the_range_behind_a_float_input_is_compared_with_the_data() -> None:
    floating = with_types(ENDS, F, "int8", "int8", F)
    inside = with_tensor(floating, 1, quantization=Quantization((1 / 255,), (-128,), 0))
    samples = np.linspace(0, 255, 300, dtype=np.float32).reshape(100, 3)
    assert codes(inside, samples) == ["input-saturated"]


def test_ends_are_nothing_but_ends() -> None:
    read_twice = with_types(ENDS, F, "int8", "int8", F)
    operators = list(read_twice.operators)
    operators[1] = replace(operators[1], inputs=(1, 0))
    with pytest.raises(ModelError, match="operator 1 CONV_2D"):
        check_graph(replace(read_twice, operators=tuple(operators)))
    back = with_types(graph("CONV_2D", "DEQUANTIZE", "QUANTIZE"), "int8", "int8", F, "int8")
    with pytest.raises(ModelError, match="int8 inside, but"):
        check_graph(back)
    shifted = with_types(graph("QUANTIZE", "CONV_2D"), "uint8", "int8", "int8")
    with pytest.raises(ModelError, match=r"impossible.*zero point -128"):
        check_graph(with_tensor(shifted, 0, quantization=Quantization((1.0,), (-128,), 0)))
    wide = with_types(graph("QUANTIZE", "CONV_2D"), "uint8", "int16", "int16")
    with pytest.raises(ModelError, match=r"input \(in\) is uint8, not int16"):
        check_graph(wide, None, "int16")


def test_what_is_computed_from_shapes_alone_is_no_activation() -> None:
    base = graph("SHAPE", "PACK", "SOFTMAX")
    operators = list(base.operators)
    operators[2] = replace(operators[2], name="RESHAPE", inputs=(0, 2))
    static = replace(with_types(base, "int8", "int32", "int32", "int8"), operators=tuple(operators))
    static = with_tensor(with_tensor(static, 1, quantization=None), 2, quantization=None)
    assert check_graph(static) == ()


def test_float_operators_between_others_are_named() -> None:
    base = graph("CONV_2D", "DEQUANTIZE", "ERF", "QUANTIZE", "SOFTMAX")
    with pytest.raises(ModelError, match="operator 2 ERF") as caught:
        check_graph(with_types(base, "int8", "int8", F, F, "int8", "int8"))
    assert "DEQUANTIZE (" not in caught.value.message


def codes(found: Graph, x: Array | None = None) -> list[str]:
    data = None if x is None else Dataset("set", x, None, None)
    return [advice.code for advice in check_graph(found, data)]


def test_degenerate_ranges() -> None:
    tiny = with_tensor(GOOD, 2, quantization=Quantization((1e-9,), (0,), 0))
    assert codes(tiny) == ["degenerate-range"]


def test_input_range_against_the_data() -> None:
    # The input covers 0 to 1.
    samples = np.linspace(0, 1, 300, dtype=np.float32).reshape(100, 3)
    assert codes(GOOD, samples) == []
    assert codes(GOOD, samples * 0.3) == []
    assert codes(GOOD, samples * 255) == ["input-saturated"]
    assert codes(GOOD, samples / 255) == ["input-range-unused"]
    few = samples.copy()
    few[0, 0] = 7.0  # one outlier in 300 is no wrong scale
    assert codes(GOOD, few) == []
    raw = Dataset("random", np.zeros((1, 3), np.int8), None, None, raw=True)
    assert check_graph(GOOD, raw) == ()


def test_per_channel_dense_and_new_versions() -> None:
    weights = replace(
        tensor(4, "w", data=np.zeros(4, np.int8)), quantization=Quantization((1.0, 2.0), (0, 0), 0)
    )
    assert codes(with_constant(GOOD, 1, weights)) == ["per-channel-fully-connected"]
    operators = (Operator(0, "CONV_2D", 99, (0,), (1,), {}), *GOOD.operators[1:])
    assert codes(replace(GOOD, operators=operators)) == ["operator-version"]


def calibration(x: Array | None) -> Dataset:
    return Dataset("set", np.zeros((1, 3), np.float32), None, x)


def test_representative_samples_are_a_seeded_choice() -> None:
    x = np.arange(3000, dtype=np.float32).reshape(1000, 3)
    taken = [list(representative(calibration(x), (3,), seed)()) for seed in (1, 1, 2)]
    assert all(len(t) == REPRESENTATIVE_SAMPLES for t in taken)
    (sample,) = taken[0][0]
    assert sample.shape == (1, 3) and sample.dtype == np.float32
    flat = [np.concatenate([s[0] for s in t]) for t in taken]
    assert (flat[0] == flat[1]).all() and not (flat[0] == flat[2]).all()
    assert len(np.unique(flat[0], axis=0)) == REPRESENTATIVE_SAMPLES


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (None, "no representative data"),
        (np.zeros((0, 3), np.float32), "no representative data"),
        (np.ones((5, 2), np.float32), r"shape \(2,\), the model takes \(3,\)"),
        (np.full((5, 3), np.nan, np.float32), "NaN"),
        (np.ones((5, 3), np.float32), "1 everywhere"),
    ],
)
def test_representative_data_that_would_ruin_the_model(x: Array | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        representative(calibration(x), (3,), 0)
