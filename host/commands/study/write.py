"""The files of a study in its folder."""

from __future__ import annotations

from host.commands.study.document import document, pairs_csv, runs_csv
from host.commands.study.figure import figure_png
from host.commands.study.folder import FIGURE, PAIRS_TABLE, RUNS_TABLE
from host.commands.study.page import render_html
from host.commands.study.values import Study
from host.report.document import PAGE, Content, write_report


def write_study(study: Study) -> None:
    """Write the figure, the page, the tables and the document.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(study)
    files: dict[str, Content] = {
        FIGURE: figure_png(study),
        PAGE: render_html(study, values),
        RUNS_TABLE: runs_csv(values),
        PAIRS_TABLE: pairs_csv(values),
    }
    write_report(study.folder, values, files)
