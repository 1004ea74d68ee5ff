"""An explanation in the terminal: what differs, why, and what to do."""

from __future__ import annotations

from typing import Literal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from host.commands.explain.explanation import Explanation, Subject
from host.commands.explain.words import (
    both,
    cause,
    executor,
    groups,
    headline,
    meaning,
    operator,
    parameters,
    place,
    points,
    ranked,
    same,
    telling,
    why,
)
from host.diagnosis.analyse import Finding
from host.diagnosis.comparison.layers import Layer
from host.report.formats import number, percent, plain, short
from host.verdict.statistics import Interval

# More would push the headline off the screen; the report has them all.
MAX_FINDINGS = 6
MAX_ROWS = 8
MAX_LAYERS = 10
MAX_REMARKS = 6


def summary(explanation: Explanation) -> RenderableType:
    """Headline, findings, interventions, layers, remarks and the report's path. Prints nothing.

    Names are added as text, not as markup: what stands in a model cannot style the terminal.
    """
    return Group(
        *_headline(explanation),
        *_findings(explanation),
        *_interventions(explanation),
        *_layers(explanation),
        Text(),
        *_remarks(explanation),
    )


def _headline(explanation: Explanation) -> list[RenderableType]:
    agreement = explanation.agreement
    mark, style = ("✓", "bold green") if same(explanation) else ("≠", "bold yellow")
    facts = [f"A  {_subject(explanation.a)}", f"B  {_subject(explanation.b)}"]
    facts.append(
        f"{number(agreement.samples)} samples of {plain(explanation.dataset)}, "
        f"{percent(agreement.equal_samples)} of them equal in every value; the outputs differ by "
        f"{number(agreement.mean_steps, 2)} steps on average, by {number(agreement.max_steps)} at "
        "most"
    )
    accuracy = [
        f"{name} {percent(interval.value)}"
        for key, name in _MODELS
        if (interval := getattr(agreement.accuracy, key)) is not None
    ]
    if accuracy:
        facts.append(f"accuracy: {', '.join(accuracy)}")
    return [
        Text(f"{mark} {headline(explanation)}", style=style),
        *(_indented(Text(fact, style="dim"), 2) for fact in facts),
        *(_indented(Text(sentence), 2) for sentence in why(explanation)),
    ]


def _indented(line: Text, columns: int) -> RenderableType:
    return Padding(line, (0, 0, 0, columns), expand=False)


_MODELS: tuple[tuple[Literal["float", "a", "b"], str], ...] = (
    ("float", "float model"),
    ("a", "A"),
    ("b", "B"),
)


def _subject(subject: Subject) -> str:
    label, source = plain(subject.label), plain(subject.source)
    text = label if label == source else f"{label}: {source}"
    more = executor(subject)
    return f"{text} ({more})" if more else text


def _accuracy(interval: Interval | None) -> str:
    return "—" if interval is None else percent(interval.value)


def _title(text: str, lead: str = "") -> Text:
    return Text(f"\n{text}", style="bold").append(f"  {lead}" if lead else "", style="not bold dim")


def _findings(explanation: Explanation) -> list[RenderableType]:
    findings = ranked(explanation.findings)
    if not findings:
        if same(explanation):
            return []
        return [
            _title("No finding"),
            Text("No known cause is seen, or undoing it has no effect."),
        ]
    shown = [_title("Findings", "points of output values that undoing the cause makes equal")]
    blocks: list[RenderableType] = [*shown]
    for rank, finding in enumerate(findings[:MAX_FINDINGS], 1):
        blocks += _finding(explanation, rank, finding)
    if len(findings) > MAX_FINDINGS:
        blocks.append(_more(len(findings) - MAX_FINDINGS, "findings"))
    return blocks


