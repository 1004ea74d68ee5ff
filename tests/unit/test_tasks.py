"""What outputs are for, and the numbers that each task has."""

from dataclasses import replace

import numpy as np
import pytest

from host.base.arrays import Array
from host.base.errors import ConfigError
from host.models.dataset import Dataset, check_fit
from host.models.tflite import Graph
from host.oracles.columns import COLUMNS, Column, ColumnName
from host.verdict.judge import judge
from host.verdict.metrics import class_scores, metrics
from host.verdict.options import Task
from host.verdict.tasks import read_as
from tests.fixtures.graphs import graph

X = np.zeros((4, 3), np.float32)


def data(y: object = None, net: Graph | None = None, x: Array = X) -> Dataset:
    whole = Dataset("set", x, None if y is None else np.asarray(y), None)
    return whole if net is None else check_fit(whole, net.input.shape[1:], net.output.shape[1:])


def scores(real: object) -> Array:
    """Codes of probabilities: scale 1/256, zero point −128."""
    return np.round(np.asarray(real, np.float64) * 256 - 128).clip(-128, 127).astype(np.int8)


def columns(keras: Array, int8: Array) -> dict[ColumnName, Column]:
    """All five: Keras's outputs, and the same int8 outputs for the others."""
    return {name: Column(name, keras if name == "keras" else int8, "") for name in COLUMNS}


SIGMOID = graph("FULLY_CONNECTED", "LOGISTIC", classes=1)
LABELS = graph("FULLY_CONNECTED", "LOGISTIC", classes=4)
DENSE = graph("FULLY_CONNECTED", classes=4)
AGAIN = graph("FULLY_CONNECTED", classes=3)  # its input has 3 values too


@pytest.mark.parametrize(
    ("net", "y", "task"),
    [
        (SIGMOID, [0, 1, 1, 0], "binary"),
        (SIGMOID, [True, False, True, True], "binary"),
        (SIGMOID, None, "binary"),
        (SIGMOID, [0.1, 0.5, 0.7, 0.2], "regression"),
        (LABELS, np.eye(4)[[0, 1, 1, 2]] + np.eye(4)[[3, 3, 3, 3]], "multilabel"),
        (LABELS, [0, 1, 3, 2], "classification"),
        (DENSE, [0, 1, 3, 2], "classification"),
        (DENSE, np.ones((4, 4)) / 3, "regression"),
        (AGAIN, None, "autoencoder"),
        (AGAIN, [0, 1, 0, 0], "autoencoder"),
        (AGAIN, np.ones((4, 3)) / 3, "regression"),
    ],
)
def test_the_task_is_read_from_labels_and_model(net: Graph, y: object, task: Task) -> None:
    assert read_as(net, data(y, net)).task == task


def test_the_user_knows_better_or_is_told() -> None:
    without_sigmoid = graph("FULLY_CONNECTED", classes=1)
    labels = data([0, 1, 1, 0], without_sigmoid)
    assert read_as(without_sigmoid, labels).task == "regression"
    reading = read_as(without_sigmoid, labels, "binary")
    assert (reading.task, reading.threshold) == ("binary", 0.0)  # its outputs are logits
    with pytest.raises(ConfigError, match="--task binary does not fit an output"):
        read_as(DENSE, data([0, 1, 3, 2], DENSE), "binary")


def test_a_binary_classifier_has_accuracy_flips_and_an_auc() -> None:
    labels = data([0, 1, 1, 0], SIGMOID)
    keras = np.array([[0.1], [0.9], [0.6], [0.55]], np.float32)
    int8 = scores([[0.1], [0.9], [0.4], [0.55]])
    verdict = judge(columns(keras, int8), SIGMOID, labels)
    shares = {name: share.value for name, share in verdict.accuracy.items() if share}
    assert (shares["keras"], shares["device"]) == (0.75, 0.5)
    gap = verdict.gaps["quantization"]
    assert gap is not None and gap.flips == 1 and gap.disagreements[0].sample == 2
    assert gap.disagreements[0].left_margin == pytest.approx(0.1)
    assert verdict.threshold == 0.5
    assert verdict.metrics["keras"] == pytest.approx(
        {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "roc_auc": 1.0}
    )
    assert verdict.metrics["device"]["roc_auc"] == 0.75
    yes = verdict.class_scores[1]
    assert (yes.samples, yes.precision["device"], yes.recall["device"]) == (2, 0.5, 0.5)


def test_several_labels_are_right_together() -> None:
    y = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    labels = data(y, LABELS)
    reading = read_as(LABELS, labels)
    made = scores(np.where(y == 1, 0.8, 0.2))
    made[1, 2] = 100  # one label too many
    found = metrics(reading, labels, made)
    assert found["precision"] == pytest.approx(7 / 8) and found["recall"] == 1.0
    table = columns(np.where(y == 1, 0.8, 0.2).astype(np.float32), made)
    assert [s.samples for s in class_scores(reading, labels, table)] == [2, 2, 1, 2]
    verdict = judge(table, LABELS, labels)
    assert verdict.accuracy["device"].value == 0.75  # type: ignore[union-attr]
    assert verdict.gaps["quantization"].flips == 1  # type: ignore[union-attr]


def test_regression_has_rmse_and_r2() -> None:
    y = np.array([[0.0], [0.25], [0.5], [0.75]])
    net = graph("FULLY_CONNECTED", classes=1)
    off = np.array([[0], [0], [0], [0.2]])
    found = metrics(read_as(net, data(y, net)), data(y, net), scores(y + off))
    assert found["mean_absolute_error"] == pytest.approx(0.05, abs=0.002)
    assert found["root_mean_square_error"] == pytest.approx(0.1, abs=0.002)
    assert found["r2"] == pytest.approx(1 - 0.04 / 0.3125, abs=0.01)


def test_an_auto_encoder_is_scored_by_its_error() -> None:
    x = np.array([[0.1, 0.2, 0.3], [0.9, 0.1, 0.9], [0.2, 0.2, 0.2]], np.float32)
    labels = data([0, 1, 0], AGAIN, x)
    made = scores(np.array([[0.1, 0.2, 0.3], [0.1, 0.1, 0.1], [0.2, 0.2, 0.25]]))
    found = metrics(read_as(AGAIN, labels), labels, made)
    assert found["roc_auc"] == 1.0
    assert found["mean_square_error"] == pytest.approx((2 * 0.64 + 0.0025) / 9, abs=0.005)
    raw = replace(labels, x=made, raw=True)
    assert metrics(read_as(AGAIN, raw), raw, made) == {}


def test_of_many_classes_the_best_five_are_looked_at() -> None:
    net = graph("FULLY_CONNECTED", "SOFTMAX", classes=12)
    labels = data([0, 5, 11, 4], net)
    ranked = scores(np.tile(np.linspace(0.9, 0.1, 12), (4, 1)))  # class 0 first, 11 last
    assert metrics(read_as(net, labels), labels, ranked)["top_5"] == 0.5
    few = data([0, 1, 3, 2], DENSE)
    assert "top_5" not in metrics(read_as(DENSE, few), few, ranked[:, :4])
