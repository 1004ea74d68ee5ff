"""The page: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from host.records import Evaluation
from host.report import words
from host.report.document import JSON
from host.report.sections import sections

if TYPE_CHECKING:
    from jinja2 import Environment


def render_html(evaluation: Evaluation, document: dict[str, JSON]) -> str:
    """The report as a self-contained HTML page; ``document`` is :func:`document`'s."""
    template = environment().get_template("report.html.j2")
    return template.render(
        r=document,
        s=sections(evaluation),
        css=stylesheet(),
        why=words.why(evaluation),
        labels=words.COLUMN_LABELS,
        meanings=words.COLUMN_MEANINGS,
        notes=list(dict.fromkeys((*evaluation.dataset.notes, *_notes(document)))),
        unit=words.UNIT_WORDS[evaluation.latency.unit],
    )


def _notes(document: dict[str, JSON]) -> list[str]:
    notes = document["notes"]
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _visible(value: object) -> object:
    """Every text that the template shows, but what this program drew itself, made visible."""
    return words.plain(value) if type(value) is str else value


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
        number=_or_dash(words.number),
        percent=_or_dash(words.percent),
        size=_or_dash(words.size),
        duration=_or_dash(words.duration),
        at_most=_or_dash(words.at_most),
    )
    environment.globals.update(latency_text=_or_dash(words.latency_text))
    return environment
