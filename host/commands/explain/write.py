"""The files of an explanation in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from host.base.files import write_text
from host.commands.explain.document import document
from host.commands.explain.explanation import Explanation
from host.commands.explain.page import render_html

RESULTS = ("explain.json", "explain.html")


def write_explanation(explanation: Explanation) -> Path:
    """Write explain.html and explain.json; the path of explain.json.

    Each file is whole or absent. explain.json comes last: where it is, the report is complete,
    and its text is what ``--json`` prints.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(explanation)
    write_text(explanation.folder / "explain.html", render_html(explanation, values))
    path = explanation.folder / "explain.json"
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
    return path
