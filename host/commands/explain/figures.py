"""An explanation's figures: values in, an ``<svg>`` element out. Every axis says its unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from markupsafe import Markup

from host.commands.explain.words import operator, points
from host.diagnosis.comparison.interventions import Intervention
from host.diagnosis.comparison.layers import Layer
from host.report import svg
from host.report.formats import number, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
NAME = 38
# A's is hollow and larger than B's, so that both are seen where they are equal.
_DOTS: dict[str, dict[str, Any]] = {
    "A": {"marker": "o", "ms": 6.6, "mfc": "none", "mec": svg.BLUE, "mew": 1.5},
    "B": {"marker": "o", "ms": 3.9, "color": svg.ORANGE},
}


def interventions(rows: Sequence[Intervention], start: float, name: str) -> Markup:
    """Bars of equal output values: from where they are to where each intervention takes them.

    The bar of an intervention alone starts where A and B are; the bar of one that was added
    starts where those before it ended. There is at least one; ``start`` is the share of equal
    output values as they are, ``name`` the figure's own in the page.
    """
    pitch = 0.42 if len(rows) <= 12 else 0.34
    alone = [(100 * row.equal, row.alone) for row in rows]
    added = [(100 * row.equal_added, row.added) for row in rows]
    with svg.figure(WIDTH, 0.95 + pitch * len(rows)) as (figure, axes):
        _changes(axes, -0.2, alone, svg.GREEN, "alone")
        _changes(axes, 0.2, added, svg.MUTED, "added in order")
        ends = [end - part for end, change in (*alone, *added) for part in (0.0, change)]
        low, high = min(*ends, 100 * start), 100.0
        span = max(high - low, 1e-3)
        axes.set_xlim(low - 0.1 * span, high + 0.16 * span)
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= 100])
        axes.set_xlim(low - 0.1 * span, high + 0.16 * span)
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 6))
        for end, colour, label in (
            (100 * start, svg.INK, f"as they are, {percent(start)}"),
            (100, svg.BLUE, "all equal"),
        ):
            axes.axvline(end, color=colour, lw=1, ls="--", zorder=3, label=label)
        svg.named_rows(axes, [short(row.name, NAME) for row in rows], margin=0.55)
        axes.set_xlabel("equal output values (%)")
        _legend(figure, axes)
        best = max(rows, key=lambda row: row.alone)
        alt = (
            f"{len(rows)} interventions on {percent(start)} of equal output values; the most by "
            f"itself has {best.name}: {points(best.alone)} points"
        )
        return svg.to_svg(figure, name, alt)


def _changes(
    axes: Axes, up: float, ends: Sequence[tuple[float, float]], colour: str, label: str
) -> None:
    """A bar of each row: where it ends, and by how much the intervention changed that."""
    places = [row + up for row in range(len(ends))]
    starts, changes = [end - change for end, change in ends], [change for _, change in ends]
    axes.barh(places, changes, left=starts, height=0.38, color=colour, lw=0, label=label)
    axes.vlines(starts, [p - 0.19 for p in places], [p + 0.19 for p in places], colour, lw=1.2)
    for place, start, change in zip(places, starts, changes, strict=True):
        axes.annotate(
            points(change), (max(start, start + change), place), (4, 0),
            textcoords="offset points", va="center", fontsize=7.5,
        )  # fmt: skip


def _legend(figure: Figure, axes: Axes) -> None:
    """What is labelled in one pair of axes, above the figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels))


