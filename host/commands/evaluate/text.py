"""The run on one screen of a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.evaluate.build_only import BuildDocument
from host.commands.evaluate.values import Evaluation
from host.commands.evaluate.words import tone_of_half
from host.device.exchange import LinkStatistics
from host.diagnosis.trials.trial import Trial
from host.oracles.columns import COLUMN_LABELS
from host.quantize.advice import Advice
from host.report.document import DOCUMENT, PAGE
from host.report.formats import DASH, at_most, duration, number, percent, plain, size
from host.report.text import details, headline, indented, remarks, table, tail
from host.verdict.gaps import GAP_WORDS, Gap
from host.verdict.latency import UNIT_WORDS, latency_text
from host.verdict.metrics import METRICS
from host.verdict.tasks import CLASSIFIES


def summary(evaluation: Evaluation) -> RenderableType:
    """Headline, columns, gaps, costs, remarks and the report's path. Prints nothing."""
    notes = (*evaluation.notes, *evaluation.verdict.notes)
    return Group(
        _headline(evaluation),
        Text(),
        _columns(evaluation),
        *_measures(evaluation),
        Text(),
        _gaps(evaluation),
        Text(),
        _costs(evaluation),
        *tail(
            _remarks(notes, evaluation.quantized.warnings),
            {"report": evaluation.folder / PAGE},
        ),
    )


def build_summary(built: BuildDocument) -> RenderableType:
    """What was built, what it takes, and where it is. Prints nothing."""
    memory, rows = built.memory, _table("", "")
    estimated = " (an estimate)" if built.arena_is_estimated else ""
    rows.add_row("flash", _of(memory.flash, memory.limits.flash))
    rows.add_row("RAM", f"{_of(memory.ram, memory.limits.ram)}, without the stack")
    rows.add_row("arena", f"{size(memory.arena_reserved)} of it{estimated}")
    return Group(
        headline(
            f"built for {built.board}, not started",
            "neutral",
            f"{built.model.name}, {built.engine}",
        ),
        Text(),
        rows,
        *tail(
            _remarks(built.notes, built.tflite.warnings),
            {"image": built.image, "report": built.folder / DOCUMENT},
        ),
    )


def _remarks(notes: Sequence[str], warnings: Sequence[Advice]) -> list[Text]:
    advice = [f"{warning.message} {warning.remedy}" for warning in warnings]
    return [*remarks("note", notes), *remarks("warning", advice, "yellow")]


def _headline(evaluation: Evaluation) -> RenderableType:
    verdict = evaluation.verdict
    where = f"{evaluation.rendered.engine} on {evaluation.board.name}"
    data = f"{verdict.samples} samples of {evaluation.dataset.name}"
    facts = f"{evaluation.model.name}, {where}, {data}"
    first = None if verdict.first_difference is None else verdict.first_difference.text
    worse, other = (headline(half.text, tone_of_half(half.state)) for half in verdict.ordered)
    return Group(worse, *_cause(evaluation.cause), other, *details(facts, first=first))


def _cause(cause: Trial | None) -> list[RenderableType]:
    if cause is None:
        return []
    return [
        indented(Text(plain(cause.meaning), style="bold")),
        indented(Text(plain(cause.effect))),
        indented(Text(f"→ {plain(cause.remedy)}")),
    ]


def _columns(evaluation: Evaluation) -> Table:
    verdict = evaluation.verdict
    classes = verdict.task in CLASSIFIES
    values, form = (verdict.accuracy, percent) if classes else (verdict.errors, number)
    rows = _table("", "accuracy" if classes else "mean error", "95 % interval", "")
    for name, column in evaluation.columns.items():
        # The reference kernels are an extra: they are worth a line only where they ran.
        if name == "litert_reference" and column.absent is not None:
            continue
        interval = values[name]
        cells = (DASH, DASH)
        if interval is not None:
            cells = (form(interval.value), f"{form(interval.low)} … {form(interval.high)}")
        who = column.version if column.absent is None else f"absent: {column.absent}"
        rows.add_row(COLUMN_LABELS[name], *cells, Text(plain(who), style="dim"))
    return rows


def _measures(evaluation: Evaluation) -> list[Text]:
    """What is measured of the device beside the accuracy, in one line."""
    measured = evaluation.verdict.metrics["device"]
    parts = [f"{METRICS[name][0]} {METRICS[name][1](value)}" for name, value in measured.items()]
    return [Text(f"Device: {', '.join(parts)}", style="dim")] if parts else []


def _table(*headers: str) -> Table:
    return table(*headers, left=(0, -1), wrap=(-1,), gap=3)


def _gaps(evaluation: Evaluation) -> Table:
    classes = evaluation.verdict.task in CLASSIFIES
    rows = _table("gap", "bit-equal", "flips" if classes else "error", "steps", "owner")
    for name, gap in evaluation.verdict.gaps.items():
        if gap is not None:
            rows.add_row(name.replace("_", " "), *_gap(gap))
        elif name != "desktop_reference":
            rows.add_row(name, DASH, DASH, DASH, Text("not measured", style="dim"))
    return rows


def _gap(gap: Gap) -> tuple[str | Text, ...]:
    style = "green" if gap.zero else "red" if gap.name == "deployment" else ""
    change = at_most(gap.max_error)
    if gap.flips is not None:
        change = f"{gap.flips} (rate ≤ {percent(gap.flip_rate_upper)})"
    return (
        Text(f"{gap.equal_samples}/{gap.samples}", style=style),
        change,
        at_most(gap.max_steps),
        Text("nothing to do" if gap.zero else GAP_WORDS[gap.name].owner, style="dim"),
    )


def _costs(evaluation: Evaluation) -> Table:
    latency, info, board = evaluation.latency, evaluation.device.info, evaluation.board
    link, image = evaluation.device.link, evaluation.image
    rows = _table("", "")
    spread = f"{number(latency.min)} … {number(latency.max)} {UNIT_WORDS[latency.unit]}"
    time = f"{latency_text(latency)} per inference ({spread}, n = {latency.samples})"
    rows.add_row("latency", time)
    if latency.operators:
        slowest = max(latency.operators, key=lambda cost: cost.ticks or 0)
        share = f", {percent(slowest.share)}" if slowest.share is not None else ""
        timing = ""
        if latency.disturbance is not None and abs(latency.disturbance) >= 0.001:
            timing = f"; timing operators adds {percent(latency.disturbance)}"
        rows.add_row("", f"most in operator {slowest.index} {plain(slowest.name)}{share}{timing}")
    slots = 2 * evaluation.rendered.slot_bytes
    rows.add_row(
        "memory",
        f"arena {size(info.arena_used)} of {size(info.arena_reserved)}, "
        f"flash {_of(image.flash, board.flash)}, RAM {_of(image.ram, board.ram)}"
        + (f" ({size(slots)} of it for other models)" if slots else ""),
    )
    rows.add_row(
        "link",
        f"{size(link.bytes_sent)} sent, {size(link.bytes_received)} received in "
        f"{duration(link.seconds)}: {size(link.rate)}/s of inputs",
    )
    rows.add_row("", _troubles(link))
    return rows


def _troubles(link: LinkStatistics) -> str:
    """What went wrong on the line, and was put right."""
    counts = {
        "retries": link.retries,
        "lost": link.lost,
        "damaged": link.damaged_frames,
        "resets": link.resets,
        "reconnects": link.reconnects,
    }
    troubles = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return troubles or "no retries, no losses, no resets"


def _of(used: int, limit: int) -> str:
    return f"{size(used)} of {size(limit)}" if limit > 0 else size(used)
