"""The files of a study in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from host.base.files import replacing, write_text
from host.commands.study.document import document, pairs_csv, runs_csv
from host.commands.study.figure import figure_png
from host.commands.study.page import render_html
from host.commands.study.values import Study


def write_study(study: Study) -> Path:
    """Write figure.png, report.html, runs.csv, pairs.csv and study.json; the path of study.json.

    Each file is whole or absent. study.json comes last: where it is, the report is complete, and
    its text is what ``--json`` prints.

    Raises:
        MachineError: the folder cannot be written to.
    """
    folder = study.folder
    values = document(study)
    with replacing(folder / "figure.png") as file:
        file.write(figure_png(study))
    write_text(folder / "report.html", render_html(study, values))
    write_text(folder / "runs.csv", runs_csv(study))
    write_text(folder / "pairs.csv", pairs_csv(study))
    path = folder / "study.json"
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
    return path
