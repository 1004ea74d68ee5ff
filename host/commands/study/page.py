"""A study's page, and its files."""

from collections.abc import Sequence
from typing import Any

from host.commands.study.document import StudyDocument, document, pairs_csv, runs_csv
from host.commands.study.figures import figure_png, figure_svg
from host.commands.study.folder import FIGURE, PAIRS_TABLE, RUNS_TABLE
from host.commands.study.values import Study
from host.oracles.columns import COLUMN_LABELS
from host.report.document import PAGE, Content, write_report
from host.report.page import render
from host.verdict.latency import UNIT_WORDS

# Per cent of the page's blue behind the share of two routes that agree in everything.
_DARKEST = 60


def render_html(study: Study, document: StudyDocument) -> str:
    """The study as a self-contained HTML page; ``document`` is :func:`document`'s."""
    return render(
        "commands/study/page.html.j2",
        document,
        {"shaded": shaded},
        tone="bad" if study.failures or not study.match else "neutral",
        figure=figure_svg(study),
        labels=COLUMN_LABELS,
        units=UNIT_WORDS,
        one=len(study.runs) == 1,
    )


def write_study(study: Study) -> None:
    """Write the figure, the page, the tables and the document.

    Raises:
        MachineError: the folder cannot be written to.
    """
    values = document(study)
    files: dict[str, Content] = {
        FIGURE: figure_png(study),
        PAGE: render_html(study, values),
        RUNS_TABLE: runs_csv(values),
        PAIRS_TABLE: pairs_csv(values),
    }
    write_report(study.folder, values, files)


def shaded(shares: Any, names: Sequence[str]) -> dict[str, list[tuple[float, int] | None]]:
    """Rows of a table of shares [routes, routes] by the route's name: each share with its shade.

    A shade is 0 for the least agreement, and ``_DARKEST`` where all is equal. A route has no share
    with itself; one that has none with any other is left out.
    """
    places = range(len(names))
    kept = [i for i in places if any(shares[i][j] is not None for j in places if j != i)]
    least = min((shares[i][j] for i in kept for j in kept if i != j), default=1.0)

    def shade(share: float) -> int:
        return round(_DARKEST * (share - least) / (1.0 - least)) if least < 1.0 else _DARKEST

    return {
        names[i]: [None if i == j else (shares[i][j], shade(shares[i][j])) for j in kept]
        for i in kept
    }
