"""The report's figures: values in, an ``<svg>`` element out. Every axis says its unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from host.records import ArenaBlock, Array, Interval, Section
from host.report import svg
from host.report.words import number, percent, short, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 7.0
# Above this, the cells of a confusion matrix are too small for their counts.
COUNTED_CLASSES = 20
MAX_POINTS = 1000


def intervals(rows: Sequence[tuple[str, Interval]], label: str, *, shares: bool) -> str:
    """A dot with whiskers per row: a value and its 95 % interval.

    Args:
        rows: name and interval, top to bottom.
        label: the axis's label, with its unit.
        shares: the values are shares 0..1, shown in percent.
    """
    scale = 100.0 if shares else 1.0
    values = [scale * interval.value for _, interval in rows]
    # Rounding may put an end a hair on the wrong side of the value.
    low = [max(0.0, scale * (i.value - i.low)) for _, i in rows]
    high = [max(0.0, scale * (i.high - i.value)) for _, i in rows]
    with svg.figure(WIDTH, 0.75 + 0.3 * len(rows)) as (figure, axes):
        places = range(len(rows))
        axes.errorbar(
            values, places, xerr=[low, high], fmt="o", color=svg.BLUE, capsize=4, markersize=6
        )
        axes.set_yticks(places, [name for name, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(label)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        alt = "; ".join(
            f"{name} {percent(i.value) if shares else number(i.value)}" for name, i in rows
        )
        return svg.to_svg(figure, "intervals", f"{label}: {alt}")


def confusion(counts: npt.NDArray[np.int64], rows: str, columns: str) -> str:
    """A confusion matrix.

    Args:
        counts: [classes, classes], samples by class in the row and in the column.
        rows: what the rows' classes are.
        columns: what the columns' classes are.
    """
    classes = len(counts)
    side = min(5.6, 1.6 + 0.34 * classes)
    with svg.figure(side + 0.4, side) as (figure, axes):
        from matplotlib.patches import Rectangle

        largest = max(1, int(counts.max()))
        for row, column in zip(*np.nonzero(counts), strict=True):
            count = int(counts[row, column])
            # The root keeps a single stray sample visible beside a full diagonal.
            strength = 0.12 + 0.88 * (count / largest) ** 0.5
            colour = svg.BLUE if row == column else svg.ORANGE
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, alpha=strength, lw=0)
            )
            if classes <= COUNTED_CLASSES:
                ink = svg.ON_BLUE if row == column and strength > 0.6 else svg.INK
                axes.text(column, row, str(count), color=ink, ha="center", va="center", fontsize=8)
        axes.set_xlim(-0.5, classes - 0.5)
        axes.set_ylim(classes - 0.5, -0.5)
        axes.set_aspect("equal")
        if classes <= COUNTED_CLASSES:
            axes.set_xticks(range(classes))
            axes.set_yticks(range(classes))
        axes.tick_params(length=0)
        axes.set_xlabel(f"{columns} (class)")
        axes.set_ylabel(f"{rows} (class)")
        right = int(np.trace(counts))
        alt = f"Confusion matrix, {right} of {int(counts.sum())} samples on the diagonal"
        return svg.to_svg(figure, "confusion", alt)


def operators(rows: Sequence[tuple[str, float]], unit: str, total: float) -> str:
    """Horizontal bars: ticks of each operator, in the order in which they run.

    Args:
        rows: operator and ticks, top to bottom.
        unit: the tick unit's true name.
        total: ticks of all operators, also of those that are not in ``rows``.
    """
    with svg.figure(WIDTH + 1, 0.7 + 0.27 * len(rows)) as (figure, axes):
        places = range(len(rows))
        axes.barh(places, [ticks for _, ticks in rows], color=svg.BLUE, height=0.68)
        axes.set_yticks(places, [short(name, 40) for name, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        for place, (_, ticks) in enumerate(rows):
            share = f"{number(ticks)}  ({percent(ticks / total)})" if total else number(ticks)
            axes.annotate(
                share, (ticks, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
        axes.margins(x=0.22)
        axes.set_xlim(left=0)
        _thousands(axes, "x")
        axes.set_xlabel(f"{unit} per inference")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        slowest = max(rows, key=lambda row: row[1])
        alt = f"{unit} of {len(rows)} operators; the most in {slowest[0]}: {number(slowest[1])}"
        return svg.to_svg(figure, "operators", alt)


def arena(blocks: Sequence[ArenaBlock], names: Sequence[str], reserved: int, used: int) -> str:
    """The arena over time: a rectangle per tensor, from first to last use and offset to end.

    Args:
        blocks: the plan, at least one block.
        names: what to call the operators, in the order in which they run.
        reserved: bytes of the arena in the image.
        used: bytes that the device says it uses.
    """
    first, last = min(b.first for b in blocks), max(b.last for b in blocks)
    steps = np.arange(first, last + 1)
    live = [_occupied([b for b in blocks if b.first <= step <= b.last]) for step in steps]
    peak = int(steps[int(np.argmax(live))])
    span = len(steps)
    with svg.figure(WIDTH + 1, 4.2) as (figure, axes):
        from matplotlib.patches import Rectangle

        top = max(reserved, used, *(b.offset + b.nbytes for b in blocks))
        for block in blocks:
            at_peak = block.first <= peak <= block.last
            colour = svg.ORANGE if at_peak else svg.BLUE
            corner = (block.first - 0.5, block.offset)
            width = block.last - block.first + 1
            axes.add_patch(
                Rectangle(corner, width, block.nbytes, facecolor=colour, alpha=0.3, lw=0)
            )
            axes.add_patch(
                Rectangle(corner, width, block.nbytes, fill=False, edgecolor=colour, lw=1)
            )
            # About 78 characters fit across, and 20 lines from bottom to top.
            room = int(78 * width / span) - 1
            if room >= 3 and block.nbytes > top / 20:
                middle = (block.first - 0.5 + width / 2, block.offset + block.nbytes / 2)
                axes.text(*middle, short(block.name, room), ha="center", va="center", fontsize=7.5)
        axes.step(
            [first - 0.5, *(steps + 0.5)], [live[0], *live], where="pre",
            color=svg.INK, lw=1.6, label="bytes in use",
        )  # fmt: skip
        axes.axhline(used, color=svg.MUTED, lw=1, ls=":", label=f"used, {size(used)}")
        axes.axhline(reserved, color=svg.MUTED, lw=1, ls="--", label=f"reserved, {size(reserved)}")
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.set_ylim(0, 1.06 * max(top, 1))
        _operator_ticks(axes, steps, names)
        _thousands(axes, "y")
        axes.set_ylabel("offset in the arena (bytes)")
        axes.set_xlabel("operator")
        figure.legend(loc="outside upper center", ncols=3)
        alt = (
            f"{len(blocks)} tensors in an arena of {size(reserved)}; most are alive at operator "
            f"{peak}, {size(max(live))}"
        )
        return svg.to_svg(figure, "arena", alt)


def _occupied(blocks: Sequence[ArenaBlock]) -> int:
    """Bytes in which one block lies, or several: an output may be laid over a dying input."""
    total = end = 0
    for block in sorted(blocks, key=lambda b: b.offset):
        total += max(0, block.offset + block.nbytes - max(block.offset, end))
        end = max(end, block.offset + block.nbytes)
    return total


def memory(sections: Sequence[Section], flash_limit: int, ram_limit: int) -> str:
    """Sections stacked in flash and in RAM, in bytes, and the board's limits where known."""
    regions = (("Flash", ("flash", "both"), flash_limit), ("RAM", ("ram", "both"), ram_limit))
    with svg.figure(WIDTH + 1, 1.75) as (figure, axes):
        largest = max(
            (sum(s.nbytes for s in sections if s.kind in kinds) for _, kinds, _ in regions),
            default=0,
        )
        alts, ends = [], [1]
        for place, (region, kinds, limit) in enumerate(regions):
            left = 0
            mine = sorted((s for s in sections if s.kind in kinds), key=lambda s: -s.nbytes)
            for index, section in enumerate(mine):
                axes.barh(
                    place, section.nbytes, left=left, height=0.55, color=svg.BLUE,
                    alpha=(0.75, 0.5)[index % 2], lw=0,
                )  # fmt: skip
                if section.nbytes > 0.1 * largest:
                    axes.text(
                        left + section.nbytes / 2, place, short(section.name, 18),
                        ha="center", va="center", fontsize=8,
                    )  # fmt: skip
                left += section.nbytes
            share = f" of {size(limit)} ({percent(left / limit)})" if limit > 0 else ""
            near = 0 < limit <= 2 * largest
            end = max(left, limit if near else 0)
            ends.append(end)
            axes.annotate(
                f"{size(left)}{share}", (end, place), (6, 0),
                textcoords="offset points", va="center", fontsize=8.5,
            )  # fmt: skip
            if near:
                axes.plot([limit] * 2, [place - 0.38, place + 0.38], color=svg.RED, lw=2)
            alts.append(f"{region}: {size(left)}{share}")
        axes.set_yticks([0, 1], [region for region, _, _ in regions])
        axes.set_ylim(1.5, -0.5)
        axes.set_xlim(0, 1.4 * max(ends))
        _thousands(axes, "x")
        axes.set_xlabel("bytes")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        return svg.to_svg(figure, "memory", "; ".join(alts))


