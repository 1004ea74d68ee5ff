"""The report's figures: values in, an ``<svg>`` element out. Every axis says its unit."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from host.base.arrays import Array
from host.report import svg
from host.report.formats import number, percent
from host.verdict.statistics import Interval

# Above this, the cells of a confusion matrix are too small for their counts.
COUNTED_CLASSES = 20
MAX_POINTS = 1000


def intervals(rows: Sequence[tuple[str, Interval]], label: str, *, shares: bool) -> Markup:
    """A dot with whiskers per row, top to bottom: a value and its 95 % interval.

    ``shares``: the values are shares 0..1, shown in percent.
    """
    scale = 100.0 if shares else 1.0
    values = [scale * interval.value for _, interval in rows]
    # Rounding may put an end a hair on the wrong side of the value.
    low = [max(0.0, scale * (i.value - i.low)) for _, i in rows]
    high = [max(0.0, scale * (i.high - i.value)) for _, i in rows]
    with svg.figure(svg.WIDTH, 0.75 + 0.3 * len(rows)) as (figure, axes):
        places, ends = range(len(rows)), [low, high]
        axes.errorbar(values, places, xerr=ends, fmt="o", color=svg.BLUE, capsize=4, markersize=6)
        svg.named_rows(axes, [name for name, _ in rows])
        axes.set_xlabel(label)
        form = percent if shares else number
        alt = "; ".join(f"{name} {form(interval.value)}" for name, interval in rows)
        return svg.to_svg(figure, "intervals", f"{label}: {alt}")


def confusion(
    counts: npt.NDArray[np.int64], rows: str, columns: str, names: Sequence[str]
) -> Markup:
    """A confusion matrix; ``counts`` are [classes, classes], samples by class in the row and in the
    column; ``names`` those of the classes."""
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
            long = max(map(len, names)) > 3
            axes.set_xticks(range(classes), names, rotation=45 if long else 0)
            axes.set_yticks(range(classes), names)
        axes.tick_params(length=0)
        axes.set_xlabel(f"{columns} (class)")
        axes.set_ylabel(f"{rows} (class)")
        right = int(np.trace(counts))
        alt = f"Confusion matrix, {right} of {int(counts.sum())} samples on the diagonal"
        return svg.to_svg(figure, "confusion", alt)


def scatter(reference: Array, device: Array, reference_name: str) -> Markup:
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


def step_histogram(differences: npt.NDArray[np.int64], name: str, label: str) -> Markup:
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
        svg.thousands(axes, "y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(f"{label} (quantization steps)")
        axes.set_ylabel("output values (count, log scale)")
        axes.grid(axis="y")
        alt = f"{label}: from {low} to {high} steps, {int((flat == 0).sum())} of {len(flat)} zero"
        return svg.to_svg(figure, name, alt)
