"""The verdict's words and numbers."""

import numpy as np
import pytest

from host.base.arrays import Array
from host.firmware.rendered import ExecutedOperator
from host.models.dataset import Dataset
from host.oracles.columns import Column, ColumnName
from host.verdict.differences import FirstDifference
from host.verdict.judge import judge
from host.verdict.latency import summarize_latency
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
    assert verdict.match
    assert verdict.headline == "device matches: 6/6 bit-exact"
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
        "deployment gap: 1/6 samples differ on the device, first at operator 0 CONV_2D"
    )
    gap = verdict.gaps["deployment"]
    assert gap is not None and gap.flips == 0 and gap.max_steps == 1


def test_a_difference_that_no_operator_shows_is_said_to_be_elsewhere() -> None:
    verdict = judge(columns(CODES[::-1].copy()), GRAPH, DATA, traced=4)
    assert verdict.outcome == "unrepeated" and "differ on the device" in verdict.headline
    assert any("did not repeat" in note for note in verdict.notes)


def test_no_other_oracle_steps_in_for_a_missing_one() -> None:
    verdict = judge(columns(CODES.copy(), tflm_host=None), GRAPH, DATA)
    assert verdict.outcome == "unknown" and verdict.gaps["deployment"] is None
    assert verdict.headline == "no verdict: TFLM on the host is missing (no tflm_host here)"
    assert any("column tflm_host is absent" in note for note in verdict.notes)


def test_a_ready_tflite_has_no_keras_column() -> None:
    verdict = judge(columns(CODES.copy(), keras=None), GRAPH, DATA)
    assert verdict.match
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
    assert any("no better than chance" in note for note in verdict.notes)


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
    assert verdict.headline.startswith("version skew: 1/2" if skew else "deployment gap: 1/2")
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
