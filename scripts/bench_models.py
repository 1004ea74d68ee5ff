"""What models cost on a Cortex-M4F: by engine, and next to TFLite-Micro's published numbers."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from host.base.errors import ToolMissingError
from host.base.paths import FIRMWARE, ROOT
from host.engines import library
from host.engines.aot import AotEngine
from host.engines.packages import missing
from host.firmware.boards import find_board
from host.models import tflite

SHARED_MODELS = ROOT.parent / "shared" / "models"
BOARD, PORTABLE_BOARD = "qemu-m4", "qemu-m4-portable"
PORTABLE, DSP, TFLM = "aot portable", "aot DSP", "tflm"
BUILDS = {PORTABLE: (PORTABLE_BOARD, "aot"), DSP: (BOARD, "aot"), TFLM: (BOARD, "tflm")}
_WIDTH = 132
_COLUMNS = ("instructions", "arena", "code", "engine", "weights")
SOURCE = (
    "TFLite-Micro of August 2026 with CMSIS-NN: arm-none-eabi-gcc 12.2, core -Os, kernels -O2, "
    "only the needed operators, QEMU mps2-an386; code without firmware. Not measured here."
)
# By model: arena and code in bytes, instructions of an inference.
REFERENCE = {
    "tflm_hello_world_int8.tflite": (772, 22_717, 3.5e3),
    "tflm_micro_speech_int8.tflite": (6_836, 36_463, 1.50e6),
    "mlperf_kws_int8.tflite": (22_820, 45_623, 7.70e6),
    "mlperf_ic_int8.tflite": (54_996, 43_301, 29.9e6),
    "mlperf_ad_int8.tflite": (2_580, 22_717, 0.58e6),
}
NOTES = """\
arena, code, weights: bytes. weights: tables in flash; for tflm, the .tflite file. code: the image's
flash without them, firmware and all. engine: of this, kernels and generated model, by the image's
symbols, without what they take from libc; for tflm, code without aot DSP's firmware. published: its
code is an engine's. plan: seconds to plan and emit for aot; compile: seconds to compile what was
emitted. Instructions are not cycles."""
_SYMBOL = re.compile(r"^[0-9a-f]+ ([0-9a-f]+) [tTwWrRvV] _Z\w*?(?:3aot|5model)\w*$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """Of one build: instructions of an inference; the rest in bytes, see ``NOTES``."""

    instructions: float
    arena: int
    code: int
    engine: int | None
    weights: int


def bench(folder: Path, output: Path | None) -> None:
    """Measure all .tflite files of a folder and print; also write JSON where asked to.

    The JSON is one object, keyed by file name; an engine that is not available is null.
    """
    models = sorted(folder.glob("*.tflite"))
    if not models:
        sys.exit(f"there is no .tflite in {folder}; name a folder with --models")
    costs = {path.name: _measure(path) for path in models}
    _print(costs)
    if output is not None:
        output.write_text(json.dumps(costs, indent=2) + "\n")


def _measure(path: Path) -> dict[str, Any]:
    plan, compilation = seconds(path)
    costs = {name: _cost(path, *build) for name, build in BUILDS.items() if _is_there(name)}
    dsp = costs[DSP]
    if TFLM in costs and dsp.engine is not None:
        core = dsp.code - dsp.engine
        costs[TFLM] = Cost(**{**asdict(costs[TFLM]), "engine": costs[TFLM].code - core})
    published = None
    if path.name in REFERENCE:
        arena, engine, instructions = REFERENCE[path.name]
        published = {"instructions": instructions, "arena": arena, "engine": engine}
    builds = {name: asdict(costs[name]) if name in costs else None for name in BUILDS}
    return {
        **builds,
        "published": published and {**published, "source": SOURCE},
        "ratios": {
            f"{DSP} / {name}": _ratios(asdict(dsp), other)
            for name, other in {**builds, "published": published}.items()
            if other is not None and name != DSP
        },
        "seconds": {"plan": plan, "compile": compilation},
    }


def _is_there(name: str) -> bool:
    """Whether it can be measured without a download."""
    try:
        return name != TFLM or not missing(find_board(BOARD))
    except ToolMissingError:
        return False


def _ratios(cost: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    names = _COLUMNS[:-1]  # the weights are the model's
    return {n: cost[n] / other[n] for n in names if cost.get(n) and other.get(n)}


def seconds(path: Path) -> tuple[float, float]:
    """Of planning and emitting, and of compiling what was emitted, without any cache."""
    begin = time.monotonic()
    rendered = AotEngine().render(tflite.load(path))
    planned = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        (Path(folder) / "model.cc").write_text(rendered.files["model.cc"], encoding="utf-8")
        command = ["arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", "-O2", "-std=c++17", "-c"]
        command += [f"-I{FIRMWARE}", "model.cc"]
        compiling = time.monotonic()
        subprocess.run(command, cwd=folder, check=True)
        return planned - begin, time.monotonic() - compiling


def _cost(path: Path, board: str, engine: str) -> Cost:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "host", "flash-and-eval", "--json", "--out", str(out)]
        command += ["--board", board, "--engine", engine, "--model", str(path)]
        command += ["--data", "random", "--samples", "3"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        report = json.loads(done.stdout)
        memory = report["memory"]
        return Cost(
            instructions=report["latency"]["median"],
            arena=memory["arena_used"],
            code=memory["flash"] - memory["constants"],
            engine=_engine(out / "firmware.elf", memory["constants"]) if engine == "aot" else None,
            weights=memory["constants"],
        )


def _engine(elf: Path, weights: int) -> int:
    """Bytes of the image's symbols in the namespaces aot and model, without the weights."""
    command = ["arm-none-eabi-nm", "-S", str(elf)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(int(size, 16) for size in _SYMBOL.findall(listing)) - weights


def _print(costs: Mapping[str, Mapping[str, Any]]) -> None:
    table = Table(title=f"Models on {BOARD}: an inference, and what it takes")
    table.add_column("model", no_wrap=True)
    table.add_column("build", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for name in ("plan", "compile"):
        table.add_column(f"{name}, s", justify="right")
    for name, values in costs.items():
        table.add_section()
        rows = {build: values[build] for build in (*BUILDS, "published")}
        for number, (build, cost) in enumerate(rows.items()):
            if cost is None:
                continue
            numbers = (f"{cost[n]:,.0f}" if cost.get(n) is not None else "-" for n in _COLUMNS)
            seconds = () if number else (f"{s:.2f}" for s in values["seconds"].values())
            table.add_row("" if number else name, build, *numbers, *seconds)
        for label, ratios in values["ratios"].items():
            cells = (f"{ratios[n]:.2f}" if n in ratios else "-" for n in _COLUMNS)
            table.add_row("", label, *cells, style="dim")
    console = Console(width=_WIDTH)
    console.print(table)
    console.print(NOTES, style="dim")
    console.print(f"published: {SOURCE}", style="dim")
    console.print(library.outlook(find_board(BOARD)), style="dim")
