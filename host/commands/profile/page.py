"""A profile's page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from host.commands.profile.document import ProfileDocument
from host.commands.profile.values import Profile
from host.deployment.figures import arena_over_time, operator_bars
from host.report.page import render
from host.verdict.latency import UNIT_WORDS, latency_text


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
