"""Names are mere text in what is drawn, rendered and printed; quick, without running a model."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from host.base.errors import ConfigError
from host.base.paths import ROOT, new_run_folder
from host.cli import terminal
from host.cli.progress import Bar
from host.commands.study import document, page
from host.commands.study.plan import default_folder
from host.deployment.figures import operator_bars
from host.engines.tflm import TflmEngine
from host.firmware.boards import find_board, load_boards
from host.models.tflite import parse
from host.report.formats import plain, short
from host.verdict.costs import OperatorCost
from host.verdict.latency import Latency
from tests.fixtures import studies
from tests.fixtures.hostile import ALL, FILE_NAMES, NAMES, model, names_of, shown
from tests.fixtures.pages import Page
from tests.fixtures.tflm_packages import write_packages


def test_what_engine_tflm_renders(tmp_path: Path) -> None:
    board = find_board("process")
    options = {**board.options, "tflm_library": write_packages(tmp_path)}
    engine = TflmEngine.for_board(replace(board, options={**options, "model_slot": "0"}))
    texts = []
    for names in (names_of(len(ALL)), ALL):
        graph = parse(model(names))
        engine.check(graph)
        files = engine.render(graph, 4096).files
        kept = re.sub(r"(kFile\[\] = )\{[^}]*\}", r"\1", files["tflm_model.cc"])
        texts.append({**files, "tflm_model.cc": kept})
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_folders_of_runs(name: str) -> None:
    runs = ROOT / "runs"
    study = default_folder(replace(studies.PLAN, data=name))
    for folder in (new_run_folder("qemu-m4", name), study):
        assert folder.parent == runs
        assert re.fullmatch(r"[A-Za-z0-9_-]+", folder.name)


def test_a_study_of_data_with_such_a_name(tmp_path: Path) -> None:
    pages = []
    for name in ("digits", "+".join(FILE_NAMES)):
        study = studies.study(tmp_path, {"float": [1, 2], "ptq-int8": [2, 2]})
        study = replace(study, plan=replace(studies.PLAN, data=name, model=f"{name}:build"))
        report = page.render_html(study, document.document(study))
        pages.append(Page(report))
        assert shown(report)
    assert pages[1].elements <= pages[0].elements
    assert any(plain(name) in text for text in pages[1].text)


@pytest.mark.parametrize("name", NAMES)
def test_figures(name: str) -> None:
    def bars(*names: str) -> str:
        costs = [OperatorCost(0, name, 3.0, 0.5, 0, None, (), ()) for name in names]
        latency = Latency("cycles", 0, 6.0, 6.0, 6.0, 1, 0, tuple(costs))
        return operator_bars(latency) or ""

    svg, usual = bars(name, f"{name} too"), bars("a", "b")
    found, other = (ElementTree.fromstring(text) for text in (svg, usual))
    assert {e.tag for e in found.iter()} == {e.tag for e in other.iter()}
    # Of names joined by ";" the first is shown.
    wanted = short(f"0 {name}", 40)
    assert wanted in {e.text for e in found.iter("text")} or not wanted.strip()


def test_tables_and_notes_on_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    text = "+".join(FILE_NAMES)
    terminal.print_table(("board", "what"), [("process", text)])
    with Bar() as bar:
        bar.note(text)
    out, err = capfd.readouterr()
    assert shown(out) and shown(err)
    assert "[red]" in out and "[red]" in err


@pytest.mark.parametrize("name", FILE_NAMES)
def test_boards(tmp_path: Path, name: str) -> None:
    ini = tmp_path / "platformio.ini"
    usual = (ROOT / "platformio.ini").read_text().replace("extra_configs", "; extra_configs")
    ini.write_text(f"{usual}\n[env:{name}]\nextends = env:process\n")
    try:
        assert all(re.fullmatch(r"[a-z0-9_-]+", board) for board in load_boards(ini))
    except ConfigError as error:
        assert error.hint
