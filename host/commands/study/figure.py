"""The figure of a study: error rate by route, a box over the runs and a point for each of them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from host.commands.study.values import RouteSummary, Study
from host.report import svg
from host.report.formats import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
_DPI = 200
# style.css's light colours, for the PNG, which has no style sheet.
_LIGHT = {
    svg.INK: "#1c2024",
    svg.MUTED: "#5f6873",
    svg.LINE: "#dfe2e6",
    svg.BLUE: "#0072b2",
    svg.ORANGE: "#c96a00",
}
_POINT_SPREAD = 0.3


def figure_svg(study: Study) -> str:
    """The figure as an ``<svg>`` element for the page."""
    with svg.figure(WIDTH, _height(study.routes)) as (figure, axes):
        _draw(figure, axes, study, {})
        rates = "; ".join(f"{r.route} {r.error.value:.2f} %" for r in study.routes)
        return svg.to_svg(figure, "study", f"Error rate by route over {_count(study)}: {rates}")


def figure_png(study: Study) -> bytes:
    """The same as a PNG on white, for papers and slides; equal studies give equal bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = {
        key: _LIGHT.get(value, value) if isinstance(value, str) else value
        for key, value in svg.STYLE.items()
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(WIDTH, _height(study.routes) + 0.3), layout="constrained")
        axes = figure.add_subplot()
        _draw(figure, axes, study, _LIGHT)
        axes.set_title(_title(study))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        return buffer.getvalue()


def _height(routes: Sequence[RouteSummary]) -> float:
    return 1.5 + 0.46 * len(routes)


def _count(study: Study) -> str:
    runs = len(study.runs)
    return f"{runs} {'run' if runs == 1 else 'runs'} of {study.samples} samples"


def _title(study: Study) -> str:
    model = study.plan.model or "demo model"
    return plain(f"{study.plan.data}, {model}: n = {_count(study)}")


def _draw(figure: Figure, axes: Axes, study: Study, colours: Mapping[str, str]) -> None:
    """``colours`` are put in place of those that stand for the page's."""
    from matplotlib.lines import Line2D

    ink, blue, orange = (colours.get(c, c) for c in (svg.INK, svg.BLUE, svg.ORANGE))
    for place, route in enumerate(study.routes):
        colour = blue if route.executor == "keras" else orange
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
            errors,
            place + _spread(errors),
            s=17,
            color=colour,
            alpha=0.55,
            linewidths=0,
            zorder=3,
            clip_on=False,
        )
        axes.scatter(
            [route.error.value], [place], marker="D", s=26, color=ink, zorder=4, linewidths=0
        )
    axes.set_yticks(range(len(study.routes)), [route.route for route in study.routes])
    axes.tick_params(axis="y", length=0, labelcolor=ink)
    axes.set_ylim(len(study.routes) - 0.4, -0.6)
    axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(f"error rate (%), n = {_count(study)}")
    axes.grid(axis="x")
    kinds = [("Keras", blue), (".tflite", orange)]
    shown = {route.executor == "keras" for route in study.routes}
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=5, color=colour, label=f"a run, {name}")
        for name, colour in kinds
        if (name == "Keras") in shown
    ]
    mean = Line2D([], [], marker="D", linestyle="", markersize=5, color=ink, label="mean")
    figure.legend(handles=[*handles, mean], loc="outside lower right", ncols=3)


def _spread(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Offsets across the box, so that runs with equal errors stay apart; always the same ones."""
    offsets = np.zeros(len(errors))
    for value in np.unique(errors):
        equal = np.flatnonzero(errors == value)
        if len(equal) > 1:
            offsets[equal] = np.linspace(-1, 1, len(equal)) * min(
                _POINT_SPREAD, 0.08 * (len(equal) - 1)
            )
    return offsets
