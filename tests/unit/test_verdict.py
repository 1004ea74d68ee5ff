"""The verdict's words and numbers."""

import numpy as np
import pytest

from host.base.arrays import Array
from host.firmware.rendered import ExecutedOperator
from host.models.dataset import Dataset
from host.oracles.columns import Column, ColumnName
from host.verdict.differences import FirstDifference
from host.verdict.halves import Half, State
from host.verdict.judge import judge
from host.verdict.latency import summarize_latency
from host.verdict.options import Limits
from tests.fixtures.graphs import device_info, graph

GRAPH = graph("CONV_2D", "SOFTMAX")
CODES = np.eye(4, dtype=np.int8)[[0, 1, 2, 3, 0, 1]] * 100
LABELS = np.array([0, 1, 2, 3, 0, 0])
X = np.zeros((6, 3), np.float32)
DATA = Dataset("set", X, LABELS, None, notes=("A note.",))


def columns(device: Array, **changed: Array | None) -> dict[ColumnName, Column]:
    names: tuple[ColumnName, ...] = ("keras", "litert", "litert_reference", "tflm_host")
    real = (CODES.astype(np.float32) + 128) / 256
    values: dict[ColumnName, Array | None] = {n: real if n == "keras" else CODES for n in names}
    values["device"] = device
    for name in names:
        if name in changed:
            values[name] = changed[name]
    return {
        n: Column(n, v, n, None if v is not None else f"no {n} here") for n, v in values.items()
    }


def test_a_match() -> None:
    verdict = judge(columns(CODES.copy()), GRAPH, DATA)
    assert verdict.match and verdict.good
    assert [half.text for half in verdict.ordered] == [
        "The device computes the int8 model: 6/6 bit-exact",
        "Int8 predicts what Keras predicts: 83.3\u202f% → 83.3\u202f% right, 0 of 6 changed",
    ]
    assert verdict.task == "classification"
    accuracy = verdict.accuracy["device"]
    assert accuracy is not None and accuracy.value == pytest.approx(5 / 6)
    assert verdict.notes == ("A note.",)
    quantization = verdict.gaps["quantization"]
    assert quantization is not None and quantization.mcnemar_p == 1.0


def test_one_wrong_bit_is_a_deployment_gap_even_without_a_flip() -> None:
    wrong = CODES.copy()
    wrong[3, 3] ^= 1
    operator = ExecutedOperator(0, "CONV_2D", 1)
    first = FirstDifference(operator, "out0", 3)
    verdict = judge(columns(wrong), GRAPH, DATA, first=first, traced=1)
    assert not verdict.match
    assert verdict.headline == (
        "The device does not compute the int8 model: 1/6 outputs differ, first at operator 0 "
        "CONV_2D"
    )
    gap = verdict.gaps["deployment"]
    assert gap is not None and gap.flips == 0 and gap.max_steps == 1
    assert [sample.sample for sample in gap.disagreements] == [3]


def test_a_difference_that_no_operator_shows_is_said_to_be_elsewhere() -> None:
    verdict = judge(columns(CODES[::-1].copy()), GRAPH, DATA, traced=4)
    assert verdict.outcome == "unrepeated" and "outputs differ" in verdict.headline
    assert any("did not repeat" in note for note in verdict.notes)


def test_no_other_oracle_steps_in_for_a_missing_one() -> None:
    verdict = judge(columns(CODES.copy(), tflm_host=None), GRAPH, DATA)
    assert verdict.outcome == "unknown" and verdict.gaps["deployment"] is None
    assert verdict.headline == (
        "Whether the device computes the int8 model is not known: TFLM on the host is missing "
        "(no tflm_host here)"
    )
    assert not verdict.match and not verdict.good
    assert any("column TFLM on the host is absent" in note for note in verdict.notes)


def test_a_ready_tflite_has_no_keras_column() -> None:
    verdict = judge(columns(CODES.copy(), keras=None), GRAPH, DATA)
    assert verdict.match and not verdict.good
    assert verdict.halves["quantization"] == Half(
        "not known", "Whether int8 predicts what Keras predicts is not known: no keras here"
    )
    assert verdict.gaps["quantization"] is None
    assert verdict.accuracy["keras"] is None