def _finding(explanation: Explanation, rank: int, finding: Finding) -> list[RenderableType]:
    head = Text(f"{rank}  ", style="bold")
    head.append(f"{points(finding.effect)}  ", style="bold cyan")
    head.append(cause(finding), style="bold")
    head.append(f", {place(explanation, finding)}")
    if finding.tensor:
        head.append(f", tensor {short(finding.tensor, 40)}", style="dim")
    sentences = (meaning(finding), *finding.evidence)
    lines = [Text(plain(sentence)) for sentence in sentences if sentence]
    if finding.remedy:
        lines.append(Text("→ ", style="green").append(plain(finding.remedy), style="green"))
    return [head, *(_indented(line, 3) for line in lines)]


def _more(count: int, what: str) -> Text:
    return Text(f"… and {count} more {what} in the report", style="dim")


def _table(*headers: str) -> Table:
    """Names to the left, numbers to the right. Where it is narrow, only the names wrap."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, header in enumerate(headers):
        if index == 0:
            table.add_column(header, max_width=44)
        else:
            table.add_column(header, justify="right", no_wrap=True)
    return table


def _interventions(explanation: Explanation) -> list[RenderableType]:
    """The table of each group; what single operators restore stands in the table of operators."""
    blocks: list[RenderableType] = []
    for group in groups(explanation):
        if group.key == "operators":
            continue
        columns = [
            (name, values)
            for name, values in (
                ("added in order", [row.added for row in group.rows]),
                ("any order, mean", [row.share for row in group.rows]),
            )
            if any(value is not None for value in values)
        ]
        table = _table(
            "put from A into B", "alone", *(name for name, _ in columns), "equal afterwards"
        )
        for index, row in enumerate(group.rows[:MAX_ROWS]):
            equal = row.equal if row.equal_added is None else row.equal_added
            table.add_row(
                Text(plain(row.name)),
                Text(points(row.alone)),
                *(Text(points(values[index])) for _, values in columns),
                Text(percent(equal)),
            )
        blocks += [_title(group.title, group.lead), table]
        if len(group.rows) > MAX_ROWS:
            blocks.append(_more(len(group.rows) - MAX_ROWS, "rows"))
    return blocks


def _layers(explanation: Explanation) -> list[RenderableType]:
    first = explanation.first_difference
    places = telling(explanation.layers, first, MAX_LAYERS)
    if not places:
        return []
    # Without a float model there is no SQNR to show.
    noise = any(both(layer, "sqnr") != "—" for layer in explanation.layers)
    table = _table("operator", *(["SQNR dB"] if noise else []), "codes", "differ", "restored")
    table.add_column("they differ in")
    for index in places:
        style = "yellow" if index == first else ""
        table.add_row(*_layer(explanation.layers[index], noise=noise), style=style)
    lead = "A → B; restored: points, by this operator's parameters alone"
    blocks: list[RenderableType] = [_title("Operators", lead), table]
    rest = len(explanation.layers) - len(places)
    if rest:
        blocks.append(_more(rest, "operators"))
    return blocks


def _layer(layer: Layer, *, noise: bool) -> tuple[Text, ...]:
    where = ", ".join(layer.keras)
    name = Text(short(operator(layer), 30))
    name.append(f" {short(where, 16)}" if where else "", style="dim")
    differ = "—" if layer.differing is None else percent(layer.differing)
    words = "no partner" if layer.aligned is None else parameters(layer)
    return (
        name,
        *([Text(both(layer, "sqnr"))] if noise else []),
        Text(both(layer, "codes")),
        Text(differ),
        Text(points(layer.restored)),
        Text(words, style="dim"),
    )


def _remarks(explanation: Explanation) -> list[Text]:
    remarks = [Text(f"not aligned: {plain(text)}") for text in explanation.unaligned]
    remarks += [Text(f"note: {plain(text)}") for text in dict.fromkeys(explanation.notes)]
    shown = remarks[:MAX_REMARKS]
    if len(remarks) > len(shown):
        shown.append(_more(len(remarks) - len(shown), "remarks"))
    path = plain(str(explanation.folder / "explain.html"))
    return [*shown, Text("report: ").append(path, style="bold")]
