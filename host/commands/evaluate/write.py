"""The report's files in a run's folder."""

from host.base.arrays import Array
from host.commands.evaluate.document import document
from host.commands.evaluate.page import render_html
from host.commands.evaluate.values import Evaluation
from host.deployment.folder import PREDICTIONS
from host.report.document import DOCUMENT, PAGE, write_report

RESULTS = (DOCUMENT, PAGE, PREDICTIONS)


def write_evaluation(evaluation: Evaluation) -> None:
    """Write the page, predictions.npz and the document.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(evaluation)
    page = render_html(evaluation, values)
    write_report(evaluation.folder, values, {PAGE: page, PREDICTIONS: predictions(evaluation)})


def predictions(evaluation: Evaluation) -> dict[str, Array]:
    """The samples and what every column made of them, n rows each, for a notebook.

    Keys: ``x`` and, where there are labels, ``y`` as in the data set; ``keras`` (float32, real
    units), ``litert``, ``litert_reference``, ``tflm_host``, ``device`` (the output tensor's own
    type) where they ran; ``ticks`` float64 [n] and ``operator_ticks`` float64 [r, operators] in
    the device's tick unit.
    """
    arrays: dict[str, Array] = {"x": evaluation.dataset.x}
    if evaluation.dataset.y is not None:
        arrays["y"] = evaluation.dataset.y
    for name, column in evaluation.columns.items():
        if column.outputs is not None:
            arrays[name] = column.outputs
    arrays["ticks"] = evaluation.device.ticks
    arrays["operator_ticks"] = evaluation.device.operator_ticks
    return arrays
