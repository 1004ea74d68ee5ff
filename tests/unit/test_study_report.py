"""A study's report: the JSON fits its schema, the page needs nothing, the figure is a picture."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from host.commands.study import words
from host.commands.study.document import document
from host.commands.study.figures import figure_png
from host.commands.study.page import write_study
from host.commands.study.text import summary
from host.commands.study.values import Failure, Study
from host.report.formats import many
from tests.fixtures import studies
from tests.fixtures.pages import self_contained
from tests.fixtures.schemas import validate

TWENTY = [3, 4, 5, 4, 3, 6, 4, 3, 4, 2, 5, 3, 4, 6, 7, 3, 2, 4, 5, 3]
ERRORS = {
    "float": TWENTY,
    "qat-int8": [n + 3 for n in TWENTY],
    "ptq-int8": [max(0, n - i % 3) for i, n in enumerate(TWENTY)],
    "qat-transplant": [n + 3 for n in TWENTY],
}
KINDS: dict[str, dict[str, Any]] = {
    "twenty runs": {"errors": ERRORS, "files": {"qat-int8": "f", "qat-transplant": "f"}},
    "one run": {"errors": {name: values[:1] for name, values in ERRORS.items()}},
    "one route": {"errors": {"float": TWENTY}},
    "no errors": {"errors": {"float": [0, 0], "ptq-int8": [0, 0]}},
    "a board": {"errors": ERRORS, "device": True},
    "a board that differs": {"errors": ERRORS, "device": True, "wrong": 4},
    "a run that failed": {
        "errors": ERRORS,
        "failures": (Failure(20, "the run with seed 20 <b>crashed</b>", "hint", 3),),
    },
}


@pytest.fixture(params=KINDS, scope="module")
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = studies.study(tmp_path_factory.mktemp("study"), **KINDS[request.param])
    write_study(made)
    return made


def test_the_json_fits_its_schema(study: Study) -> None:
    validate("study", json.loads((study.folder / "report.json").read_text()))


def test_the_page_is_self_contained_and_says_all(study: Study) -> None:
    page = self_contained((study.folder / "report.html").read_text())
    said = " ".join(" ".join(page.text).split())
    for route in study.comparison.routes:
        assert f"{route.error.value:.2f}" in said
    for sentence in words.sentences(study.comparison):
        assert " ".join(sentence.split()) in said
    for pair in study.comparison.pairs:
        assert " ".join(pair.sentence.split()) in said
    for failure in study.failures:
        assert failure.message in said
    assert f"n = {many(len(study.runs), 'run')} of 100 samples" in said


def test_the_figure_is_a_png_with_something_in_it(study: Study) -> None:
    from matplotlib.image import imread

    path = study.folder / "figure.png"
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pixels = imread(path)
    assert pixels.shape[1] == 1600 and 0.5 < pixels.mean() < 1.0
    blue = np.abs(pixels[..., :3] - np.array([0x00, 0x72, 0xB2]) / 255).max(axis=-1) < 0.01
    assert blue.sum() > 20  # the route float
    assert figure_png(study) == path.read_bytes()


def test_a_row_for_each_run_route_and_executor(study: Study) -> None:
    with (study.folder / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = {
        (str(run.seed), name, column)
        for run in study.runs
        for name, result in run.routes.items()
        for column in result.columns
    } | {(str(d.seed), d.route, "device") for d in (study.board.results if study.board else ())}
    assert len(rows) == len(expected)
    assert {(r["seed"], r["route"], r["executor"]) for r in rows} == expected
    for route in study.comparison.routes:
        rates = [
            float(r["error_percent"])
            for r in rows
            if (r["route"], r["executor"]) == (route.name, route.executor)
        ]
        assert np.mean(rates) == pytest.approx(route.error.value)
    with (study.folder / "pairs.csv").open(newline="") as file:
        pairs = list(csv.DictReader(file))
    assert [row["sentence"] for row in pairs] == [pair.sentence for pair in study.comparison.pairs]


def test_the_terminal_shows_the_table_and_where_the_figure_is(study: Study) -> None:
    console = Console(width=80, record=True, file=(study.folder / "text").open("w"))
    console.print(summary(study))
    text = console.export_text()
    for route in study.comparison.routes:
        assert re.search(rf"^{route.name} +{route.error.value:.2f} ", text, re.M), text
    assert "…" not in text.replace(" … ", "")  # nothing is cut
    assert words.headline(study.comparison) in " ".join(text.split())
    assert str(study.folder / "figure.png") in "".join(text.split())


def test_the_agreement_is_symmetric_and_what_the_pairs_say(tmp_path: Path) -> None:
    made = studies.study(tmp_path, **KINDS["twenty runs"])
    agreement = document(made).agreement
    shares = np.array(agreement.predictions)
    np.testing.assert_array_equal(shares, shares.T)
    assert shares[1, 3] == 1.0 and shares[0, 1] == pytest.approx(0.97)
    outputs = agreement.int8_outputs
    assert outputs[1][3] == 1.0 and outputs[0][1] is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [("twenty runs", 0), ("a board", 0), ("a board that differs", 1), ("a run that failed", 3)],
)
def test_exit_codes(tmp_path: Path, kind: str, code: int) -> None:
    assert studies.study(tmp_path, **KINDS[kind]).exit_code == code
