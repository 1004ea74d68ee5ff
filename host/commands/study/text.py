"""A study on one screen of a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from host.commands.study.formats import share
from host.commands.study.values import RouteSummary, Study
from host.oracles.columns import COLUMN_LABELS
from host.report.formats import duration, plain


def summary(study: Study) -> RenderableType:
    """Headline, table of the routes, what can be told, what failed, where the figure is.

    Names are added as text, not as markup. Prints nothing.
    """
    runs = len(study.runs)
    again = f" ({study.reused} from the folder)" if study.reused else ""
    counted = f"{runs} run{'' if runs == 1 else 's'}{again}"
    told = f"{counted} of {study.samples} samples, {study.classes} classes"
    model = plain(study.plan.model or "demo model")
    device = study.device
    style = "bold red" if study.failures or (device and not device.match) else "bold"
    return Group(
        Text(plain(study.headline), style=style),
        Text(
            f"  {plain(study.plan.data)}, {model}, {told}; {duration(study.seconds)}", style="dim"
        ),
        Text(),
        _routes(study),
        Text(),
        *(_bullet(sentence) for sentence in study.sentences),
        *(Text(f"failed: {plain(f.message)} {plain(f.hint)}", style="red") for f in study.failures),
        Text("figure: ").append(plain(str(study.folder / "figure.png")), style="bold"),
        Text("report: ").append(plain(str(study.folder / "report.html")), style="bold"),
    )


def _bullet(sentence: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    style = "bold red" if sentence.startswith("THE DEVICE DIFFERS") else ""
    grid.add_row(Text("·"), Text(plain(sentence), style=style))
    return grid


def _routes(study: Study) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    one = len(study.runs) == 1
    headers = ("route", "errors, %", "sd", "95 % interval", "as Keras, %", "run by")
    for index, header in enumerate(headers):
        left = index in (0, len(headers) - 1)
        table.add_column(header, justify="left" if left else "right", no_wrap=True)
    for route in study.routes:
        table.add_row(*_row(route, one))
    return table


def _row(route: RouteSummary, one: bool) -> tuple[str, ...]:
    return (
        route.route,
        f"{route.error.value:.2f}",
        "—" if one or route.sd is None else f"{route.sd:.2f}",
        f"{route.error.low:.2f} … {route.error.high:.2f}",
        "—" if route.keeps is None else share(route.keeps),
        COLUMN_LABELS[route.executor].removesuffix(" on the host"),
    )
