"""How good predictions are, in the numbers that each task has. All by scikit-learn.

Its import takes a second, so it is imported when it is used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from host.base.arrays import Array
from host.models.dataset import Dataset
from host.oracles.columns import Column, ColumnName
from host.report.formats import number, percent
from host.verdict.tasks import Classes, Reading, flat, real_values

# Of a column, by name.
Metrics = Mapping[str, float]
# Of more classes than this, whether the right one is among the best five says more.
_MANY_CLASSES = 10
_TOP = 5
METRICS: Mapping[str, tuple[str, Callable[[float | None], str]]] = {
    "top_5": ("top 5", percent),
    "precision": ("precision", percent),
    "recall": ("recall", percent),
    "f1": ("F1", percent),
    "roc_auc": ("ROC AUC", number),
    "mean_absolute_error": ("mean absolute error", number),
    "root_mean_square_error": ("root mean square error", number),
    "r2": ("R²", number),
    "mean_square_error": ("mean square error", number),
}


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found."""

    number: int
    """The class."""
    samples: int
    """Samples with this label."""
    precision: Mapping[ColumnName, float | None]
    """By column: of the samples that it takes for this class, the share that are; null where it
    takes none."""
    recall: Mapping[ColumnName, float | None]
    """By column: of the samples of this class, the share that it finds; null where there are
    none."""


def metrics(reading: Reading, dataset: Dataset, outputs: Array | None) -> Metrics:
    """Of one column; empty where it is absent, or what is right is not known.

    - classification: precision, recall and F1, each the mean over the classes; top_5.
    - binary, multilabel: precision, recall and F1 of all labels together, ROC AUC (of several
      labels the mean).
    - regression: mean absolute error, root mean square error, R².
    - autoencoder: the mean square error of what is reconstructed; with labels, the ROC AUC of a
      sample's error as the sign of an anomaly, as MLPerf Tiny has it.

    Args:
        reading: how outputs are read.
        dataset: the samples.
        outputs: [n, …] of the column.
    """
    if outputs is None:
        return {}
    values = real_values(outputs, reading.codes)
    labels, targets = reading.labels(dataset), reading.targets(dataset)
    if labels is not None:
        scores = _of_classes(reading, reading.predictions(outputs), labels, values)
    elif targets is not None and np.isfinite(values).all():
        scores = _of_values(reading, dataset, values, flat(targets).astype(np.float64))
    else:
        scores = {}
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def _of_classes(
    reading: Reading, predicted: Classes, labels: Classes, values: Array
) -> dict[str, float]:
    from sklearn.metrics import precision_recall_fscore_support

    several = reading.task == "classification"
    average = "macro" if several else "binary" if reading.task == "binary" else "micro"
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, average=average, zero_division=0.0
    )
    scores = {"precision": float(precision), "recall": float(recall), "f1": float(f1)}
    if not several:
        scores["roc_auc"] = _auc(flat(labels), values)
    elif reading.classes > _MANY_CLASSES:
        best = np.argsort(-values, axis=1, kind="stable")[:, :_TOP]
        scores["top_5"] = float((best == labels[:, None]).any(axis=1).mean())
    return scores


def _of_values(
    reading: Reading, dataset: Dataset, values: Array, targets: Array
) -> dict[str, float]:
    errors = values - targets
    if reading.task == "autoencoder":
        each = (errors**2).mean(axis=1)
        scores = {"mean_square_error": float(each.mean())}
        anomalies = reading.anomalies(dataset)
        if anomalies is not None:
            scores["roc_auc"] = _auc(anomalies[:, None], each[:, None])
        return scores
    from sklearn.metrics import r2_score

    enough = len(values) > 1  # or there is no variance to explain
    return {
        "mean_absolute_error": float(np.abs(errors).mean()),
        "root_mean_square_error": float(np.sqrt((errors**2).mean())),
        "r2": float(r2_score(targets, values)) if enough else float("nan"),
    }


def _auc(labels: Classes, values: Array) -> float:
    """The mean over labels that are neither all 0 nor all 1; NaN where there is none."""
    from sklearn.metrics import roc_auc_score

    known = [
        float(roc_auc_score(labels[:, k], values[:, k]))
        for k in range(labels.shape[1])
        if 0 < labels[:, k].sum() < len(labels)
    ]
    return float(np.mean(known)) if known else float("nan")


def class_scores(
    reading: Reading, dataset: Dataset, columns: Mapping[ColumnName, Column]
) -> tuple[ClassScore, ...]:
    """Precision and recall of each class; empty where classes or labels are not known."""
    labels = reading.labels(dataset)
    if labels is None:
        return ()
    from sklearn.metrics import precision_recall_fscore_support

    classes = list(range(reading.classes))
    scores = {
        name: precision_recall_fscore_support(
            labels, reading.predictions(column.outputs), labels=classes, zero_division=np.nan
        )
        for name, column in columns.items()
        if column.outputs is not None
    }
    samples = next(iter(scores.values()))[3]
    return tuple(
        ClassScore(
            number=k,
            samples=int(samples[k]),
            precision={name: _known(score[0][k]) for name, score in scores.items()},
            recall={name: _known(score[1][k]) for name, score in scores.items()},
        )
        for k in classes
    )


def _known(share: float) -> float | None:
    return None if np.isnan(share) else float(share)
