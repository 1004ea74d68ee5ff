"""Columns against each other."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.arrays import Array
from host.models.dataset import Dataset
from host.models.feeds import quantize_samples, real_samples
from host.models.tflite import Graph, Quantization
from host.oracles.columns import Column, ColumnName
from host.verdict.gaps import Gap, compare, differing
from host.verdict.tasks import Reading, decide, detect_task
from tests.fixtures.graphs import graph, tensor, with_input

OUTPUT = tensor(1, "out", (1, 3))  # scale 1/256, zero point −128: probabilities
READINGS: dict[str, Reading] = {
    "classification": Reading("classification", OUTPUT, None, 3),
    "regression": Reading("regression", OUTPUT, None, 3),
}


def column(name: ColumnName, values: list[list[float]], kind: type = np.int8) -> Column:
    return Column(name, np.array(values, kind), "")


def gap(left: Column, right: Column, labels: Array | None = None, task: str = "") -> Gap:
    found = compare(
        "deployment",
        left,
        right,
        READINGS["regression" if task == "regression" else "classification"],
        labels,
    )
    assert found is not None
    return found


def test_equal_columns_have_no_gap() -> None:
    left = column("tflm_host", [[1, 2, 3], [3, 2, 1]])
    found = gap(left, column("device", [[1, 2, 3], [3, 2, 1]]))
    assert (found.bit_equal, found.bit_equal_values, found.flips) == (1.0, 1.0, 0)
    assert (found.max_steps, found.max_error, found.disagreements) == (0, 0.0, ())
    assert found.flip_rate_upper == pytest.approx(1 - 0.05**0.5)
    assert found.mcnemar_p is None


def test_differences_are_counted_in_samples_values_and_steps() -> None:
    left = column("tflm_host", [[127, 0, 0], [0, 127, 0], [0, 0, 127], [5, 0, 0]])
    right = column("device", [[127, 0, 0], [0, 120, 0], [127, 0, -128], [4, 0, 0]])
    found = gap(left, right, np.array([0, 1, 2, 0]))
    assert found.bit_equal == 0.25
    assert found.bit_equal_values == pytest.approx(8 / 12)
    assert found.max_steps == 255  # no wrap-around in int8
    assert found.max_error == pytest.approx(255 / 256)
    assert found.mean_steps == pytest.approx((7 + 127 + 255 + 1) / 12)
    assert found.flips == 1
    (flip,) = found.disagreements
    assert (flip.sample, flip.left, flip.right, flip.label, flip.steps) == (2, 2, 0, 2, 255)
    assert flip.left_margin == pytest.approx(127 / 256)
    assert flip.right_margin == pytest.approx(127 / 256)
    assert found.mcnemar_p == 1.0


def test_regression_lists_what_differs_worst_first() -> None:
    left = column("tflm_host", [[0, 0, 0], [0, 0, 0], [0, 0, 0]])
    right = column("device", [[0, 1, 0], [0, 0, 0], [0, 0, 9]])
    found = gap(left, right, task="regression")
    assert found.flips is None and found.flip_rate_upper is None
    assert [d.sample for d in found.disagreements] == [2, 0]
    assert found.disagreements[0].left is None


def test_keras_is_quantized_for_steps_and_compared_as_float_for_errors() -> None:
    keras = column("keras", [[0.5, 0.25, 0.2501]], np.float32)
    found = gap(keras, column("tflm_host", [[0, -64, -64]]))
    assert (found.bit_equal, found.max_steps) == (1.0, 0)
    assert found.max_error == pytest.approx(0.0001, abs=1e-6)


def test_an_absent_column_has_no_gap() -> None:
    absent = Column("litert", None, "", "not here")
    there = column("tflm_host", [[1, 2, 3]])
    assert compare("desktop", absent, there, READINGS["classification"], None) is None


def test_differing_samples() -> None:
    left = np.array([[1, 2, 3], [1, 2, 3], [4, 4, 4]], np.int8)
    assert differing(left, left + np.eye(3, dtype=np.int8)[[0, 1, 2]]).tolist() == [0, 1, 2]
    assert differing(left, np.array([[1, 2, 3], [1, 2, 4], [0, 4, 4]], np.int8)).tolist() == [1, 2]
    assert differing(np.zeros((1, 1), np.float32), np.array([[-0.0]], np.float32)).tolist() == [0]


def test_ties_go_to_the_lowest_class() -> None:
    assert decide(np.array([[5, 7, 7], [0, 0, 0]], np.int8)).tolist() == [1, 0]
    assert decide(np.zeros((2, 1, 1, 3), np.int8)).shape == (2,)


def test_task() -> None:
    x = np.zeros((2, 3), np.float32)
    labels = Dataset("a", x, np.array([0, 1]), None)
    targets = Dataset("a", x, np.zeros((2, 4), np.float32), None)
    nothing = Dataset("a", x, None, None)
    soft, dense = graph("FULLY_CONNECTED", "SOFTMAX"), graph("FULLY_CONNECTED")
    assert detect_task(dense, labels) == "classification"
    assert detect_task(soft, targets) == "regression"
    assert detect_task(soft, nothing) == "classification"
    assert detect_task(dense, nothing) == "regression"


def test_raw_samples_pass_unchanged_and_keras_gets_real_values() -> None:
    q = tensor(0, scale=0.5, zero_point=10)
    model = with_input(q)
    codes = np.array([[-128, 10, 127]], np.int8)
    raw = Dataset("random", codes, None, None, raw=True)
    assert (quantize_samples(raw, model) == codes).all()
    assert real_samples(raw, model).tolist() == [[-69.0, 0.0, 58.5]]
    assert (q.to_codes(real_samples(raw, model)) == codes).all()


def test_raw_samples_span_every_type_of_input() -> None:
    raw = Dataset("random", np.array([[-128, 0, 127]], np.int8), None, None, raw=True)
    wide = quantize_samples(raw, with_input(tensor(0, dtype="int16", zero_point=0)))
    assert wide.dtype == np.int16 and wide.tolist() == [[-32768, 128, 32767]]
    plain = quantize_samples(raw, with_input(tensor(0, dtype="uint8", zero_point=0)))
    assert plain.dtype == np.uint8 and plain.tolist() == [[0, 128, 255]]


def float_ends() -> Graph:
    """QUANTIZE to a scale of 0.5, SOFTMAX, DEQUANTIZE."""
    base = graph("QUANTIZE", "SOFTMAX", "DEQUANTIZE")
    first, inside, codes, last = base.tensors
    first, last = (replace(t, dtype="float32", quantization=None) for t in (first, last))
    inside = replace(inside, quantization=Quantization((0.5,), (10,), 0))
    return replace(base, tensors=(first, inside, codes, last))


def test_float_inputs_are_fed_as_they_are() -> None:
    model = float_ends()
    real = Dataset("set", np.array([[0.1, 0.2, 0.3]], np.float64), None, None)
    fed = quantize_samples(real, model)
    assert fed.dtype == np.float32 and (fed == real.x.astype(np.float32)).all()
    raw = Dataset("random", np.array([[-128, 10, 127]], np.int8), None, None, raw=True)
    assert quantize_samples(raw, model).tolist() == [[-69.0, 0.0, 58.5]]


def test_float_outputs_are_equal_in_bits_and_differ_in_the_steps_behind_them() -> None:
    model = float_ends()
    step, reading = 1 / 256, replace(READINGS["regression"], codes=model.output_codes)
    oracle = column("tflm_host", [[0.0, step, 0.5]], np.float32)
    last_bit = column("device", [[0.0, np.nextafter(np.float32(step), 1), 0.5]], np.float32)
    found = compare("deployment", oracle, last_bit, reading, None)
    assert found is not None
    assert (found.bit_equal, found.max_steps, len(found.disagreements)) == (0.0, 0, 1)
    off = column("device", [[0.0, 3 * step, 0.5]], np.float32)
    found = compare("deployment", oracle, off, reading, None)
    assert found is not None and found.max_steps == 2
    keras = column("keras", [[0.0001, step, 0.5]], np.float32)
    found = compare("quantization", keras, oracle, reading, None)
    assert found is not None and found.bit_equal == 1.0
    assert detect_task(model, Dataset("a", np.zeros((1, 3)), None, None)) == "classification"
