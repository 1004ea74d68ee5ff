"""The files of a profile in its folder."""

from __future__ import annotations

from host.commands.profile.document import document
from host.commands.profile.page import render_html
from host.commands.profile.values import Profile
from host.report.document import DOCUMENT, PAGE, write_report

RESULTS = (DOCUMENT, PAGE)


def write_profile(profile: Profile) -> None:
    """Write the page and the document.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(profile)
    write_report(profile.deployed.folder, values, {PAGE: render_html(profile, values)})