def test_without_labels_there_is_no_accuracy() -> None:
    verdict = judge(columns(CODES.copy()), GRAPH, Dataset("set", X, None, None))
    assert verdict.match
    assert set(verdict.accuracy.values()) == {None} == set(verdict.errors.values())


def test_regression_has_errors_instead_of_accuracy() -> None:
    target = (CODES.astype(np.float32) + 128) / 256 + 0.5
    verdict = judge(columns(CODES.copy()), graph("A", "B"), Dataset("set", X, target, None))
    assert verdict.task == "regression"
    error = verdict.errors["device"]
    assert error is not None and error.value == pytest.approx(0.5)
    assert set(verdict.accuracy.values()) == {None}
    gap = verdict.gaps["deployment"]
    assert gap is not None and gap.flips is None


def test_accuracy_at_chance_is_pointed_out() -> None:
    x = np.zeros((40, 3), np.float32)
    codes = np.eye(4, dtype=np.int8)[np.zeros(40, int)] * 100
    data = Dataset("set", x, np.arange(40) % 4, None)
    every = columns(codes, keras=(codes + 128.0).astype(np.float32), litert=codes, tflm_host=codes)
    verdict = judge({**every, "litert_reference": every["litert"]}, GRAPH, data)
    assert not verdict.match
    assert verdict.headline == (
        "Keras is right on 25.0\u202f% of the samples, no better than chance: samples or labels "
        "are not what the model was trained on"
    )


def predictions(classes: Array, count: int = 4) -> Array:
    """Codes whose arg-max is the class."""
    return np.asarray(np.eye(count, dtype=np.int8)[classes] * 100)


def test_few_samples_and_one_class_are_not_chance() -> None:
    """With 5 of 8 right nothing is known; and where all labels are one class, no baseline is 1."""
    for right, labels in ((5, np.arange(8) % 2), (8, np.zeros(8, int))):
        classes = np.where(np.arange(8) < right, labels, 1 - labels)
        data = Dataset("set", np.zeros((8, 3), np.float32), labels, None)
        table = columns(predictions(classes))
        same = {name: Column(name, predictions(classes), name) for name in table}
        assert judge(same, GRAPH, data).match


def lossy(samples: int, right: int, changed: int) -> tuple[dict[ColumnName, Column], Array]:
    """Keras is right on so many samples; of these, int8 is wrong on ``changed``. And the labels."""
    labels = np.arange(samples) % 4
    keras = np.where(np.arange(samples) < right, labels, (labels + 1) % 4)
    int8 = np.where(np.arange(samples) < changed, (labels + 2) % 4, keras)
    table = columns(predictions(int8))
    outputs = {name: predictions(int8) for name in table}
    outputs["keras"] = (predictions(keras).astype(np.float32) + 128) / 256
    return {name: Column(name, value, name) for name, value in outputs.items()}, labels


@pytest.mark.parametrize(
    ("changed", "limits", "state"),
    [
        (66, Limits(), "bad"),  # 97 to 31 %
        (0, Limits(), "good"),
        (2, Limits(), "good"),  # two points, which is allowed
        (5, Limits(), "good"),  # five, which chance gives too often: p = 0.06
        (9, Limits(), "bad"),
        (9, Limits(max_drop=9), "good"),
        (3, Limits(max_flips=0.5), "bad"),
        (3, Limits(min_accuracy=95), "bad"),
        (3, Limits(min_accuracy=94), "good"),
    ],
)
def test_int8_that_predicts_worse_is_bad(changed: int, limits: Limits, state: State) -> None:
    table, labels = lossy(100, 97, changed)
    data = Dataset("set", np.zeros((100, 3), np.float32), labels, None)
    verdict = judge(table, GRAPH, data, limits=limits)
    assert verdict.halves["quantization"].state == state
    assert verdict.outcome == "match" and verdict.match == (state == "good")
    int8, device = verdict.halves["quantization"], verdict.halves["deployment"]
    assert verdict.ordered == ((int8, device) if state == "bad" else (device, int8))


