"""The frame of every HTML page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from host.report import formats

if TYPE_CHECKING:
    from jinja2 import Environment


def _visible(value: object) -> object:
    """Every text that the template shows, but what this program drew itself, made visible."""
    return formats.plain(value) if type(value) is str else value


def _or_dash(form: Callable[..., str]) -> Callable[..., str]:
    """A number's form, or a dash for one that is not there."""
    return lambda value, *options: "—" if value is None else form(value, *options)


def stylesheet() -> Markup:
    """style.css, which every page carries inside."""
    return Markup(files("host.report").joinpath("templates", "style.css").read_text("utf-8"))


def environment() -> Environment:
    """What renders every page: escapes, makes hidden characters visible, knows number formats.

    A number that is None shows as a dash; a variable that a template misses is an error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("host.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_or_dash(formats.number),
        percent=_or_dash(formats.percent),
        size=_or_dash(formats.size),
        duration=_or_dash(formats.duration),
        at_most=_or_dash(formats.at_most),
    )
    return environment
