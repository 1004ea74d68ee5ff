"""A profile's page."""

from host.commands.profile.document import ProfileDocument
from host.deployment.deployed import Deployed
from host.deployment.figures import arena_over_time, operator_bars
from host.report.page import render
from host.verdict.latency import UNIT_WORDS, latency_text


def render_html(profile: ProfileDocument, device: Deployed) -> str:
    """The profile as a self-contained HTML page."""
    return render(
        "commands/profile/page.html.j2",
        profile,
        tone="neutral",
        unit=UNIT_WORDS[profile.latency.unit],
        latency=latency_text(profile.latency),
        bars=operator_bars(profile.latency),
        arena=arena_over_time(device.rendered, device.info),
    )
