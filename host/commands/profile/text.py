"""A profile on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.profile.values import Profile
from host.report.formats import number, percent, plain, size
from host.verdict.costs import Activation, OperatorCost
from host.verdict.latency import UNIT_WORDS, latency_text


def summary(profile: Profile) -> RenderableType:
    """What an inference costs, and what of it each operator does. Prints nothing."""
    device, info = profile.deployed, profile.deployed.info
    time = latency_text(profile.latency)
    head = Text(f"{plain(device.loaded.model.name)}: {time} per inference", style="bold")
    where = f"{device.rendered.engine} on {device.board.name}"
    data = f"{len(device.loaded.feeds)} samples of {plain(device.loaded.data)}"
    head.append(f"\n  {where}, {data}; {number(profile.macs)} multiply-accumulates", style="dim")
    memory = (
        f"arena {size(info.arena_used)} of {size(info.arena_reserved)}, "
        f"flash {size(device.image.flash)}, RAM {size(device.image.ram)}"
    )
    notes = [Text(f"note: {plain(note)}") for note in device.notes]
    report = Text("report: ").append(plain(str(device.folder / "report.html")), style="bold")
    return Group(head, Text(), _table(profile), Text(), Text(memory), *notes, report)


def _table(profile: Profile) -> Table:
    unit = UNIT_WORDS[profile.latency.unit]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    # On a narrow terminal the operators' names give way. "@" stands before places in the arena.
    for header in ("", "operator", unit, "share", "MACs", "per MAC", "reads, B", "writes, B"):
        name = header == "operator"
        table.add_column(
            header,
            justify="left" if name else "right",
            no_wrap=not name,
            overflow="ellipsis",
        )
    for cost in profile.latency.operators:
        table.add_row(*_row(cost))
    return table


def _row(cost: OperatorCost) -> tuple[str | Text, ...]:
    return (
        str(cost.index),
        Text(plain(cost.name)),
        "—" if cost.ticks is None else number(cost.ticks),
        "—" if cost.share is None else percent(cost.share),
        number(cost.macs),
        "—" if cost.ticks_per_mac is None else number(cost.ticks_per_mac, 3),
        _bytes(cost.reads),
        _bytes(cost.writes),
    )


def _bytes(activations: tuple[Activation, ...]) -> str:
    """Their size, and where they lie in the arena where that is known."""
    total = sum(activation.bytes for activation in activations)
    places = [str(a.offset) for a in activations if a.offset is not None]
    return number(total) + (f" @{'+'.join(places)}" if places else "")
