"""The frame of every summary on a terminal. Prints nothing.

Names are added as text, not as markup: what stands in a model cannot style the terminal.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from host.report.formats import plain

# How a report ends; base.html.j2 has a class for each.
Tone = Literal["good", "bad", "open", "neutral"]
_MARKS: dict[Tone, tuple[str, str]] = {
    "good": ("✓ ", "bold green"),
    "bad": ("✗ ", "bold red"),
    "open": ("≠ ", "bold yellow"),
    "neutral": ("", "bold"),
}
# More would push the headline off the screen; the report has them all.
MAX_REMARKS = 6


def headline(text: str, tone: Tone, *facts: str, first: str | None = None) -> RenderableType:
    """The result in one line, below it ``details``."""
    mark, style = _MARKS[tone]
    return Group(Text(f"{mark}{plain(text)}", style=style), *details(*facts, first=first))


def details(*facts: str, first: str | None = None) -> list[RenderableType]:
    """What a result holds for, and the first difference, where there is one."""
    lines = [indented(Text(plain(fact), style="dim")) for fact in facts]
    if first is not None:
        lines.append(indented(Text(f"First differing: {first}", style="red")))
    return lines


def indented(line: Text, columns: int = 2) -> RenderableType:
    """A text with every line indented by this many columns."""
    return Padding(line, (0, 0, 0, columns), expand=False)


def table(
    *headers: str, left: Collection[int] = (0,), wrap: Collection[int] = (0,), gap: int = 2
) -> Table:
    """A table without borders.

    Args:
        headers: of the columns; with none of them a text, no line of headers is shown.
        left: columns whose cells begin at the left; those of numbers end at the right.
        wrap: columns that give way where the terminal is narrow. Negative ones count from the end.
        gap: spaces between columns.
    """
    shown = Table(
        box=None,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        header_style="dim",
        show_header=any(headers),
    )
    for index, header in enumerate(headers):
        places = {index, index - len(headers)}
        shown.add_column(
            header,
            justify="left" if places & set(left) else "right",
            no_wrap=not places & set(wrap),
            overflow="ellipsis",
        )
    return shown


def remarks(label: str, texts: Sequence[str], style: str = "") -> list[Text]:
    """A line for each text, the label before it."""
    return [Text(f"{label}: {plain(text)}", style=style) for text in dict.fromkeys(texts)]


def tail(said: Sequence[Text], paths: Mapping[str, Path]) -> list[Text]:
    """The last lines: some remarks, how many more there are, and where the report's files are."""
    lines = list(said[:MAX_REMARKS])
    if len(said) > len(lines):
        lines.append(more(len(said) - len(lines), "remarks"))
    for what, path in paths.items():
        lines.append(Text(f"{what}: ").append(plain(str(path)), style="bold"))
    return lines


def more(count: int, what: str) -> Text:
    """That there is more in the report."""
    return Text(f"… and {count} more {what} in the report", style="dim")