def scatter(reference: Array, device: Array, reference_name: str) -> str:
    """Device's outputs over another column's, both in real units, any equal shapes."""
    left, right = reference.reshape(-1), device.reshape(-1)
    stride = -(-len(left) // MAX_POINTS)
    with svg.figure(4.2, 3.6) as (figure, axes):
        middle = float(np.median(right))
        axes.axline((middle, middle), slope=1, color=svg.LINE, lw=1)
        axes.scatter(left[::stride], right[::stride], s=9, color=svg.BLUE, alpha=0.45, lw=0)
        axes.set_xlabel(f"{reference_name} (output units)")
        axes.set_ylabel("Device (output units)")
        axes.grid()
        alt = f"Device's outputs over those of {reference_name}, {len(left)} values"
        return svg.to_svg(figure, "scatter", alt)


def step_histogram(differences: npt.NDArray[np.int64], name: str, label: str) -> str:
    """How often each difference occurs, in quantization steps; ``name`` its own in the page."""
    flat = differences.reshape(-1)
    low, high = int(flat.min()), int(flat.max())
    with svg.figure(4.2, 3.6) as (figure, axes):
        from matplotlib.ticker import MaxNLocator

        width = max(1, -(-(high - low + 1) // 60))
        # Steps are whole: bars are centred on them.
        edges = np.arange(low, high + width + 1, width) - 0.5
        axes.hist(flat, bins=edges.tolist(), color=svg.BLUE, rwidth=0.9)
        axes.set_xlim(min(edges[0], -3.5), max(edges[-1], 3.5))
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        _thousands(axes, "y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(f"{label} (quantization steps)")
        axes.set_ylabel("output values (count, log scale)")
        axes.grid(axis="y")
        alt = f"{label}: from {low} to {high} steps, {int((flat == 0).sum())} of {len(flat)} zero"
        return svg.to_svg(figure, name, alt)


def _operator_ticks(axes: Axes, steps: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    # Names up to some 40 operators; beyond that numbers, as many as fit.
    if len(steps) > 40:
        return
    labels = [short(names[i], 27) if 0 <= i < len(names) else str(i) for i in steps]
    axes.set_xticks(steps, labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)


def _thousands(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: number(value))
