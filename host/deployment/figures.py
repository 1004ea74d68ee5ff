"""Figures of what a model costs on a device: time, arena, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from host.firmware.image import Section
from host.firmware.rendered import ArenaBlock
from host.report import svg
from host.report.formats import number, percent, short, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

from markupsafe import Markup

from host.device.identity import DeviceInfo
from host.firmware.rendered import Rendered
from host.verdict.latency import UNIT_WORDS, Latency


def operators(rows: Sequence[tuple[str, float]], unit: str, total: float) -> str:
    """Horizontal bars: ticks of each operator, in the order in which they run.

    Args:
        rows: operator and ticks, top to bottom.
        unit: the tick unit's true name.
        total: ticks of all operators, also of those that are not in ``rows``.
    """
    with svg.figure(svg.WIDTH + 1, 0.7 + 0.27 * len(rows)) as (figure, axes):
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
        svg.thousands(axes, "x")
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
    with svg.figure(svg.WIDTH + 1, 4.2) as (figure, axes):
        from matplotlib.patches import Rectangle

        top = max(reserved, used, *(b.offset + b.bytes for b in blocks))
        for block in blocks:
            at_peak = block.first <= peak <= block.last
            colour = svg.ORANGE if at_peak else svg.BLUE
            corner = (block.first - 0.5, block.offset)
            width = block.last - block.first + 1
            axes.add_patch(Rectangle(corner, width, block.bytes, facecolor=colour, alpha=0.3, lw=0))
            axes.add_patch(
                Rectangle(corner, width, block.bytes, fill=False, edgecolor=colour, lw=1)
            )
            # About 78 characters fit across, and 20 lines from bottom to top.
            room = int(78 * width / span) - 1
            if room >= 3 and block.bytes > top / 20:
                middle = (block.first - 0.5 + width / 2, block.offset + block.bytes / 2)
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
        svg.thousands(axes, "y")
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
        total += max(0, block.offset + block.bytes - max(block.offset, end))
        end = max(end, block.offset + block.bytes)
    return total


def memory(sections: Sequence[Section], flash_limit: int, ram_limit: int) -> str:
    """Sections stacked in flash and in RAM, in bytes, and the board's limits where known."""
    regions = (("Flash", ("flash", "both"), flash_limit), ("RAM", ("ram", "both"), ram_limit))
    with svg.figure(svg.WIDTH + 1, 1.75) as (figure, axes):
        largest = max(
            (sum(s.bytes for s in sections if s.kind in kinds) for _, kinds, _ in regions),
            default=0,
        )
        alts, ends = [], [1]
        for place, (region, kinds, limit) in enumerate(regions):
            left = 0
            mine = sorted((s for s in sections if s.kind in kinds), key=lambda s: -s.bytes)
            for index, section in enumerate(mine):
                axes.barh(
                    place, section.bytes, left=left, height=0.55, color=svg.BLUE,
                    alpha=(0.75, 0.5)[index % 2], lw=0,
                )  # fmt: skip
                if section.bytes > 0.1 * largest:
                    axes.text(
                        left + section.bytes / 2, place, short(section.name, 18),
                        ha="center", va="center", fontsize=8,
                    )  # fmt: skip
                left += section.bytes
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
        svg.thousands(axes, "x")
        axes.set_xlabel("bytes")
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        return svg.to_svg(figure, "memory", "; ".join(alts))


OPERATOR_BARS = 40


def operator_bars(latency: Latency) -> Markup | None:
    """Ticks of each operator as bars; None where they were not measured."""
    rows = [(f"{c.index} {c.name}", c.ticks) for c in latency.operators if c.ticks is not None]
    if not rows:
        return None
    if len(rows) > OPERATOR_BARS:
        # The slowest, in running order; the page's table has them all.
        slow = sorted(range(len(rows)), key=lambda i: -rows[i][1])[:OPERATOR_BARS]
        rows = [rows[i] for i in sorted(slow)]
    total = sum(cost.ticks or 0 for cost in latency.operators)
    return Markup(operators(rows, UNIT_WORDS[latency.unit], total))


def arena_over_time(rendered: Rendered, info: DeviceInfo) -> Markup | None:
    """Who lies where in the arena, and when; None where the device plans it."""
    if not rendered.arena:
        return None
    # The plan counts the operators that run, not those of the file.
    executed = {output.index: output.name for output in rendered.operators}
    labels = [f"{index} {name}" for index, name in executed.items()]
    return Markup(arena(rendered.arena, labels, info.arena_reserved, info.arena_used))


def _operator_ticks(axes: Axes, steps: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    # Names up to some 40 operators; beyond that numbers, as many as fit.
    if len(steps) > 40:
        return
    labels = [short(names[i], 27) if 0 <= i < len(names) else str(i) for i in steps]
    axes.set_xticks(steps, labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5)
