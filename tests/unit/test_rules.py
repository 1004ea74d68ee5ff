"""Rules of the house that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from host.paths import FIRMWARE, ROOT

HOST = ROOT / "host"
MODULES = sorted(HOST.rglob("*.py"))
# Who may import whom, besides records, errors and paths, which all may. Nobody imports cli or
# pipeline but the one above.
ALLOWED = {
    "host.wire": ("host.wire", "host.models"),
    "host.link": (),
    "host.calls": ("host.wire",),
    "host.identity": ("host.wire", "host.calls"),
    "host.flight": ("host.calls",),
    "host.exchange": ("host.wire", "host.link", "host.calls", "host.flight"),
    "host.session": ("host.wire", "host.link", "host.exchange", "host.calls", "host.identity"),
    "host.targets": (
        "host.targets",
        "host.link",
        "host.platformio",
        "host.processes",
        "host.locks",
    ),
    "host.processes": (),
    "host.locks": (),
    "host.models": ("host.models",),
    "host.engines": (
        "host.engines",
        "host.models",
        "host.library",
        "host.oracles",
        "host.isolated",
    ),
    "host.statistics": (),
    "host.quiet": (),
    "host.report": (
        "host.report",
        "host.atomic",
        "host.models",
        "host.oracles",
        "host.evaluate",
        "host.inside.records",
        "host.study.records",
        "host.explain.records",
        "host.explain.causes",
    ),
}
COMMON = ("host.__version__", "host.records", "host.errors", "host.paths", "host.models.tflite")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "host":
                found |= {f"host.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("host.")}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_run_one_way(path: Path) -> None:
    name = module_name(path)
    found = imports(path)
    if name not in ("host.cli", "host.__main__"):
        assert not found & {"host.cli"}
        assert name == "host.pipeline" or "host.pipeline" not in found
    for room, allowed in ALLOWED.items():
        if name == room or name.startswith(room + "."):
            strangers = {f for f in found if not f.startswith((*allowed, *COMMON))}
            assert not strangers, f"{name} imports {strangers}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_only_the_terminal_prints_or_exits(path: Path) -> None:
    if path.name == "terminal.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), called


def test_help_does_not_import_what_is_slow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from host.cli import app\n"
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
    core = "".join(path.read_text() for path in (FIRMWARE / "core").glob("*"))
    for stranger in ("boards/", "engines/", "BOARD_", "model.h", "kernels.h", "Arduino"):
        assert stranger not in core
    for engine in (FIRMWARE / "engines").iterdir():
        assert "board" not in "".join(p.read_text() for p in engine.glob("*.cc"))


def test_the_readme_names_every_operator_of_engine_aot() -> None:
    from host.engines.aot.lower import LOWERINGS

    text = " ".join((ROOT / "README.md").read_text().split())
    assert f"has, in int8: {', '.join(sorted(LOWERINGS))}, with" in text
