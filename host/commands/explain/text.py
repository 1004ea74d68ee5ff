"""An explanation in the terminal: what differs, why, and what to do."""

from rich.console import Group, RenderableType
from rich.text import Text

from host.commands.explain import words
from host.commands.explain.explanation import Explanation, Subject
from host.diagnosis.analyse import Finding
from host.diagnosis.causes.registry import CAUSES
from host.report.document import PAGE
from host.report.formats import number, percent, plain, short
from host.report.text import headline, indented, more, remarks, table, tail

# More would push the headline off the screen; the report has them all.
MAX_FINDINGS = 6
MAX_ROWS = 8
MAX_LAYERS = 10


def summary(explanation: Explanation) -> RenderableType:
    """Headline, findings, interventions, layers, remarks and the report's path."""
    lines = [*remarks("not aligned", explanation.unaligned), *remarks("note", explanation.notes)]
    return Group(
        headline(
            explanation.headline, "good" if explanation.same else "open", *_facts(explanation)
        ),
        *(indented(Text(sentence)) for sentence in words.why(explanation)),
        *_findings(explanation),
        *_interventions(explanation),
        *_layers(explanation),
        Text(),
        *tail(lines, {"report": explanation.folder / PAGE}),
    )


def _facts(explanation: Explanation) -> list[str]:
    agreement = explanation.agreement
    facts = [
        f"A  {_subject(explanation.a)}",
        f"B  {_subject(explanation.b)}",
        f"{number(agreement.samples)} samples of {explanation.data}, "
        f"{percent(agreement.equal_samples)} of them equal in every value; the outputs differ by "
        f"{number(agreement.mean_steps, 2)} steps on average, by {number(agreement.max_steps)} at "
        "most",
    ]
    accuracy = agreement.accuracy
    known = {"float model": accuracy.float, "A": accuracy.a, "B": accuracy.b}
    shares = [f"{name} {percent(share.value)}" for name, share in known.items() if share]
    return [*facts, f"accuracy: {', '.join(shares)}"] if shares else facts


def _subject(subject: Subject) -> str:
    source = "" if subject.label == subject.source else f": {subject.source}"
    ran = words.executor(subject)
    return f"{subject.label}{source}{f' ({ran})' if ran else ''}"


def _title(text: str, lead: str) -> Text:
    return Text(f"\n{text}", style="bold").append(f"  {lead}", style="not bold dim")


def _findings(explanation: Explanation) -> list[RenderableType]:
    findings = explanation.findings
    if not findings:
        lead = "no known cause is seen, or undoing it has no effect"
        return [] if explanation.same else [_title("No finding", lead)]
    blocks: list[RenderableType] = [
        _title("Findings", "points of output values that undoing the cause makes equal")
    ]
    for rank, finding in enumerate(findings[:MAX_FINDINGS], 1):
        blocks += _finding(explanation, rank, finding)
    if len(findings) > MAX_FINDINGS:
        blocks.append(more(len(findings) - MAX_FINDINGS, "findings"))
    return blocks


def _finding(explanation: Explanation, rank: int, finding: Finding) -> list[RenderableType]:
    cause = CAUSES[finding.cause]
    head = Text(f"{rank}  ", style="bold")
    head.append(f"{words.points(finding.effect)}  ", style="bold cyan")
    head.append(cause.title, style="bold")
    head.append(f", {words.place(explanation, finding)}")
    if finding.tensor:
        head.append(f", tensor {short(finding.tensor, 40)}", style="dim")
    lines = [Text(plain(sentence)) for sentence in (cause.meaning, *finding.evidence)]
    lines.append(Text("→ ", style="green").append(plain(finding.remedy), style="green"))
    return [head, *(indented(line, 3) for line in lines)]


def _interventions(explanation: Explanation) -> list[RenderableType]:
    """The table of each group; what single operators restore stands in the table of operators."""
    blocks: list[RenderableType] = []
    for kind, title in words.GROUPS.items():
        made = explanation.made(kind)
        if kind == "operator" or not made:
            continue
        rows = table(
            "put from A into B", "alone", "added in order", "any order, mean", "equal afterwards"
        )
        for row in made[:MAX_ROWS]:
            rows.add_row(
                Text(plain(row.name)),
                *(words.points(value) for value in (row.alone, row.added, row.share)),
                percent(row.equal_added),
            )
        blocks += [_title(*title), rows]
        if len(made) > MAX_ROWS:
            blocks.append(more(len(made) - MAX_ROWS, "rows"))
    return blocks


def _layers(explanation: Explanation) -> list[RenderableType]:
    first = explanation.first_layer
    places = words.telling(explanation.layers, first, MAX_LAYERS)
    if not places:
        return []
    # Without a float model there is no SQNR to show.
    noise = [] if explanation.reference is None else ["SQNR dB"]
    rows = table(
        "operator", *noise, "codes", "differ", "restored", "they differ in", left=(0, -1), wrap=(0,)
    )
    for index in places:
        layer = explanation.layers[index]
        where = ", ".join(layer.keras)
        name = Text(short(words.operator(layer), 30))
        rows.add_row(
            name.append(f" {short(where, 16)}" if where else "", style="dim"),
            *([words.both(layer, "sqnr")] if noise else []),
            words.both(layer, "codes"),
            percent(layer.differing),
            words.points(layer.restored),
            Text("no partner" if layer.aligned is None else words.parameters(layer), style="dim"),
            style="yellow" if index == first else "",
        )
    lead = "A → B; restored: points, by this operator's parameters alone"
    blocks: list[RenderableType] = [_title("Operators", lead), rows]
    rest = len(explanation.layers) - len(places)
    return [*blocks, more(rest, "operators")] if rest else blocks
