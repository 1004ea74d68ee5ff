"""Rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from host.base.paths import CODE, FIRMWARE, ROOT
from host.engines import ENGINES
from host.firmware.boards import load_boards
from scripts import rooms

MODULES = rooms.modules(ROOT)


def test_imports_run_one_way_between_rooms() -> None:
    arrows = rooms.arrows(ROOT)
    assert rooms.upward(arrows) == []
    assert rooms.cycles(arrows) == []


def test_a_command_imports_no_other_command() -> None:
    for here, there in rooms.arrows(ROOT):
        if here.startswith("host.commands.") and there.startswith("host.commands."):
            assert here.split(".")[2] == there.split(".")[2], f"{here} imports {there}"


def test_nothing_lies_loose_at_the_top() -> None:
    top = {path.name for path in (ROOT / "host").iterdir() if path.name != "__pycache__"}
    assert top == {
        "__init__.py",
        *(room if "_" not in room else f"{room}.py" for room in rooms.ROOMS),
    }


@pytest.mark.parametrize("path", MODULES.values(), ids=MODULES.keys())
def test_only_the_terminal_prints_or_exits(path: Path) -> None:
    if path.name == "terminal.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), called


def test_help_does_not_import_what_is_slow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from host.cli.app import app\n"
        "result = CliRunner().invoke(app, ['flash-and-eval', '--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "slow = {'tensorflow', 'keras', 'numpy', 'sklearn', 'matplotlib', 'platformio'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_firmware_uses_no_heap_and_no_exceptions() -> None:
    for path in [*FIRMWARE.rglob("*.cc"), *FIRMWARE.rglob("*.h"), *FIRMWARE.rglob("*.j2")]:
        text = path.read_text()
        for word in ("malloc(", "calloc(", "std::vector", "std::string", "throw ", "try {"):
            code = [line for line in text.splitlines() if not line.strip().startswith("//")]
            hits = [line for line in code if word in line.split("//")[0]]
            assert not hits, f"{path.name}: {hits}"


def test_the_seams_of_the_firmware_hold() -> None:
    core = "".join(path.read_text() for path in (CODE / "core").glob("*"))
    for stranger in ("boards/", "engines/", "BOARD_", "model.h", "kernels.h", "Arduino"):
        assert stranger not in core
    for engine in (CODE / "engines").iterdir():
        assert "board" not in "".join(p.read_text() for p in engine.rglob("*.cc"))


def test_the_firmware_calls_no_functions_of_the_compiler_for_arm() -> None:
    """PlatformIO's compiler for the Nano 33 BLE is GCC 7.2.1, which has no __smlad and the like;
    its <arm_acle.h> does not compile as C++ (GCC bug 81497)."""
    for path in [*FIRMWARE.rglob("*.cc"), *FIRMWARE.rglob("*.h"), *FIRMWARE.rglob("*.j2")]:
        code = re.sub(r"//.*", "", path.read_text())
        assert "arm_acle" not in code, path
        calls = set(re.findall(r"\b__\w+(?=\()", code))
        assert calls <= {"__builtin_trap", "__attribute__"}, f"{path}: {calls}"


def test_the_page_about_engines_names_every_operator_of_aot() -> None:
    from host.engines.aot.operators import FAMILIES

    families = [(f.__name__.rpartition(".")[2], sorted(f.LOWERINGS)) for f in FAMILIES]
    table = "".join(f"| {family} | {', '.join(names)} |\n" for family, names in families)
    assert table in (ROOT / "docs" / "engines.md").read_text(), f"write there:\n{table}"


def test_the_picture_of_the_rooms_shows_every_arrow_or_implies_it() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", page, re.MULTILINE))
    ends = {(rooms.room(here), rooms.room(there)) for here, there in rooms.arrows(ROOT)}
    real = {(here, there) for here, there in ends if here not in (there, "__main__")}
    assert drawn <= real
    implied = set(drawn)
    while more := {(a, d) for a, b in implied for c, d in implied if b == c} - implied:
        implied |= more
    assert real <= implied


def test_the_pages_name_what_there_is_and_the_readme_is_short() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page}: {link}"
        for path in re.findall(r"`((?:host|firmware|tests|scripts)/[^`<\s]+)`", page.read_text()):
            assert any(ROOT.glob(path.rstrip("/"))), f"{page}: {path}"
    assert len((ROOT / "README.md").read_text().split()) <= 1000


def test_the_workflow_runs_what_there_is() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    for path in re.findall(r"\./((?:\.ci|scripts)/\w+)|(tests/[\w/]+\.py)", text):
        assert (ROOT / "".join(path)).is_file(), path
    for option, known in (("board", load_boards()), ("engine", ENGINES)):
        (names,) = re.findall(rf"^ +{option}: \[(.*)\]", text, re.MULTILINE)
        assert set(names.split(", ")) <= set(known), names


def test_tests_stand_on_helpers_and_have_names_of_their_own() -> None:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "__init__.py"]
    names = [path.name for path in tests if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))
    for path in tests:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not re.search(r"^tests(\.\w+)*\.test_", node.module or ""), path
