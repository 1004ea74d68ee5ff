"""A profile's page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from host.inside.records import Profile
from host.report import words
from host.report.document import JSON
from host.report.html import environment, stylesheet
from host.report.sections import arena_over_time, operator_bars


def render_html(profile: Profile, document: dict[str, JSON]) -> str:
    """The profile as a self-contained HTML page; ``document`` is :func:`document`'s."""
    template = environment().get_template("profile.html.j2")
    return template.render(
        r=document,
        css=stylesheet(),
        unit=words.UNIT_WORDS[profile.latency.unit],
        bars=operator_bars(profile.latency),
        arena=arena_over_time(profile.rendered, profile.info),
    )
