"""A trace's page."""

from host.commands.trace.document import TraceDocument
from host.device.identity import TickUnit
from host.report.page import render
from host.verdict.latency import UNIT_WORDS


def render_html(trace: TraceDocument, unit: TickUnit) -> str:
    """The trace as a self-contained HTML page; ``unit`` is the device's clock's."""
    return render(
        "commands/trace/page.html.j2",
        trace,
        tone="good" if trace.verdict == "match" else "bad",
        unit=UNIT_WORDS[unit],
    )