def test_the_headline_says_what_int8_costs() -> None:
    table, labels = lossy(100, 97, 66)
    data = Dataset("set", np.zeros((100, 3), np.float32), labels, None)
    assert judge(table, GRAPH, data).headline == (
        "Int8 does not predict what Keras predicts: 97.0\u202f% → 31.0\u202f% right, "
        "66 of 100 changed"
    )


def test_without_labels_changed_predictions_count() -> None:
    for changed, state in ((9, "good"), (30, "bad")):
        table, _ = lossy(100, 97, changed)
        data = Dataset("set", np.zeros((100, 3), np.float32), None, None)
        assert judge(table, GRAPH, data).halves["quantization"].state == state


@pytest.mark.parametrize(
    ("moved", "limits", "state"),
    [
        (0.01, Limits(), "good"),
        (0.2, Limits(), "bad"),
        (0.02, Limits(max_error=0.01), "bad"),
        (0.2, Limits(max_error=0.3), "good"),
    ],
)
def test_values_that_move_too_far_are_bad(moved: float, limits: Limits, state: State) -> None:
    """Keras's outputs have a standard deviation of about 0.17."""
    values = (CODES.astype(np.float32) + 128) / 256
    table = columns(CODES.copy(), keras=values + moved)
    target = Dataset("set", X, values, None)
    verdict = judge(table, graph("A", "B"), target, limits=limits)
    assert verdict.halves["quantization"].state == state


def test_constant_outputs_give_no_measure() -> None:
    codes = np.zeros((6, 4), np.int8)
    table = {name: Column(name, codes, name) for name in columns(codes)}
    table["keras"] = Column("keras", np.full((6, 4), 0.5, np.float32), "keras")
    verdict = judge(table, graph("A", "B"), Dataset("set", X, None, None))
    assert verdict.halves["quantization"].state == "not known"


@pytest.mark.parametrize(
    ("library", "steps", "operator", "skew"),
    [
        ("library 1.1", 1, "FULLY_CONNECTED", True),
        (None, 1, "FULLY_CONNECTED", False),
        ("library 1.1", 2, "FULLY_CONNECTED", False),
        ("library 1.1", 1, "CONV_2D", False),
    ],
)
def test_what_two_versions_of_tflm_differ_by_is_called_so(
    library: str | None, steps: int, operator: str, skew: bool
) -> None:
    wide = graph(operator, classes=2000)
    codes = np.zeros((2, 2000), np.int8)
    device = codes.copy()
    device[1, 7] = steps  # one value of 4000
    table = {name: Column(name, codes, f"{name} 9.9") for name in columns(codes)}
    table["device"] = Column("device", device, "device")
    first = FirstDifference(ExecutedOperator(0, operator, 1), "out0", 1)
    data = Dataset("set", np.zeros((2, 3), np.float32), None, None)
    verdict = judge(table, wide, data, first=first, traced=1, library=library)
    assert verdict.outcome == ("version skew" if skew else "differs")
    assert "model: 1/2 outputs differ" in verdict.headline
    assert verdict.headline.endswith("(version skew)") == skew
    said = any("library 1.1" in note and "tflm_host 9.9" in note for note in verdict.notes)
    assert said == skew


def test_latency_leaves_the_first_samples_out() -> None:
    info = device_info()
    ticks = np.array([900.0, 800.0, 700.0, 10.0, 30.0, 20.0])
    latency = summarize_latency(info, ticks, np.array([22.0, 22.0, 30.0]), [])
    assert (latency.median, latency.min, latency.max) == (20.0, 10.0, 30.0)
    assert (latency.samples, latency.warmup, latency.unit) == (3, 3, "instructions")
    assert latency.disturbance == pytest.approx(0.1)


def test_latency_of_a_short_run_without_a_profile() -> None:
    latency = summarize_latency(device_info(), np.array([4.0, 2.0]), np.zeros(0), [])
    assert (latency.median, latency.samples, latency.warmup) == (3.0, 2, 0)
    assert latency.operators == () and latency.disturbance is None