def layers(rows: Sequence[Layer], first: int | None) -> Markup:
    """Operators from top to bottom; side by side, what the samples show of them.

    SQNR against the float model and codes used, of A and of B; the share of values that differ;
    what A's parameters of this operator alone restore. There is at least one; ``first`` is the
    position of the first at which A and B diverge, to be marked.
    """
    pitch = 0.27 if len(rows) <= 20 else 0.215
    with svg.figure(WIDTH + 1, 1.15 + pitch * len(rows)) as (figure, axes):
        axes.remove()
        noise, differ, restore, codes = figure.subplots(
            1, 4, sharey=True, gridspec_kw={"width_ratios": (1.25, 0.9, 1, 1)}
        )
        _pairs(noise, _values(rows, "sqnr"))
        noise.set_title("SQNR (dB)")
        shares = [None if row.differing is None else 100 * row.differing for row in rows]
        _bars(differ, shares, svg.MUTED, (0, 100))
        differ.set_title("values that differ (%)")
        _bars(restore, [row.restored for row in rows], svg.GREEN)
        restore.set_title("restored alone (points)")
        _pairs(codes, _values(rows, "codes"))
        codes.set_xlim(0, 268)
        codes.set_xticks([0, 64, 128, 192, 256])
        codes.set_title("codes used (of 256)")
        for panel in (noise, differ, restore, codes):
            panel.title.set_fontsize(8.5)
            panel.grid(axis="x")
            panel.tick_params(axis="y", length=0)
            panel.tick_params(axis="x", labelsize=7.5)
            if len(rows) > 20:
                panel.tick_params(axis="x", labeltop=True)
            if first is not None:
                panel.axhspan(
                    first - 0.5, first + 0.5, color=svg.RED, alpha=0.13, lw=0, zorder=0,
                    label="first difference",
                )  # fmt: skip
        noise.set_yticks(range(len(rows)), [_name(row) for row in rows], fontsize=7.5)
        noise.set_ylim(len(rows) - 0.4, -0.6)
        _legend(figure, codes)
        where = "" if first is None else f"; they first diverge at operator {operator(rows[first])}"
        return svg.to_svg(figure, "layers", f"{len(rows)} operators of A and B{where}")


def _name(layer: Layer) -> str:
    text = operator(layer)
    room = NAME - len(text) - 2
    of = ", ".join(layer.keras) or layer.tensor
    return f"{text}  {short(of, room)}" if room >= 5 and of else short(text, NAME)


def _values(rows: Sequence[Layer], key: str) -> list[tuple[float | None, float | None]]:
    """One value of A's and of B's signal in each row; None where there is none."""
    return [(getattr(row.a, key, None), getattr(row.b, key, None)) for row in rows]


def _pairs(axes: Axes, pairs: Sequence[tuple[float | None, float | None]]) -> None:
    """A's and B's value of each row, joined by a line; ``∞`` at the panel's right end."""
    for place, (a, b) in enumerate(pairs):
        if _finite(a) and _finite(b):
            axes.plot([a, b], [place, place], color=svg.MUTED, lw=1, zorder=1)
    for side, (name, dot) in enumerate(_DOTS.items()):
        known = [(pair[side], place) for place, pair in enumerate(pairs) if _finite(pair[side])]
        axes.plot(*zip(*known, strict=True), ls="", **dot, zorder=2, label=name)
    for place, pair in enumerate(pairs):
        endless = [name for name, value in zip(_DOTS, pair, strict=True) if value == math.inf]
        if endless:
            axes.text(
                1, place, f"{' '.join(endless)} ∞", transform=axes.get_yaxis_transform(),
                ha="right", va="center", fontsize=7.5,
            )  # fmt: skip
    values = [value for pair in pairs for value in pair if _finite(value)]
    if not values:
        _nothing(axes, len(pairs))
        return
    low, high = min(0.0, *values), max(*values, 1.0)
    axes.set_xlim(low, high + 0.12 * (high - low))


def _finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _bars(
    axes: Axes,
    values: Sequence[float | None],
    colour: str,
    limits: tuple[float, float] | None = None,
) -> None:
    """A bar of each row with its value; rows without one stay empty."""
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if not known:
        _nothing(axes, len(values))
        return
    axes.barh([i for i, _ in known], [v for _, v in known], height=0.62, color=colour, lw=0)
    low, high = min(0.0, *(v for _, v in known)), max(0.0, *(v for _, v in known))
    span = high - low or 1.0
    axes.set_xlim(limits or (low - (0.05 * span if low < 0 else 0), high + 0.06 * span))
    if low < 0:
        axes.axvline(0, color=svg.MUTED, lw=0.8)


def _nothing(axes: Axes, rows: int) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.text(0.5, (rows - 1) / 2, "not measured", ha="center", va="center", color=svg.MUTED)
