"""What a model's outputs are for, and what they predict."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array
from host.base.errors import ConfigError
from host.models.dataset import Dataset
from host.models.tflite import Graph, Tensor
from host.verdict import statistics
from host.verdict.options import Task
from host.verdict.statistics import Interval, Values

CLASSIFIES: tuple[Task, ...] = ("classification", "binary", "multilabel")
# Predicted classes or labels: int64 [n], for several labels int64 [n, labels] of 0 and 1.
Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """How outputs are read.

    Attributes:
        task: what they are for.
        codes: the tensor whose codes they are or come from (``Graph.output_codes``).
        threshold: in output units, above or at which an output says yes; None where none does.
        classes: how many there are.
    """

    task: Task
    codes: Tensor
    threshold: float | None
    classes: int

    @property
    def classifies(self) -> bool:
        """Whether outputs predict classes."""
        return self.task in CLASSIFIES

    def predictions(self, outputs: Array) -> Classes:
        """Predicted classes or labels of outputs [n, …] of any column."""
        if self.threshold is None:
            return decide(outputs)
        yes = (real_values(outputs, self.codes) >= self.threshold).astype(np.int64)
        return yes if self.task == "multilabel" else yes[:, 0]

    def labels(self, dataset: Dataset) -> Classes | None:
        """What the predictions should be, as ``predictions`` gives them; None where that is not
        known."""
        if dataset.y is None or not self.classifies:
            return None
        labels = dataset.y.astype(np.int64)
        return labels if self.task != "binary" else labels.reshape(-1)

    def targets(self, dataset: Dataset) -> Array | None:
        """What the outputs should be, float32 [n, …]; None where that is not known."""
        if self.task == "autoencoder":
            return None if dataset.raw else dataset.x
        return dataset.y if self.task == "regression" else None

    def anomalies(self, dataset: Dataset) -> Classes | None:
        """Which samples of an auto-encoder are anomalies, 0 or 1; None where that is not known."""
        y = dataset.y
        known = self.task == "autoencoder" and y is not None and y.dtype.kind == "i"
        return y if known else None


def read_as(graph: Graph, dataset: Dataset, wanted: Task | None = None) -> Reading:
    """How the model's outputs are read: as the user wants it, else as labels and last operator say.

    Raises:
        ConfigError: the wanted task does not fit the model or the labels.
    """
    task = wanted or detect_task(graph, dataset)
    _check(task, graph, dataset)
    threshold = None
    if task in ("binary", "multilabel"):
        # Without a sigmoid the outputs are logits.
        threshold = 0.5 if _last(graph) == "LOGISTIC" else 0.0
    size = graph.output.size
    return Reading(task, graph.output_codes, threshold, 2 if task == "binary" else size)


def _check(task: Task, graph: Graph, dataset: Dataset) -> None:
    values, y = graph.output.size, dataset.y
    numbers = y is not None and y.dtype.kind == "i"
    yes_or_no = y is None or bool(np.isin(y, (0, 1)).all())
    wrong = {
        "classification": values < 2 or (y is not None and not numbers),
        "binary": values != 1 or not yes_or_no,
        "multilabel": values < 2 or numbers or not yes_or_no,
        "regression": numbers,
        "autoencoder": graph.output.shape != graph.input.shape or not yes_or_no,
    }
    if wrong[task]:
        form = "no labels" if y is None else "class numbers" if numbers else f"y {y.shape}"
        raise ConfigError(
            f"--task {task} does not fit an output {graph.output.shape[1:]} with {form}",
            "Leave --task out, or give labels that go with it: see docs/reports.md.",
        )


def detect_task(graph: Graph, dataset: Dataset) -> Task:
    """By the labels, and where there are none, by shapes and by the model's last operator."""
    last, y = _last(graph), dataset.y
    values = graph.output.size
    again = graph.output.shape == graph.input.shape and values > 1
    if y is not None and y.dtype.kind == "i":
        return "autoencoder" if again else "classification"
    yes_or_no = y is None or bool(np.isin(y, (0, 1)).all())
    if last == "LOGISTIC" and yes_or_no and not again:
        return "binary" if values == 1 else "multilabel"
    if y is None and last == "SOFTMAX":
        return "classification"
    return "autoencoder" if y is None and again else "regression"


def _last(graph: Graph) -> str | None:
    """Name of the operator that computes the output, behind what only converts numbers; None where
    none does, which an engine refuses."""
    writers = {index: operator for operator in graph.operators for index in operator.outputs}
    last = writers.get(graph.outputs[0])
    if last is not None and last.inputs and graph.leaves(last):
        last = writers.get(last.inputs[0], last)
    return None if last is None else last.name


# --- one column's outputs ---------------------------------------------------------------------


def decide(outputs: Array) -> Classes:
    """Predicted classes, int64 [n], by arg-max of [n, …]; of equal values the first one counts.

    Ties are common in int8 (probabilities round to the same code) and next to impossible in
    float: a flip between Keras and int8 may be no more than a tie.
    """
    return np.asarray(flat(outputs).argmax(axis=1), np.int64)


def matches(predictions: Classes, others: Classes) -> npt.NDArray[np.bool_]:
    """Samples whose predictions are equal, all labels of a sample together: bool [n]."""
    return np.asarray((flat(predictions) == flat(others)).all(axis=1))


def accuracy(predictions: Classes | None, labels: Classes | None) -> Interval | None:
    """Share of the samples whose predictions are right; None without predictions or labels."""
    if predictions is None or labels is None:
        return None
    return statistics.share(int(matches(predictions, labels).sum()), len(labels))


def mean_error(outputs: Array | None, targets: Array | None, codes: Tensor) -> Interval | None:
    """Mean absolute error per sample against targets, in real units.

    None without outputs or targets, and where the outputs hold NaN.
    """
    if outputs is None or targets is None:
        return None
    errors = np.abs(real_values(outputs, codes) - flat(targets).astype(np.float64))
    interval = statistics.mean(errors.mean(axis=1))
    return interval if np.isfinite(interval.value) else None


def real_values(outputs: Array, codes: Tensor) -> Values:
    """A column's outputs [n, …] in real units, [n, values]: floats as they are, codes dequantized.

    ``codes`` is the tensor whose codes they are or come from, see ``Graph.output_codes``.
    """
    # By way of float32, which is what DEQUANTIZE and Keras give.
    return flat(codes.to_real(outputs).astype(np.float32)).astype(np.float64)


def flat(values: Array) -> Array:
    """[n, …] as [n, values]."""
    return values.reshape(len(values), -1)
