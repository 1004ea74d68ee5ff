"""How an explanation is shown: JSON fits its schema, page and terminal trust no name."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from host.base.errors import MachineError
from host.commands.explain import words
from host.commands.explain.document import document
from host.commands.explain.explanation import Explanation
from host.commands.explain.page import FIGURE_LAYERS, render_html
from host.commands.explain.text import MAX_FINDINGS, summary
from host.commands.explain.write import write_explanation
from host.diagnosis.analyse import Finding
from host.diagnosis.causes.registry import CAUSES
from host.diagnosis.comparison.signals import Signal
from host.report import formats
from tests.fixtures.explanations import bare, explanation, hostile, numberless
from tests.fixtures.pages import HOSTILE, Page

NAN, INF = float("nan"), float("inf")


def equal(base: Explanation) -> Explanation:
    agreement = dataclasses.replace(
        base.agreement, equal_outputs=1.0, equal_samples=1.0, equal_predictions=1.0, max_steps=0.0
    )
    return dataclasses.replace(
        base, agreement=agreement, findings=(), interventions=(), first_difference=None
    )


def many_findings(base: Explanation) -> Explanation:
    findings = [
        Finding(f"cause-{i}", i % 8, f"t{i}", i * 0.7 % 5, (f"evidence {i}",), f"remedy {i}")
        for i in range(20)
    ]
    return dataclasses.replace(base, findings=tuple(findings))


def empty(base: Explanation) -> Explanation:
    return dataclasses.replace(bare(base), layers=(), interventions=(), findings=())


KINDS: dict[str, Callable[[Path], Explanation]] = {
    "QAT against PTQ": explanation,
    "40 layers": lambda folder: explanation(folder, layers=40),
    "100 layers": lambda folder: explanation(folder, layers=100),
    "equal": lambda folder: equal(explanation(folder)),
    "no finding": lambda folder: dataclasses.replace(explanation(folder), findings=()),
    "many findings": lambda folder: many_findings(explanation(folder)),
    "absent values": lambda folder: bare(explanation(folder)),
    "nothing measured": lambda folder: empty(explanation(folder)),
    "not a number": lambda folder: numberless(explanation(folder), NAN),
    "infinite": lambda folder: numberless(explanation(folder), INF),
    "minus infinite": lambda folder: numberless(explanation(folder), -INF),
    "hostile": lambda folder: hostile(explanation(folder), HOSTILE),
}


@pytest.fixture(params=KINDS, scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    return KINDS[request.param](tmp_path_factory.mktemp("explanation"))


@pytest.fixture(scope="module")
def page(made: Explanation) -> str:
    return render_html(made, document(made))


@pytest.fixture(scope="module")
def schema() -> Any:
    value = json.loads(files("host.report").joinpath("explain_schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(value)
    return value


def test_document_fits_its_schema(made: Explanation, schema: Any) -> None:
    values = json.loads(json.dumps(document(made), allow_nan=False))
    jsonschema.Draft202012Validator(schema).validate(values)


def test_schema_describes_every_key_and_allows_no_other(schema: Any) -> None:
    objects = 0

    def visit(value: Any) -> None:
        nonlocal objects
        if isinstance(value, list):
            for item in value:
                visit(item)
        if not isinstance(value, dict):
            return
        if "properties" in value:
            objects += 1
            assert value["additionalProperties"] is False
            assert set(value["required"]) == set(value["properties"])
            for key, item in value["properties"].items():
                assert item.get("description", "").endswith("."), key
        for item in value.values():
            visit(item)

    visit(schema)
    assert objects == 11


def test_document_holds_what_the_issue_names(tmp_path: Path) -> None:
    values: Any = document(explanation(tmp_path))
    assert [f["cause"] for f in values["findings"]] == [
        "qat-ranges-unconverged",
        "weight-granularity",
    ]
    assert set(values["findings"][0]) == {
        "cause", "operator", "tensor", "effect", "evidence", "remedy",
    }  # fmt: skip
    assert values["findings"][1]["operator"] is None
    assert values["first_difference"]["operator"] == 2
    assert values["a"]["sha256"] == explanation(tmp_path).a.graph.sha256
    assert values["agreement"]["equal_outputs"] == pytest.approx(0.8971)


def test_findings_come_by_effect_and_those_without_a_number_last() -> None:
    found = [Finding("c", i, None, e, (), "") for i, e in enumerate((0.2, NAN, 3.0, -1.0, INF))]
    assert [f.operator for f in words.ranked(found)] == [4, 2, 0, 3, 1]


def test_page_is_self_contained(page: str) -> None:
    found = Page(page)
    assert not found.open
    assert not found.tags & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    for key, value in found.attributes:
        if key in ("src", "href", "xlink:href", "srcset", "action"):
            assert (value or "").startswith("#"), (key, value)
        assert not key.startswith("on")
    assert "http" not in page
    assert "@import" not in page
    assert len(found.ids) == len(set(found.ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(found.ids)


def test_absent_numbers_are_dashes(made: Explanation, page: str) -> None:
    shown = "".join(Page(page).text)
    for text in (shown, printed(made)):
        assert not re.search(r"\b(nan|inf|None)\b", text)


def test_page_and_terminal_begin_with_how_far_they_agree(made: Explanation, page: str) -> None:
    headline = words.headline(made)
    body = " ".join(Page(page[page.index("<header") : page.index("</body>")]).text)
    assert body.index(headline) < body.index("Findings")
    assert headline in printed(made).splitlines()[0]


def test_page_shows_what_there_is(tmp_path: Path) -> None:
    base = explanation(tmp_path)
    text = " ".join(" ".join(Page(render_html(base, document(base))).text).split())
    for finding in base.findings:
        assert finding.remedy in text
        assert CAUSES[finding.cause].meaning in text
        assert all(sentence in text for sentence in finding.evidence)
    assert text.index("QAT ranges unconverged") < text.index("Weight granularity")
    assert "they part here" in text
    assert "-12 → -128" in text
    assert all(row.name in text for row in base.interventions)
    assert all(sentence in text for sentence in (*base.unaligned, *base.notes, base.command))
    assert text.count("as a table, A → B") == 2


def test_no_finding_says_so(tmp_path: Path) -> None:
    base = explanation(tmp_path)
    differs = dataclasses.replace(base, findings=())
    assert "No finding: A and B compute the same." in render_html(
        equal(base), document(equal(base))
    )
    assert "no known cause is seen" in render_html(differs, document(differs))
    assert "No finding" in printed(differs)
    assert "No finding" not in printed(equal(base))


def test_the_picture_has_a_row_for_every_operator_up_to_a_limit(tmp_path: Path) -> None:
    for count in (8, 40, 100):
        base = explanation(tmp_path, layers=count)
        page = render_html(base, document(base))
        figure = re.search(r'<svg[^>]*aria-label="\d+ operators of A and B.*?</svg>', page, re.S)
        assert figure
        rows = set(re.findall(r">(\d+) (?:CONV|DEPTH|MEAN|FULLY|SOFT)[^<]*<", figure[0]))
        assert len(rows) == min(count, FIGURE_LAYERS)
        assert "2" in rows
        assert ("operators with less to say" in page) == (count > FIGURE_LAYERS)


def test_interventions_on_part_of_the_samples_start_elsewhere(tmp_path: Path) -> None:
    base = explanation(tmp_path)
    rows = tuple(
        dataclasses.replace(row, equal=row.equal - 0.02) if row.kind == "operator" else row
        for row in base.interventions
    )
    page = render_html(made := dataclasses.replace(base, interventions=rows), document(made))
    assert page.count("Run on part of the samples, on which 87.7") == 1
    for other in (base, numberless(base, NAN)):
        assert "Run on part" not in render_html(other, document(other))


def test_infinite_sqnr_is_shown_as_such(tmp_path: Path) -> None:
    base = explanation(tmp_path)
    silent = Signal(INF, 1, 0.0, 0.0, 0.0)
    layer = dataclasses.replace(base.layers[0], a=silent, b=silent)
    made = dataclasses.replace(base, layers=(layer, *base.layers[1:]))
    values: Any = document(made)
    assert values["layers"][0]["a"]["sqnr"] is None
    page = render_html(made, values)
    assert "A B ∞" in page
    assert words.decibels(-INF) == "−∞"
    assert words.decibels(-3.14) == "−3.1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.74, "+1.7"), (-0.3, "−0.3"), (0.0, "0"), (0.04, "+0.04"), (1e-9, "+0.0001"),
        (0.09, "+0.1"), (None, "—"), (NAN, "—"), (INF, "—"),
    ],
)  # fmt: skip
def test_points_have_a_sign(value: float | None, text: str) -> None:
    assert words.points(value) == text


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    made = hostile(explanation(tmp_path), HOSTILE)
    page = render_html(made, document(made))
    found = Page(page)
    assert not found.tags & {"script", "img"}
    assert not any(key.startswith("on") for key, _ in found.attributes)
    for char in "\x00\x1b\u202e\r":
        assert char not in page
    shown = "".join(found.text)
    assert '<script>alert("1")</script>' in shown
    # Matplotlib did not take it for a formula either.
    assert "$x$" in shown
    terminal = printed(made, 4000)
    assert not set("\x00\x1b\u202e\r") & set(terminal)
    assert terminal.count("[red]") > 20
    # What cannot be seen changes nothing: line ends and escapes are shown as what they are.
    visible = hostile(explanation(tmp_path), formats.plain(HOSTILE))
    assert terminal == printed(visible, 4000)


def test_terminal_leaves_the_rest_to_the_report(tmp_path: Path) -> None:
    made = many_findings(explanation(tmp_path, layers=100))
    text = printed(made)
    assert f"… and {20 - MAX_FINDINGS} more findings in the report" in text
    assert "… and 90 more operators in the report" in text
    assert text.splitlines()[-1] == f"report: {tmp_path / 'explain.html'}"
    assert len(text.splitlines()) < 70


@pytest.mark.parametrize("width", [40, 80, 120])
def test_terminal_never_exceeds_its_width(tmp_path: Path, width: int) -> None:
    text = printed(explanation(tmp_path, layers=40), width)
    assert max(len(line) for line in text.splitlines()) <= width
    if width >= 80:
        assert "33.9 → 27.1" in text


def test_write_leaves_whole_files_only(tmp_path: Path) -> None:
    made = hostile(explanation(tmp_path), "mod\udc80el")
    path = write_explanation(made)
    assert path == tmp_path / "explain.json"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["explain.html", "explain.json"]
    assert json.loads(path.read_text("utf-8"))["a"]["label"] == "mod\udc80el"
    assert "mod\\udc80el" in (tmp_path / "explain.html").read_text("utf-8")


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"cannot write .*nowhere.*No such file"):
        write_explanation(explanation(tmp_path / "nowhere"))


def test_matplotlib_waits_until_something_is_drawn() -> None:
    code = (
        "import sys, host.commands.explain.write, host.commands.explain.text; "
        "sys.exit('matplotlib' in sys.modules or 'jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def printed(made: Explanation, width: int = 400) -> str:
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(summary(made))
    return capture.get()
