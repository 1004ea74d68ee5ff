"""An explanation's figures: values in, an ``<svg>`` element out. Every axis says its unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from host.commands.explain.words import operator, points
from host.diagnosis.comparison.interventions import Intervention
from host.diagnosis.comparison.layers import Layer
from host.diagnosis.comparison.signals import Signal
from host.report import svg
from host.report.formats import number, percent, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
NAME = 38


def interventions(rows: Sequence[Intervention], equal: float, name: str) -> str:
    """Bars of equal output values: from where they are to where each intervention takes them.

    The bar of an intervention alone starts where A and B are; the bar of one that was added
    starts where those before it ended.

    Args:
        rows: at least one, and one with a finite share of equal values; top to bottom.
        equal: share of equal output values as they are.
        name: of the figure, its own in the page.
    """
    base = 100 * equal
    added = any(row.added is not None for row in rows)
    pitch = 0.27 if not added else 0.42 if len(rows) <= 12 else 0.34
    with svg.figure(WIDTH, 0.95 + pitch * len(rows)) as (figure, axes):
        ends = [base, 100.0]
        height = 0.38 if added else 0.62
        for place, row in enumerate(rows):
            middle = place - 0.2 if added else place
            end = 100 * row.equal
            ends += _bar(axes, middle, height, end - row.alone, end, row.alone, svg.GREEN)
            if row.added is None or row.equal_added is None:
                continue
            end = 100 * row.equal_added
            ends += _bar(axes, place + 0.2, height, end - row.added, end, row.added, svg.MUTED)
        ends = [end for end in ends if math.isfinite(end)]
        low, high = min(ends), max(ends)
        span = max(high - low, 1e-3)
        axes.set_xlim(low - 0.1 * span, high + 0.16 * span)
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= 100])
        axes.set_xlim(low - 0.1 * span, high + 0.16 * span)
        axes.xaxis.set_major_formatter(lambda value, _: number(value, 6))
        if math.isfinite(base):
            axes.axvline(base, color=svg.INK, lw=1, ls="--", zorder=3)
        axes.axvline(100, color=svg.BLUE, lw=1, ls="--", zorder=3)
        axes.set_yticks(range(len(rows)), [short(row.name, NAME) for row in rows])
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("equal output values (%)")
        axes.grid(axis="x")
        labels = [("alone", svg.GREEN), ("added in order", svg.MUTED)][: 2 if added else 1]
        _legend(figure, labels, (f"as they are, {percent(equal)}", "all equal"))
        best = max(rows, key=lambda row: row.alone if math.isfinite(row.alone) else -math.inf)
        alt = (
            f"{len(rows)} interventions on {percent(equal)} of equal output values; the most by "
            f"itself has {best.name}: {points(best.alone)} points"
        )
        return svg.to_svg(figure, name, alt)


def _bar(
    axes: Axes, place: float, height: float, start: float, end: float, change: float, colour: str
) -> list[float]:
    if not (math.isfinite(start) and math.isfinite(end)):
        return []
    axes.barh(place, end - start, left=start, height=height, color=colour, lw=0)
    axes.plot([start, start], [place - height / 2, place + height / 2], color=colour, lw=1.2)
    axes.annotate(
        points(change), (max(start, end), place), (4, 0),
        textcoords="offset points", va="center", fontsize=7.5,
    )  # fmt: skip
    return [start, end]


def _legend(figure: Figure, bars: Sequence[tuple[str, str]], lines: tuple[str, str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Patch | Line2D] = [Patch(color=colour, label=label) for label, colour in bars]
    handles += [
        Line2D([], [], color=colour, lw=1, ls="--", label=label)
        for label, colour in zip(lines, (svg.INK, svg.BLUE), strict=True)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))


def layers(rows: Sequence[Layer], first: int | None) -> str:
    """Operators from top to bottom; beside each other what the samples show of them.

    SQNR against the float model and codes used, of A and of B; the share of values that differ;
    what A's parameters of this operator alone restore.

    Args:
        rows: at least one, in the order in which they run.
        first: position in ``rows`` of the first at which A and B part, to be marked.
    """
    pitch = 0.27 if len(rows) <= 20 else 0.215
    with svg.figure(WIDTH + 1, 1.15 + pitch * len(rows)) as (figure, axes):
        axes.remove()
        noise, differ, restore, codes = figure.subplots(
            1, 4, sharey=True, gridspec_kw={"width_ratios": (1.25, 0.9, 1, 1)}
        )
        _pairs(noise, [(_sqnr(row.a), _sqnr(row.b)) for row in rows])
        noise.set_title("SQNR (dB)")
        shares = [None if row.differing is None else 100 * row.differing for row in rows]
        _bars(differ, shares, svg.MUTED, (0, 100))
        differ.set_title("values that differ (%)")
        _bars(restore, [row.restored for row in rows], svg.GREEN)
        restore.set_title("restored alone (points)")
        _pairs(codes, [(_codes(row.a), _codes(row.b)) for row in rows])
        if any(row.a or row.b for row in rows):
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
                panel.axhspan(first - 0.5, first + 0.5, color=svg.RED, alpha=0.13, lw=0, zorder=0)
        noise.set_yticks(range(len(rows)), [_name(row) for row in rows], fontsize=7.5)
        noise.set_ylim(len(rows) - 0.4, -0.6)
        _dots(figure, marked=first is not None)
        where = "" if first is None else f"; they part first at operator {operator(rows[first])}"
        return svg.to_svg(figure, "layers", f"{len(rows)} operators of A and B{where}")


def _name(layer: Layer) -> str:
    text = operator(layer)
    room = NAME - len(text) - 2
    of = ", ".join(layer.keras) or layer.tensor
    return f"{text}  {short(of, room)}" if room >= 5 and of else short(text, NAME)


def _sqnr(signal: Signal | None) -> float | None:
    return None if signal is None else signal.sqnr


def _codes(signal: Signal | None) -> float | None:
    return None if signal is None else signal.codes


def _pairs(axes: Axes, pairs: Sequence[tuple[float | None, float | None]]) -> None:
    """A's and B's value of each row, joined by a line; ``∞`` at the panel's right end."""
    ends = []
    for place, (a, b) in enumerate(pairs):
        known = [value for value in (a, b) if value is not None and math.isfinite(value)]
        ends += known
        if len(known) == 2:
            axes.plot(known, [place, place], color=svg.MUTED, lw=1, zorder=1)
        # A's is hollow and larger than B's, so that both are seen where they are equal.
        if a is not None and math.isfinite(a):
            axes.plot(a, place, "o", ms=6.6, mfc="none", mec=svg.BLUE, mew=1.5, zorder=2)
        if b is not None and math.isfinite(b):
            axes.plot(b, place, "o", ms=3.9, color=svg.ORANGE, zorder=3)
        endless = [
            name for name, value in (("A", a), ("B", b)) if value is not None and math.isinf(value)
        ]
        if endless:
            axes.text(
                1, place, f"{' '.join(endless)} ∞", transform=axes.get_yaxis_transform(),
                ha="right", va="center", fontsize=7.5,
            )  # fmt: skip
    if not ends:
        _nothing(axes, len(pairs))
        return
    low, high = min(0.0, *ends), max(*ends, 1.0)
    axes.set_xlim(low, high + 0.12 * (high - low))


def _bars(
    axes: Axes,
    values: Sequence[float | None],
    colour: str,
    limits: tuple[float, float] | None = None,
) -> None:
    """A bar of each row with its value; rows without one stay empty."""
    known = [(i, v) for i, v in enumerate(values) if v is not None and math.isfinite(v)]
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


def _dots(figure: Figure, *, marked: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = [
        Line2D([], [], ls="", marker="o", ms=6.6, mfc="none", mec=svg.BLUE, mew=1.5, label="A"),
        Line2D([], [], ls="", marker="o", ms=3.9, color=svg.ORANGE, label="B"),
    ]
    if marked:
        handles.append(Patch(color=svg.RED, alpha=0.25, lw=0, label="first difference"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
