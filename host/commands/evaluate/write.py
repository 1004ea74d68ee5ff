"""The report's files in a run's folder."""

from __future__ import annotations

import json
from pathlib import Path

from host.base.files import write_text
from host.commands.evaluate.document import document
from host.commands.evaluate.page import render_html
from host.commands.evaluate.predictions import save_predictions
from host.commands.evaluate.values import Evaluation

RESULTS = ("report.json", "report.html", "predictions.npz")


def write_report(evaluation: Evaluation) -> Path:
    """Write report.html, predictions.npz and report.json; the path of report.json.

    Each file is whole or absent. report.json comes last: where it is, the report is complete,
    and its text is what ``--json`` prints.

    Raises:
        MachineError: the folder cannot be written to.
    """
    folder = evaluation.folder
    values = document(evaluation)
    page = render_html(evaluation, values)
    write_text(folder / "report.html", page)
    save_predictions(evaluation, folder / "predictions.npz")
    path = folder / "report.json"
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
    return path
