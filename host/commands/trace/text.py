"""A trace on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.trace.document import TraceDocument
from host.commands.trace.flow import VALUES
from host.report.document import PAGE
from host.report.formats import plain, short
from host.report.text import Tone, headline, remarks, table, tail


def summary(trace: TraceDocument) -> RenderableType:
    """Headline; the table of all operators, or a line for each tensor that was asked for."""
    what = f"{trace.model.name}, {trace.engine} on {trace.board}"
    facts = f"{what}, {trace.data}; {trace.oracle}"
    first = None if trace.first_difference is None else trace.first_difference.text
    tone: Tone = "good" if trace.verdict == "match" else "bad"
    head = headline(trace.headline, tone, facts, first=first)
    shown: list[RenderableType] = [_table(trace)]
    path = {"report": trace.folder / PAGE}
    if trace.tensors:
        shown = [Text(t.text, style="" if t.equal else "red") for t in trace.tensors]
        path = {"report": trace.folder / PAGE, "values": trace.folder / VALUES}
    return Group(head, Text(), *shown, Text(), *tail(remarks("note", trace.notes), path))


def _table(trace: TraceDocument) -> Table:
    headers = ("", "operator", "tensor", "name", "shape", "device", "TFLM on the host")
    outputs = table(*headers, left=(1, 3, 4, 5, 6), wrap=(1, 3), gap=1)
    for output in trace.outputs:
        equal, style = ("equal", "green") if output.equal else ("DIFFERS", "bold red")
        outputs.add_row(
            str(output.index),
            Text(plain(output.name)),
            str(output.tensor),
            Text(short(output.tensor_name)),
            "×".join(map(str, output.shape)),
            f"{output.device_crc:08x}",
            Text(f"{output.host_crc:08x} {equal}", style=style),
        )
    return outputs
