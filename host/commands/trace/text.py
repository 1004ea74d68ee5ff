"""A trace on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.trace import words
from host.commands.trace.values import Trace
from host.commands.trace.write import VALUES
from host.report.document import DOCUMENT
from host.report.formats import plain, short
from host.verdict.differences import difference, position


def summary(trace: Trace) -> RenderableType:
    """Headline; the table of all operators, or a line for each tensor that was asked for.

    Names are added as text, not as markup. Prints nothing.
    """
    mark, style = ("✓", "bold green") if trace.match else ("✗", "bold red")
    device = trace.deployed
    where = f"{device.rendered.engine} on {device.board.name}"
    head = Text(f"{mark} {plain(words.headline(trace))}", style=style)
    what = f"\n  {plain(device.loaded.model.name)}, {where}, {plain(device.loaded.data)}"
    head.append(f"{what}; {plain(trace.oracle)}", style="dim")
    if trace.first is not None:
        head.append(f"\n  First differing: {position(trace.first)}:", style="red")
        head.append(f"\n  {difference(trace.first.values)}", style="red")
    shown: list[RenderableType] = [_table(trace)]
    if trace.tensors:
        shown = [Text(t.text, style="" if t.equal else "red") for t in trace.tensors]
    notes = [Text(f"note: {plain(note)}") for note in device.notes]
    kept = VALUES if trace.tensors else DOCUMENT
    path = Text("values: " if trace.tensors else "trace: ")
    path.append(plain(str(device.folder / kept)), style="bold")
    return Group(head, Text(), *shown, Text(), *notes, path)


def _table(trace: Trace) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    # On a narrow terminal the names give way: a word that does not fit loses its end.
    for header in ("", "operator", "tensor", "name", "shape", "device", "TFLM on the host"):
        right, name = header in ("", "tensor"), header in ("operator", "name")
        table.add_column(
            header,
            justify="right" if right else "left",
            no_wrap=not name,
            overflow="ellipsis",
        )
    for output in trace.outputs:
        table.add_row(
            str(output.index),
            Text(plain(output.name)),
            str(output.tensor),
            Text(short(output.tensor_name)),
            "×".join(map(str, output.shape)),
            f"{output.device_crc:08x}",
            Text(
                f"{output.host_crc:08x} " + ("equal" if output.equal else "DIFFERS"),
                style="green" if output.equal else "bold red",
            ),
        )
    return table
