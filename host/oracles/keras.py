"""Keras, as an oracle."""

import numpy as np

from host.base.errors import ModelError, OracleError
from host.models.dataset import Dataset
from host.models.feeds import real_samples
from host.models.source import FloatModel
from host.models.tflite import Graph
from host.oracles.columns import Column


def run_keras(source: FloatModel, dataset: Dataset, graph: Graph) -> Column:
    """Float outputs; a raw data set is dequantized as the .tflite model ``graph`` has it.

    Raises:
        OracleError: the model fails on these samples.
        ModelError: it computes NaN or infinity for some.
    """
    try:
        outputs = source.predict(real_samples(dataset, graph))
    except Exception as error:  # TensorFlow has its own tree of exceptions
        raise OracleError(f"Keras failed on {source.file.path}: {error}") from error
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if not finite.all():
        raise ModelError(
            f"{source.file.path} computes NaN or infinite outputs for {np.sum(~finite)} samples, "
            f"the first is sample {int(np.argmin(finite))}",
            "Look at the model's training and at the samples' range.",
        )
    return Column("keras", outputs, source.version)
