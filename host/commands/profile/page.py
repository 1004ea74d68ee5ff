"""A profile's page, and its files."""

from host.commands.profile.document import Profile, ProfileDocument, document
from host.deployment.figures import arena_over_time, operator_bars
from host.report.document import DOCUMENT, PAGE, write_report
from host.report.page import render
from host.verdict.latency import UNIT_WORDS, latency_text

RESULTS = (DOCUMENT, PAGE)


def render_html(profile: Profile, document: ProfileDocument) -> str:
    """The profile as a self-contained HTML page; ``document`` is :func:`document`'s."""
    return render(
        "commands/profile/page.html.j2",
        document,
        tone="neutral",
        unit=UNIT_WORDS[profile.latency.unit],
        latency=latency_text(profile.latency),
        bars=operator_bars(profile.latency),
        arena=arena_over_time(profile.deployed.rendered, profile.deployed.info),
    )


def write_profile(profile: Profile) -> None:
    """Write the page and the document.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(profile)
    write_report(profile.deployed.folder, values, {PAGE: render_html(profile, values)})
