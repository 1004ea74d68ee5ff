"""Figures of what a model costs on a device: time, arena, memory."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from host.device.identity import DeviceInfo
from host.firmware.boards import Board
from host.firmware.image import Image
from host.firmware.rendered import ArenaBlock, Rendered
from host.report import svg
from host.report.formats import number, percent, short, size
from host.verdict.latency import UNIT_WORDS, Latency

# More bars, or names at an axis, than these nobody reads.
OPERATOR_BARS = 40
# What fits into the arena's figure: characters across, lines of text from bottom to top.
_ACROSS, _LINES = 78, 20


def operator_bars(latency: Latency) -> Markup | None:
    """Horizontal bars: ticks of each operator in running order, of many only the slowest.

    None where they were not measured.
    """
    rows = [(f"{c.index} {c.name}", c.ticks) for c in latency.operators if c.ticks is not None]
    if not rows:
        return None
    unit, total = UNIT_WORDS[latency.unit], sum(ticks for _, ticks in rows)
    slowest = sorted(range(len(rows)), key=lambda i: -rows[i][1])[:OPERATOR_BARS]
    rows = [rows[i] for i in sorted(slowest)]
    with svg.figure(svg.WIDTH + 1, 0.7 + 0.27 * len(rows)) as (figure, axes):
        places = range(len(rows))
        axes.barh(places, [ticks for _, ticks in rows], color=svg.BLUE, height=0.68)
        svg.named_rows(axes, [short(name, 40) for name, _ in rows])
        for place, (_, ticks) in enumerate(rows):
            text = f"{number(ticks)}  ({percent(ticks / total)})" if total else number(ticks)
            svg.beside(axes, text, (ticks, place))
        axes.margins(x=0.22)
        axes.set_xlim(left=0)
        svg.thousands(axes, "x")
        axes.set_xlabel(f"{unit} per inference")
        name, ticks = max(rows, key=lambda row: row[1])
        alt = f"{unit} of {len(rows)} operators; the most in {name}: {number(ticks)}"
        return svg.to_svg(figure, "operators", alt)


def arena_over_time(rendered: Rendered, info: DeviceInfo) -> Markup | None:
    """The arena over time: a rectangle per tensor, from first to last use and from offset to end.

    None where the device plans its arena.
    """
    blocks, used, reserved = rendered.arena, info.arena_used, info.arena_reserved
    if not blocks:
        return None
    first, last = min(b.first for b in blocks), max(b.last for b in blocks)
    steps = np.arange(first, last + 1)
    live = [_occupied([b for b in blocks if b.first <= step <= b.last]) for step in steps]
    peak = int(steps[int(np.argmax(live))])
    with svg.figure(svg.WIDTH + 1, 4.2) as (figure, axes):
        from matplotlib.patches import Rectangle

        top = max(reserved, used, *(b.offset + b.bytes for b in blocks))
        for block in blocks:
            colour = svg.ORANGE if block.first <= peak <= block.last else svg.BLUE
            left, width = block.first - 0.5, block.last - block.first + 1
            shape = (left, block.offset), width, block.bytes
            axes.add_patch(Rectangle(*shape, facecolor=colour, alpha=0.3, lw=0))
            axes.add_patch(Rectangle(*shape, fill=False, edgecolor=colour, lw=1))
            room = int(_ACROSS * width / len(steps)) - 1
            if room >= 3 and block.bytes > top / _LINES:
                middle = (left + width / 2, block.offset + block.bytes / 2)
                axes.text(*middle, short(block.name, room), ha="center", va="center", fontsize=7.5)
        axes.step(
            [first - 0.5, *(steps + 0.5)], [live[0], *live], where="pre",
            color=svg.INK, lw=1.6, label="bytes in use",
        )  # fmt: skip
        axes.axhline(used, color=svg.MUTED, lw=1, ls=":", label=f"used, {size(used)}")
        axes.axhline(reserved, color=svg.MUTED, lw=1, ls="--", label=f"reserved, {size(reserved)}")
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.set_ylim(0, 1.06 * max(top, 1))
        if len(steps) <= OPERATOR_BARS:
            # The plan counts the operators that run, not those of the file.
            executed = {output.index: output.name for output in rendered.operators}
            names = [short(f"{index} {name}", 27) for index, name in executed.items()]
            labels = [names[i] if 0 <= i < len(names) else str(i) for i in steps]
            axes.set_xticks(
                steps, labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=7.5
            )
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


def memory_sections(image: Image, board: Board) -> Markup:
    """Sections stacked in flash and in RAM, in bytes, and the board's limits where known."""
    regions = (
        ("Flash", ("flash", "both"), image.flash, board.flash),
        ("RAM", ("ram", "both"), image.ram, board.ram),
    )
    largest = max(image.flash, image.ram)
    with svg.figure(svg.WIDTH + 1, 1.75) as (figure, axes):
        totals, ends = [], [1]
        for place, (region, kinds, used, limit) in enumerate(regions):
            left = 0
            mine = (section for section in image.sections if section.kind in kinds)
            for index, section in enumerate(sorted(mine, key=lambda s: -s.bytes)):
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
            text = size(used) + (f" of {size(limit)} ({percent(used / limit)})" if limit else "")
            near = 0 < limit <= 2 * largest
            if near:
                axes.plot([limit] * 2, [place - 0.38, place + 0.38], color=svg.RED, lw=2)
            ends.append(max(used, limit if near else 0))
            svg.beside(axes, text, (ends[-1], place))
            totals.append(f"{region}: {text}")
        svg.named_rows(axes, [region for region, *_ in regions], margin=0.5)
        axes.set_xlim(0, 1.4 * max(ends))
        svg.thousands(axes, "x")
        axes.set_xlabel("bytes")
        return svg.to_svg(figure, "memory", "; ".join(totals))
