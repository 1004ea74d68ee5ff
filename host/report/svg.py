"""Matplotlib's figures as inline SVG that follows the page's light or dark colours."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from host.report.formats import number, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib wants a colour, the page wants a variable that depends on the colour scheme. Each of
# these stands for a variable of style.css, and takes its name in the finished SVG.
INK, MUTED, LINE = "#010101", "#020202", "#030303"
BLUE, ORANGE, GREEN, RED, ON_BLUE = "#040404", "#050505", "#060606", "#070707", "#080808"
# Inches, of a figure that fills the page.
WIDTH = 7.0
VARIABLES = {
    **{INK: "--ink", MUTED: "--muted", LINE: "--line", BLUE: "--blue", ORANGE: "--orange"},
    **{GREEN: "--green", RED: "--red", ON_BLUE: "--on-blue"},
}
_COLOUR = re.compile("|".join(VARIABLES))
_TAG = re.compile(r"<[^>]*>")
_REFERENCE = re.compile(r'(?:href="|url\()#([^")]+)')
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "flash-and-eval",
    "font.size": 9,
    "text.color": INK,
    # Names of tensors and files are shown as they are: "$x$" in one is no formula.
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


@contextmanager
def figure(
    width: float, height: float, colours: Mapping[Any, str] | None = None
) -> Iterator[tuple[Figure, Axes]]:
    """A figure of ``width`` × ``height`` inches with one pair of axes, in the report's style.

    No pyplot: nothing is registered anywhere, and the style ends with the block. ``colours`` are
    put in place of those that stand for the page's.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style = {key: (colours or {}).get(value, value) for key, value in _STYLE.items()}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # The browser draws the text, with its own fonts; which glyphs matplotlib's font has
        # does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        made = Figure(figsize=(width, height), dpi=72, layout="constrained")
        yield made, made.add_subplot()


def to_svg(figure: Figure, name: str, alt: str) -> Markup:
    """The figure as an ``<svg>`` element for a page; call it inside the figure's block.

    ``name`` is the prefix of the ids, its own for every figure of a page; ``alt`` is what the
    figure shows, for those who cannot see it.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # Laid out here, since savefig would draw everything once more to do it.
    FigureCanvasSVG(figure)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    figure.set_layout_engine("none")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    width, height = (float(72 * inches) for inches in figure.get_size_inches())
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    # A style sheet inside an inline SVG would hold for the whole page; style.css has these rules.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = svg[svg.index(">") + 1 :]
    used = {id_ for tag in _TAG.findall(svg) for id_ in _REFERENCE.findall(tag)}
    # Only in tags: a tensor's name between them may read like an attribute.
    svg = _TAG.sub(lambda tag: _adapted(tag[0], name, used), svg)
    return Markup(
        f'<svg class="plot" role="img" aria-label="{html.escape(plain(alt))}" '
        f'viewBox="0 0 {width:g} {height:g}" style="max-width:{width * 1.5:.0f}px">{svg}'
    )


def _adapted(tag: str, name: str, used: set[str]) -> str:
    """A tag with ids of its own, the page's font and the page's colours."""
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'((?:href="|url\()#)', rf"\g<1>{name}-", tag)
    tag = tag.replace("xlink:href", "href")
    tag = re.sub(r"(font: [^;\"]*?px )[^;\"]*", r"\1system-ui, sans-serif", tag)
    return _COLOUR.sub(lambda m: f"var({VARIABLES[m[0]]})", tag)


def thousands(axes: Axes, which: str) -> None:
    """Group the digits of an axis's numbers; ``which`` is x or y."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: number(value))


def named_rows(axes: Axes, names: Sequence[str], margin: float = 0.6) -> None:
    """Rows from top to bottom, each with its name at the left and a grid to read values by."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 1 + margin, -margin)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def beside(axes: Axes, text: str, place: tuple[float, float]) -> None:
    """A small text to the right of a bar's end."""
    axes.annotate(text, place, (5, 0), textcoords="offset points", va="center", fontsize=8)
