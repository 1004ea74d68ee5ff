"""A study on one screen of a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.study import words
from host.commands.study.folder import FIGURE
from host.commands.study.values import Study
from host.oracles.columns import COLUMN_LABELS
from host.report.document import PAGE
from host.report.formats import duration, fixed, many, percent, plain
from host.report.text import Tone, headline, remarks, table, tail


def summary(study: Study) -> RenderableType:
    """Headline, table of the routes, findings, failures, and where the figure is."""
    comparison = study.comparison
    reused = f" ({study.reused} from the folder)" if study.reused else ""
    facts = (
        f"{study.plan.data}, {study.plan.model or 'demo model'}, "
        f"{many(comparison.runs, 'run')}{reused} of {many(comparison.samples, 'sample')}, "
        f"{study.classes} classes; {duration(study.seconds)}"
    )
    tone: Tone = "bad" if study.failures or not study.match else "neutral"
    headers = ("route", "errors, %", "sd", "95 % interval", "as Keras", "run by")
    routes = table(*headers, left=(0, -1), wrap=())
    for route in comparison.routes:
        routes.add_row(
            route.name,
            fixed(route.error.value),
            fixed(route.sd),
            f"{fixed(route.error.low)} … {fixed(route.error.high)}",
            percent(route.keeps_keras_predictions, 2),
            COLUMN_LABELS[route.executor].removesuffix(" on the host"),
        )
    said = Table.grid(padding=(0, 1))
    for place, sentence in enumerate(words.sentences(comparison)):
        loud = place == 0 and not study.match  # the first says what the board computed
        said.add_row("·", Text(plain(sentence), style="bold red" if loud else ""))
    return Group(
        headline(words.headline(comparison), tone, facts),
        Text(),
        routes,
        Text(),
        said,
        *remarks("failed", [f"{f.message} {f.hint}" for f in study.failures], "red"),
        *tail((), {"figure": study.folder / FIGURE, "report": study.folder / PAGE}),
    )
