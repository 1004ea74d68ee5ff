"""The run on one screen of a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.evaluate.values import Evaluation
from host.device.exchange import LinkStatistics
from host.oracles.columns import COLUMN_LABELS, COLUMNS, Column
from host.report.formats import at_most, number, percent, plain, size
from host.verdict.differences import difference, position
from host.verdict.gaps import GAP_WORDS, GAPS, Gap, GapName, equal_samples
from host.verdict.latency import UNIT_WORDS, latency_text
from host.verdict.statistics import Interval

# More would push the headline off the screen; the report has them all.
MAX_REMARKS = 6


def summary(evaluation: Evaluation) -> RenderableType:
    """Headline, columns, gaps, costs, remarks and the report's path. Prints nothing.

    Names are added as text, not as markup: what stands in a model cannot style the terminal.
    """
    return Group(
        _headline(evaluation),
        Text(),
        _columns(evaluation),
        Text(),
        _gaps(evaluation),
        Text(),
        _costs(evaluation),
        *_remarks(evaluation),
    )


def _headline(evaluation: Evaluation) -> RenderableType:
    verdict = evaluation.verdict
    mark, style = ("✓", "bold green") if verdict.match else ("✗", "bold red")
    lines = Text(f"{mark} {plain(verdict.headline)}", style=style)
    where = f"{evaluation.rendered.engine} on {evaluation.board.name}"
    data = f"{verdict.samples} samples of {plain(evaluation.dataset.name)}"
    lines.append(f"\n  {plain(evaluation.model.name)}, {where}, {data}", style="dim")
    first = verdict.first_difference
    if first is not None:
        lines.append(f"\n  First differing: {position(first)}:", style="red")
        lines.append(f"\n  {difference(first.values)}", style="red")
    return lines


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for index, header in enumerate(headers):
        last = index == len(headers) - 1
        table.add_column(
            header,
            justify="left" if index == 0 or last else "right",
            no_wrap=not last,
            overflow="ellipsis",
        )
    return table


def _columns(evaluation: Evaluation) -> Table:
    verdict = evaluation.verdict
    classes = verdict.task == "classification"
    table = _table("", "accuracy" if classes else "mean error", "95 % interval", "")
    for name in COLUMNS:
        column = evaluation.columns.get(name)
        # The reference kernels are an extra: they are worth a line only where they ran.
        if name == "litert_reference" and (column is None or column.outputs is None):
            continue
        values = verdict.accuracy if classes else verdict.errors
        value, ends = _interval(values.get(name), shares=classes)
        table.add_row(COLUMN_LABELS[name], value, ends, Text(_executor(column), style="dim"))
    return table


def _executor(column: Column | None) -> str:
    if column is None:
        return "absent: not run"
    if column.outputs is None:
        return f"absent: {plain(column.absent or 'no reason given')}"
    return plain(column.version)


def _interval(interval: Interval | None, *, shares: bool) -> tuple[str, str]:
    if interval is None:
        return "—", "—"
    form = percent if shares else number
    return form(interval.value), f"{form(interval.low)} … {form(interval.high)}"


def _gaps(evaluation: Evaluation) -> Table:
    classes = evaluation.verdict.task == "classification"
    change = "flips" if classes else "error"
    table = _table("gap", "bit-equal", change, "steps", "owner")
    for name in GAPS:
        gap = evaluation.verdict.gaps.get(name)
        if gap is not None:
            table.add_row(*_gap(name, gap, classes=classes))
        elif name != "desktop_reference":
            table.add_row(name, "—", "—", "—", Text("not measured", style="dim"))
    return table


def _gap(name: GapName, gap: Gap, *, classes: bool) -> tuple[str | Text, ...]:
    zero = gap.bit_equal == 1.0
    style = "green" if zero else "red" if name == "deployment" else ""
    equal = Text(f"{equal_samples(gap)}/{gap.samples}", style=style)
    change = at_most(gap.max_error)
    if classes:
        change = "—" if gap.flips is None else str(gap.flips)
        if gap.flip_rate_upper is not None:
            change += f" (rate ≤ {percent(gap.flip_rate_upper)})"
    owner = Text("nothing to do" if zero else GAP_WORDS[name].owner, style="dim")
    return name.replace("_", " "), equal, change, at_most(gap.max_steps), owner


def _costs(evaluation: Evaluation) -> Table:
    latency, info, board = evaluation.latency, evaluation.device.info, evaluation.board
    link, image = evaluation.device.link, evaluation.image
    table = _table("", "")
    table.show_header = False
    time = latency_text(latency)
    unit = UNIT_WORDS[latency.unit]
    spread = f"{number(latency.min)} … {number(latency.max)} {unit}"
    table.add_row("latency", f"{time} per inference ({spread}, n = {latency.samples})")
    if latency.operators:
        slowest = max(latency.operators, key=lambda cost: cost.ticks or 0)
        share = f", {percent(slowest.share)}" if slowest.share is not None else ""
        timing = ""
        if latency.disturbance is not None and abs(latency.disturbance) >= 0.001:
            timing = f"; timing operators adds {percent(latency.disturbance)}"
        table.add_row("", f"most in operator {slowest.index} {plain(slowest.name)}{share}{timing}")
    slots = 2 * evaluation.rendered.slot_bytes
    table.add_row(
        "memory",
        f"arena {size(info.arena_used)} of {size(info.arena_reserved)}, "
        f"flash {_of(image.flash, board.flash)}, RAM {_of(image.ram, board.ram)}"
        + (f" ({size(slots)} of it for other models)" if slots else ""),
    )
    table.add_row(
        "link",
        f"{size(link.bytes_sent)} sent, {size(link.bytes_received)} received in "
        f"{link.seconds:.1f} s: {size(round(link.rate))}/s of inputs",
    )
    table.add_row("", troubles(link))
    return table


def troubles(link: LinkStatistics) -> str:
    """What went wrong on the line, and was put right."""
    counts = {
        "retries": link.retries,
        "lost": link.lost,
        "damaged": link.damaged_frames,
        "resets": link.resets,
        "reconnects": link.reconnects,
    }
    found = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return found or "no retries, no losses, no resets"


def _of(used: int, limit: int) -> str:
    return f"{size(used)} of {size(limit)}" if limit > 0 else size(used)


def _remarks(evaluation: Evaluation) -> list[Text]:
    notes = (*evaluation.dataset.notes, *evaluation.notes, *evaluation.verdict.notes)
    remarks = [Text(f"note: {plain(note)}") for note in dict.fromkeys(notes)]
    remarks += [
        Text(f"warning: {plain(w.message)} {plain(w.remedy)}", style="yellow")
        for w in evaluation.quantized.warnings
    ]
    hidden = len(remarks) - MAX_REMARKS
    remarks = remarks[:MAX_REMARKS]
    if hidden > 0:
        remarks.append(Text(f"… and {hidden} more in the report", style="dim"))
    report = Text("report: ").append(plain(str(evaluation.folder / "report.html")), style="bold")
    return [*remarks, report]
