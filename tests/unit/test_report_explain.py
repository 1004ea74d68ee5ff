"""How an explanation is shown: JSON fits its schema, page and terminal trust no name."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from host.commands.explain import words
from host.commands.explain.explanation import Explanation
from host.commands.explain.page import FIGURE_LAYERS, render_html
from host.commands.explain.text import MAX_FINDINGS, summary
from host.diagnosis.causes.registry import CAUSES
from host.report import formats
from host.report.document import DOCUMENT, PAGE, write_report
from host.report.formats import number, percent
from tests.fixtures.explanations import bare, equal, explanation, hostile, many_findings, no_finding
from tests.fixtures.pages import HOSTILE, Page, only_text, printed, self_contained
from tests.fixtures.schemas import validate

INF = float("inf")

KINDS: dict[str, Callable[[Path], Explanation]] = {
    "different": explanation,
    "40 layers": lambda folder: explanation(folder, layers=40),
    "100 layers": lambda folder: explanation(folder, layers=100),
    "equal": equal,
    "no finding": no_finding,
    "many findings": many_findings,
    "absent values": bare,
    "hostile": lambda folder: hostile(folder, HOSTILE),
}


@pytest.fixture(params=KINDS, scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    return KINDS[request.param](tmp_path_factory.mktemp("explanation"))


@pytest.fixture(scope="module")
def page(made: Explanation) -> str:
    return render_html(made)


def test_document_fits_its_schema(made: Explanation) -> None:
    validate("explain", json.loads(json.dumps(made.values(), allow_nan=False)))


def test_document_holds_what_was_found(tmp_path: Path) -> None:
    made = explanation(tmp_path)
    values = made.values()
    assert values["findings"][0]["cause"] == made.findings[0].cause
    assert set(values["findings"][0]) == {
        "cause", "operator", "tensor", "effect", "evidence", "remedy",
    }  # fmt: skip
    assert values["first_difference"]["operator"] == made.first_layer
    assert values["b"]["sha256"] == made.b.sha256
    assert values["headline"] == made.headline


def test_page_is_self_contained(page: str) -> None:
    assert "img" not in self_contained(page).tags


def test_absent_numbers_are_dashes(made: Explanation, page: str) -> None:
    shown = "".join(Page(page).text)
    for text in (shown, printed(summary(made))):
        assert not re.search(r"\b(nan|inf|None)\b", text)


def test_page_and_terminal_begin_with_how_far_they_agree(made: Explanation, page: str) -> None:
    body = " ".join(Page(page[page.index("<header") : page.index("</body>")]).text)
    assert body.index(made.headline) < body.index("Findings")
    assert made.headline in printed(summary(made)).splitlines()[0]


def test_page_shows_what_there_is(tmp_path: Path) -> None:
    made = explanation(tmp_path)
    text = flat(" ".join(Page(render_html(made)).text))
    for finding in made.findings:
        assert finding.remedy in text
        assert CAUSES[finding.cause].title in text
        assert CAUSES[finding.cause].meaning in text
        assert all(flat(sentence) in text for sentence in finding.evidence)
    assert text.count("they diverge here") == 1
    assert all(row.name in text for row in made.interventions)
    assert all(flat(sentence) in text for sentence in (*made.unaligned, *made.notes, made.command))
    assert text.count("as a table, A → B") == 2
    ranges = [d for x in made.layers for d in x.differences if d.kind == "range"]
    assert all(
        f"{number(d.zero_point_a)} → {number(d.zero_point_b)}" in text
        for d in ranges
        if d.zero_point_a != d.zero_point_b
    )


def test_no_finding_says_so(tmp_path: Path) -> None:
    same, differs = equal(tmp_path), no_finding(tmp_path)
    assert "No finding: A and B compute the same." in render_html(same)
    assert "no known cause is seen" in render_html(differs)
    assert "No finding" in printed(summary(differs))
    assert "No finding" not in printed(summary(same))


def test_the_picture_has_a_row_for_every_operator_up_to_a_limit(tmp_path: Path) -> None:
    for count in (7, 40, 100):
        page = render_html(explanation(tmp_path, layers=count))
        figure = re.search(r'<svg[^>]*aria-label="\d+ operators of A and B.*?</svg>', page, re.S)
        assert figure
        rows = set(re.findall(r">(\d+) (?:CONV|DEPTH|ADD|MAX|MEAN|FULLY|SOFT)[^<]*<", figure[0]))
        assert len(rows) == min(count, FIGURE_LAYERS)
        assert "1" in rows  # where they diverge
        assert ("operators with less to say" in page) == (count > FIGURE_LAYERS)


def test_interventions_on_part_of_the_samples_start_elsewhere(tmp_path: Path) -> None:
    made = explanation(tmp_path)
    rows = tuple(
        dataclasses.replace(row, equal=row.equal + 0.02) if row.kind == "operator" else row
        for row in made.interventions
    )
    start = percent(made.agreement.equal_outputs + 0.02)
    page = render_html(made.model_copy(update={"interventions": rows}))
    assert page.count(f"Run on part of the samples, on which {start}") == 1
    assert "Run on part" not in render_html(made)


def test_infinite_sqnr_is_shown_as_such(tmp_path: Path) -> None:
    made = explanation(tmp_path)
    assert made.layers[0].a is not None and made.layers[0].a.sqnr == INF
    assert made.values()["layers"][0]["a"]["sqnr"] is None
    assert "A B ∞" in render_html(made)
    assert words.decibels(-3.14) == "−3.1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.74, "+1.7"), (-0.3, "−0.3"), (0.0, "0"), (0.04, "+0.04"), (1e-9, "+0.0001"),
        (0.09, "+0.1"), (None, "—"),
    ],
)  # fmt: skip
def test_points_have_a_sign(value: float | None, text: str) -> None:
    assert words.points(value) == text


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    made = hostile(tmp_path, HOSTILE)
    page = render_html(made)
    terminal = printed(summary(made), 4000)
    only_text(page, terminal)
    assert "img" not in Page(page).tags and "\r" not in page + terminal
    assert terminal.count("[red]") > 10
    # What cannot be seen changes nothing: line ends and escapes are shown as what they are.
    visible = hostile(tmp_path, formats.plain(HOSTILE))
    assert terminal == printed(summary(visible), 4000)


def test_terminal_leaves_the_rest_to_the_report(tmp_path: Path) -> None:
    made = many_findings(tmp_path, layers=100)
    text = printed(summary(made))
    assert f"… and {20 - MAX_FINDINGS} more findings in the report" in text
    assert "… and 90 more operators in the report" in text
    assert text.splitlines()[-1] == f"report: {tmp_path / PAGE}"
    assert len(text.splitlines()) < 75


@pytest.mark.parametrize("width", [40, 80, 120])
def test_terminal_never_exceeds_its_width(tmp_path: Path, width: int) -> None:
    text = printed(summary(explanation(tmp_path, layers=40)), width)
    assert max(len(line) for line in text.splitlines()) <= width
    if width >= 80:
        assert re.search(r"\d\d\.0 → \d\d\.0", text)


def test_a_name_that_is_no_unicode_is_written(tmp_path: Path) -> None:
    made = explanation(tmp_path, label="mod\udc80el")
    write_report(tmp_path, made, {PAGE: render_html(made)})
    assert sorted(p.name for p in tmp_path.iterdir()) == [PAGE, DOCUMENT]
    assert json.loads((tmp_path / DOCUMENT).read_text("utf-8"))["b"]["label"] == "mod\udc80el"
    assert "mod\\udc80el" in (tmp_path / PAGE).read_text("utf-8")


def flat(text: str) -> str:
    """With plain spaces only."""
    return " ".join(text.split())
