"""A trace on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.trace.document import VALUES, Trace
from host.report.document import DOCUMENT
from host.report.formats import plain, short
from host.report.text import headline, remarks, table, tail


def summary(trace: Trace) -> RenderableType:
    """Headline; the table of all operators, or a line for each tensor that was asked for."""
    device = trace.deployed
    what = f"{device.loaded.model.name}, {device.rendered.engine} on {device.board.name}"
    facts = f"{what}, {device.loaded.data}; {trace.oracle}"
    first = None if trace.first is None else trace.first.text
    head = headline(trace.headline, "good" if trace.match else "bad", facts, first=first)
    shown: list[RenderableType] = [_table(trace)]
    path = {"trace": device.folder / DOCUMENT}
    if trace.tensors:
        shown = [Text(t.text, style="" if t.equal else "red") for t in trace.tensors]
        path = {"values": device.folder / VALUES}
    return Group(head, Text(), *shown, Text(), *tail(remarks("note", device.notes), path))


def _table(trace: Trace) -> Table:
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
