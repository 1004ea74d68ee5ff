"""Columns against each other."""

from __future__ import annotations

import numpy as np
import pytest

from host.evaluate import compare, decide, detect_task, differing
from host.oracles import dequantize, quantize, quantize_samples, real_samples
from host.records import Array, Column, ColumnName, Dataset, Gap
from tests.graphs import graph, tensor

OUTPUT = tensor(1, "out", (1, 3))  # scale 1/256, zero point −128: probabilities


def column(name: ColumnName, values: list[list[float]], kind: type = np.int8) -> Column:
    return Column(name, np.array(values, kind), "")


def gap(left: Column, right: Column, labels: Array | None = None, task: str = "") -> Gap:
    found = compare(
        "deployment",
        left,
        right,
        OUTPUT,
        "regression" if task == "regression" else "classification",
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
    assert compare("desktop", absent, there, OUTPUT, "classification", None) is None
    assert len(differing(absent, there)) == 0


def test_differing_samples() -> None:
    left = column("tflm_host", [[1, 2, 3], [1, 2, 3], [4, 4, 4]])
    right = column("device", [[1, 2, 3], [1, 2, 4], [0, 4, 4]])
    assert differing(left, right).tolist() == [1, 2]


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


def test_quantize_rounds_and_clips() -> None:
    q = tensor(0, scale=0.5, zero_point=10)
    codes = quantize(np.array([0.0, 0.25, 0.75, -0.26, 1e9, -1e9], np.float32), q)
    assert codes.tolist() == [10, 10, 12, 9, 127, -128]
    assert codes.dtype == np.int8
    assert dequantize(codes[:3], q).tolist() == [0.0, 0.0, 1.0]


def test_raw_samples_pass_unchanged_and_keras_gets_real_values() -> None:
    q = tensor(0, scale=0.5, zero_point=10)
    codes = np.array([[-128, 10, 127]], np.int8)
    raw = Dataset("random", codes, None, None, raw=True)
    assert (quantize_samples(raw, q) == codes).all()
    assert real_samples(raw, q).tolist() == [[-69.0, 0.0, 58.5]]
    assert (quantize(real_samples(raw, q), q) == codes).all()
