"""The figure of a study: error rate by route, a box over the runs and a point for each of them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from host.base.arrays import RealArray
from host.commands.study.values import Study
from host.report import svg
from host.report.formats import fixed, many, plain
from host.report.page import stylesheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
_DPI = 200
_POINT_SPREAD = 0.3


def figure_svg(study: Study) -> Markup:
    """The figure as an ``<svg>`` element for the page."""
    routes = study.comparison.routes
    with svg.figure(WIDTH, 1.5 + 0.46 * len(routes)) as (figure, axes):
        _draw(figure, axes, study, {})
        rates = "; ".join(f"{r.name} {fixed(r.error.value)} %" for r in routes)
        return svg.to_svg(figure, "study", f"Error rate by route over {_count(study)}: {rates}")


def figure_png(study: Study) -> bytes:
    """The same as a PNG on white, for papers and slides; equal studies give equal bytes."""
    # What stands for style.css's light colours, for a picture that has no style sheet.
    colours = dict(re.findall(r"(--[\w-]+): (#\w+)", stylesheet().partition("@media")[0]))
    light = {stand_in: colours[variable] for stand_in, variable in svg.VARIABLES.items()}
    height = 1.8 + 0.46 * len(study.comparison.routes)  # with a title
    with svg.figure(WIDTH, height, light) as (figure, axes):
        _draw(figure, axes, study, light)
        model = study.plan.model or "demo model"
        axes.set_title(plain(f"{study.plan.data}, {model}: n = {_count(study)}"))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        return buffer.getvalue()


def _count(study: Study) -> str:
    return f"{many(study.comparison.runs, 'run')} of {many(study.comparison.samples, 'sample')}"


def _draw(figure: Figure, axes: Axes, study: Study, colours: Mapping[str, str]) -> None:
    """``colours`` are put in place of those that stand for the page's."""
    from matplotlib.lines import Line2D

    ink, blue, orange = (colours.get(c, c) for c in (svg.INK, svg.BLUE, svg.ORANGE))
    routes = study.comparison.routes
    kinds = {False: (blue, "a run, Keras"), True: (orange, "a run, .tflite")}
    for place, route in enumerate(routes):
        colour, _ = kinds[route.executor != "keras"]
        errors = np.array(route.errors)
        if len(errors) > 1:
            line = {"color": colour, "linewidth": 1.2}
            axes.boxplot(
                errors, positions=[place], orientation="horizontal", widths=0.56,
                patch_artist=True, showfliers=False, manage_ticks=False,
                boxprops={"facecolor": "none", "edgecolor": colour, "linewidth": 1.2},
                medianprops={"color": colour, "linewidth": 2.2},
                whiskerprops=line, capprops=line,
            )  # fmt: skip
        axes.scatter(
            errors, place + _spread(errors), s=17, color=colour,
            alpha=0.55, linewidths=0, zorder=3, clip_on=False,
        )  # fmt: skip
        mean = route.error.value
        axes.scatter([mean], [place], marker="D", s=26, color=ink, zorder=4, linewidths=0)
    svg.named_rows(axes, [route.name for route in routes])
    axes.tick_params(axis="y", labelcolor=ink)
    axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(f"error rate (%), n = {_count(study)}")
    legend = [kinds[kind] for kind in sorted({route.executor != "keras" for route in routes})]
    handles = [
        Line2D([], [], marker=marker, linestyle="", markersize=5, color=colour, label=label)
        for marker, colour, label in [*(("o", *kind) for kind in legend), ("D", ink, "mean")]
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=3)


def _spread(errors: RealArray) -> RealArray:
    """Offsets across the box, so that runs with equal errors stay apart; always the same ones."""
    offsets = np.zeros(len(errors))
    for value in np.unique(errors):
        equal = np.flatnonzero(errors == value)
        if len(equal) > 1:
            widest = min(_POINT_SPREAD, 0.08 * (len(equal) - 1))
            offsets[equal] = np.linspace(-1, 1, len(equal)) * widest
    return offsets
