"""Rendering C++: the templates, and values as initialisers."""

import functools
from collections.abc import Iterable

import jinja2

from host.base.paths import FIRMWARE

_WIDTH = 98


def render(template: str, **values: object) -> str:
    """A template of firmware/templates, filled in. A value that is missing is an error."""
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FIRMWARE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def lines(items: Iterable[str]) -> str:
    """Comma-separated initialisers, broken into lines."""
    rows = []
    row = "   "
    for item in items:
        if len(row) + len(item) + 2 > _WIDTH:
            rows.append(row)
            row = "   "
        row += f" {item},"
    return "\n".join([*rows, row])


def byte_lines(content: bytes) -> str:
    """Bytes as initialisers."""
    return lines(f"0x{byte:02x}" for byte in content)
