"""A profile's page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from host.commands.profile.values import Profile
from host.deployment.figures import arena_over_time, operator_bars
from host.report.document import JSON
from host.report.page import environment, stylesheet
from host.verdict.latency import UNIT_WORDS, latency_text


def render_html(profile: Profile, document: dict[str, JSON]) -> str:
    """The profile as a self-contained HTML page; ``document`` is :func:`document`'s."""
    template = environment().get_template("profile.html.j2")
    return template.render(
        r=document,
        css=stylesheet(),
        unit=UNIT_WORDS[profile.latency.unit],
        latency=latency_text(profile.latency),
        bars=operator_bars(profile.latency),
        arena=arena_over_time(profile.deployed.rendered, profile.deployed.info),
    )
