"""The frame of every HTML page: one file that needs nothing else, no network and no script.

A command's page extends ``report/base.html.j2``. Templates lie in the package whose page or part
they are, and are named by their path in ``host``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from host.report import formats
from host.report.document import Document

if TYPE_CHECKING:
    from jinja2 import Template


def render(
    template: str,
    document: Document,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **values: Any,
) -> str:
    """A page as HTML text.

    Args:
        template: of the command, such as ``commands/profile/page.html.j2``.
        document: what ``r`` is in the template, as JSON's own types.
        filters: the command's own, besides those of ``host.report.formats``.
        values: what else the template shows. A variable that it misses is an error.
    """
    page = _template(template, tuple((filters or {}).items()))
    return page.render(r=document.values(), css=stylesheet(), **values)


@cache
def _template(name: str, filters: tuple[tuple[str, Callable[..., Any]], ...]) -> Template:
    """The compiled template, with these filters besides those of all pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("host", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(formats, name) for name in _FORMATS})
    environment.filters.update(filters)
    return environment.get_template(name)


def stylesheet() -> Markup:
    """style.css, which every page carries inside."""
    return Markup(files("host.report").joinpath("style.css").read_text("utf-8"))


_FORMATS = ("number", "fixed", "percent", "p_value", "bare_p", "size", "duration", "at_most")


def _visible(value: object) -> object:
    """Every text that the template shows, but what this program drew itself, made visible."""
    return formats.plain(value) if type(value) is str else value
