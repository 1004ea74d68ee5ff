"""The files of a profile in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from host.atomic import write_text
from host.inside.records import Profile
from host.report.profile_document import document
from host.report.profile_html import render_html

RESULTS = ("report.json", "report.html")


def write_profile(profile: Profile) -> Path:
    """Write report.html and report.json; the path of report.json, which comes last.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(profile)
    write_text(profile.folder / "report.html", render_html(profile, values))
    path = profile.folder / "report.json"
    write_text(path, json.dumps(values, indent=2, allow_nan=False) + "\n")
    return path
