"""Names of classes: in the data, or given by the user."""

from dataclasses import replace

import numpy as np

from host.base.arrays import Array
from host.base.errors import ConfigError, DataError
from host.models.dataset import Dataset


def with_names(dataset: Dataset, given: str | None, outputs: int) -> Dataset:
    """The data set with names for the model's classes, where the user gives them.

    Args:
        dataset: fitted to the model.
        given: names with commas between them, in the order of the outputs; None for none.
        outputs: how many the model has; one has the classes no and yes.

    Raises:
        ConfigError: there are more or fewer names than classes.
    """
    if given is None:
        return dataset
    names = tuple(name.strip() for name in given.split(","))
    classes = max(outputs, 2)
    if len(names) != classes:
        raise ConfigError(
            f"--classes gives {len(names)} names, the model has {classes} classes",
            "Give one name for each, in the order of the model's outputs.",
        )
    return replace(dataset, class_names=names)


def numbered(labels: Array, names: tuple[str, ...], where: str) -> tuple[Array, tuple[str, ...]]:
    """Class numbers, int64 [n], of labels that are strings, and the classes' names.

    Args:
        labels: strings [n].
        names: the classes in the order of the model's outputs; empty where the data do not say.
            Then the order is alphabetical, as Keras has it for folders.
        where: names the array in messages.

    Raises:
        DataError: a label is no class's name, or the labels are no list.
    """
    if labels.ndim != 1:
        raise DataError(
            f"{where} are strings of shape {labels.shape}; one label per sample is wanted",
            "Give class numbers, or one name per sample.",
        )
    known = names or tuple(sorted({str(label) for label in labels}))
    number = {name: k for k, name in enumerate(known)}
    unknown = sorted({str(label) for label in labels} - number.keys())
    if unknown:
        raise DataError(
            f"{where} have the label {unknown[0]!r}, which is not one of the class names "
            f"{', '.join(known[:10])}",
            "Name every class in class_names, in the order of the model's outputs.",
        )
    return np.array([number[str(label)] for label in labels], np.int64), known
