"""How ``explain`` does on the planted faults, as a table. ``scripts/faults`` runs it."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from host.base.quiet import quiet
from host.commands.explain.explanation import Explanation
from host.commands.explain.flow import explain
from host.commands.explain.options import ExplainRequest
from tests.fixtures.fakes import Silent
from tests.planted.cases import CASES
from tests.planted.effect import Effect, effect
from tests.planted.workshop import Case, Pair, Workshop


@dataclass(frozen=True)
class Score:
    """What ``explain`` said of one case.

    Attributes:
        expected, expected_operator: the planted cause, None for a control, and B's operator, None
            where no single one is to blame.
        found, operator, effect: of the first finding; None where there was none.
        others: the causes of the other findings.
        planted: what the fault does, measured without ``explain``.
        seconds: of ``explain`` alone.
    """

    case: str
    expected: str | None
    expected_operator: int | None
    found: str | None
    operator: int | None
    effect: float | None
    others: tuple[str, ...]
    planted: Effect
    seconds: float

    @property
    def right(self) -> bool:
        """Named first, with the operator where there is one; a control without any finding."""
        if self.expected is None:
            return self.found is None
        place = self.expected_operator in (None, self.operator)
        return self.found == self.expected and place and (self.effect or 0.0) > 0.0


def run_explain(pair: Pair, folder: Path) -> Explanation:
    """``explain`` in this process, on one pair; its report goes to ``folder``."""
    request = ExplainRequest(
        a=str(pair.a),
        b=str(pair.b),
        data=pair.data,
        reference=pair.reference,
        deployed=pair.deployed,
        samples=pair.samples,
        folder=folder,
    )
    return explain(request, Silent())


def judge(case: Case, workshop: Workshop) -> Score:
    """Make one case and ask ``explain`` about it."""
    with quiet(None):  # the converter writes to stdout
        pair = case.build(workshop)
    planted = effect(pair)
    begin = time.monotonic()
    findings = run_explain(pair, workshop.folder / case.name / "explained").findings
    seconds = time.monotonic() - begin
    first = findings[0] if findings else None
    return Score(
        case=case.name,
        expected=case.cause,
        expected_operator=pair.operator,
        found=None if first is None else first.cause,
        operator=None if first is None else first.operator,
        effect=None if first is None else first.effect,
        others=tuple(finding.cause for finding in findings[1:]),
        planted=planted,
        seconds=seconds,
    )


def _judged(case: Case, workshop: Workshop) -> Score:
    """The same; where ``explain`` fails, the error stands for what it found."""
    try:
        return judge(case, workshop)
    except Exception as error:  # one broken case must not hide the others
        text = f"{type(error).__name__}: {error}"
        return Score(case.name, case.cause, None, text, None, None, (), Effect(0, 0), 0)


def main() -> None:
    """Judge all cases, or those whose names contain a word, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of cases' names; without any, all cases")
    parser.add_argument("--folder", type=Path, help="where to make them; kept, and used again")
    parser.add_argument("--variant", type=int, default=0, help="other seeds for all that is made")
    parser.add_argument("--json", type=Path, help="also write the scores to this file")
    arguments = parser.parse_args()
    chosen = [
        case
        for case in CASES.values()
        if not arguments.words or any(word in case.name for word in arguments.words)
    ]
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="planted-"))
    workshop = Workshop(folder.resolve(), arguments.variant)
    try:
        scores = [_judged(case, workshop) for case in chosen]
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)
    wide = None if sys.stdout.isatty() else 160
    Console(width=wide).print(_table(scores))
    print(summary(scores))
    if arguments.json:
        values = [{**asdict(score), "right": score.right} for score in scores]
        arguments.json.write_text(json.dumps(values, indent=2) + "\n")


def summary(scores: Iterable[Score]) -> str:
    """The line that docs/explain.md has."""
    faults = [score.right for score in scores if score.expected is not None]
    controls = [score.right for score in scores if score.expected is None]
    return (
        f"planted faults: {sum(faults)} of {len(faults)} named first, "
        f"controls: {sum(controls)} of {len(controls)} clean"
    )


def _table(scores: Iterable[Score]) -> Table:
    table = Table(title="Outputs: share of B's output values that are not A's. Effect: restored.")
    table.add_column("case")
    table.add_column("planted")
    table.add_column("named first")
    for name in ("outputs, %", "operator", "effect, points", "seconds", ""):
        table.add_column(name, justify="right")
    for score in scores:
        operator = "" if score.operator is None else str(score.operator)
        if score.expected_operator is not None and score.operator != score.expected_operator:
            operator += f" (not {score.expected_operator})"
        table.add_row(
            score.case,
            score.expected or "nothing",
            "" if score.found == score.expected else score.found or "nothing",
            f"{score.planted.outputs:.1f}",
            operator,
            "" if score.effect is None else f"{score.effect:.1f}",
            f"{score.seconds:.1f}",
            "right" if score.right else "WRONG",
        )
    return table


if __name__ == "__main__":
    main()
