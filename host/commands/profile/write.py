"""The files of a profile in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from host.base.files import write_text
from host.commands.profile.document import document
from host.commands.profile.page import render_html
from host.commands.profile.values import Profile

RESULTS = ("report.json", "report.html")


def write_profile(profile: Profile) -> Path:
    """Write report.html and report.json; the path of report.json, which comes last.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(profile)
    write_text(profile.deployed.folder / "report.html", render_html(profile, values))
    path = profile.deployed.folder / "report.json"
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
    return path
