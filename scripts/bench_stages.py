"""Seconds by stage, the device's share of a run, and the link's rate; in a copy of the checkout.

The copy has empty caches and no builds, so a first build is a first one. Set-up and training of the
demo model are excluded.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from host.base.paths import ROOT, cache_folder
from host.models import tflite
from scripts.bench_models import SHARED_MODELS

BOARD = "qemu-m4"


def bench(output: Path | None) -> None:
    """Measure and print; also write the numbers, as JSON, where ``output`` is given."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        checkout = _copy(Path(folder))
        runs = {
            "first run": _run(checkout, "--seed", "0"),
            "another model": _run(checkout, "--seed", "1"),
            "the same again": _run(checkout, "--seed", "1"),
            "native process": _run(checkout, "--seed", "1", "--board", "process"),
        }
        rate = _emulator_rate(checkout)
    _print_stages(runs)
    shares = _print_device(runs, rate)
    if output is not None:
        values = {"runs": runs, "emulator": rate, "device_share": shares}
        output.write_text(json.dumps(values, indent=2) + "\n")


def _copy(folder: Path) -> Path:
    """A checkout with nothing built and nothing cached but the trained demo models."""
    for seed in ("0", "1"):  # trains where they are missing
        _run(ROOT, "--seed", seed)
    checkout = folder / "checkout"
    for name in ("host", "firmware"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "platformio.ini", checkout)
    shutil.copytree(cache_folder() / "models", checkout / ".cache" / "models")
    return checkout


def _run(checkout: Path, *arguments: str) -> dict[str, Any]:
    out = checkout / "runs" / "bench"
    command = [sys.executable, "-m", "host", "flash-and-eval", "--json", "--out", str(out)]
    command += ["--engine", "aot", *arguments]
    if "--board" not in arguments:
        command += ["--board", BOARD]
    environment = {k: v for k, v in os.environ.items() if k != "FLASH_AND_EVAL_CACHE"}
    begin = time.monotonic()
    done = subprocess.run(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    wall = time.monotonic() - begin
    report = json.loads(done.stdout)
    graph = tflite.load(out / "model.tflite")
    return {
        "wall": wall,
        "samples": report["samples"],
        "stages": {t["stage"]: t["seconds"] for t in report["timings"]},
        "reused": [t["stage"] for t in report["timings"] if t["reused"]],
        "latency": report["latency"]["median"],
        "unit": report["latency"]["unit"],
        "link": report["link"],
        # Tensors alone, without frames; and three inferences more, for the profile.
        "payload_sent": (report["samples"] + 3) * graph.input.nbytes,
        "payload_received": (report["samples"] + 3) * graph.output.nbytes,
    }


def _emulator_rate(checkout: Path) -> dict[str, float] | None:
    """Instructions a second and seconds a byte of the emulator, by least squares.

    Streaming takes instructions / rate + bytes · cost; the models have very different shares of
    the two. None where the models are not there.
    """
    rows, seconds = [], []
    for name in ("mlperf_kws", "mlperf_ad", "tflm_micro_speech", "mlperf_ic"):
        path = SHARED_MODELS / f"{name}_int8.tflite"
        if not path.exists():
            return None
        run = _run(checkout, "--model", str(path), "--data", "random", "--samples", "40")
        inferences = run["samples"] + 3  # and three profiled ones
        link = run["link"]
        rows.append([inferences * run["latency"], link["bytes_sent"], link["bytes_received"]])
        seconds.append(link["seconds"])
    scale = np.max(np.array(rows), axis=0)
    costs = np.linalg.lstsq(np.array(rows) / scale, np.array(seconds), rcond=None)[0] / scale
    return {
        "instructions_per_second": float(1 / costs[0]),
        "seconds_per_byte_sent": float(costs[1]),
        "seconds_per_byte_received": float(costs[2]),
    }


def _print_stages(runs: dict[str, dict[str, Any]]) -> None:
    table = Table(title="Seconds by stage (* = taken from the cache)")
    table.add_column("stage")
    for name in runs:
        table.add_column(name, justify="right")
    stages = list(dict.fromkeys(stage for run in runs.values() for stage in run["stages"]))
    for stage in stages:
        cells = []
        for run in runs.values():
            mark = " *" if stage in run["reused"] else "  "
            cells.append(f"{run['stages'][stage]:.2f}{mark}" if stage in run["stages"] else "-  ")
        table.add_row(stage, *cells)
    table.add_section()
    table.add_row("whole command", *(f"{run['wall']:.2f}  " for run in runs.values()))
    Console().print(table)


def _print_device(runs: dict[str, dict[str, Any]], rate: dict[str, float] | None) -> dict[str, Any]:
    """The device's share of each run, and the payload's rate on the link."""
    table = Table(title="The device and the link")
    for name in ("run", "in inference, s", "of the run", "payload to device, B/s", "to host, B/s"):
        table.add_column(name, justify="left" if name == "run" else "right")
    shares: dict[str, Any] = {}
    for name, run in runs.items():
        per_second = {"instructions": rate and rate["instructions_per_second"]}.get(
            run["unit"], 1e6
        )
        link = run["link"]
        rates = [run[f"payload_{way}"] / link["seconds"] for way in ("sent", "received")]
        if per_second is None:
            table.add_row(name, "-", "-", *(f"{r:,.0f}" for r in rates))
            continue
        inference = (run["samples"] + 3) * run["latency"] / per_second
        shares[name] = inference / run["wall"]
        table.add_row(
            name, f"{inference:.2f}", f"{100 * shares[name]:.0f} %", *(f"{r:,.0f}" for r in rates)
        )
    console = Console()
    console.print(table)
    if rate is None:
        console.print("Emulator's speed unknown: the models in ../shared/models are not there.")
    else:
        console.print(
            f"Emulator, fitted over four models: {rate['instructions_per_second'] / 1e6:.0f} M "
            f"instructions/s, {1e6 * rate['seconds_per_byte_sent']:.0f} µs a byte sent, "
            f"{1e6 * rate['seconds_per_byte_received']:.0f} µs a byte received."
        )
    return shares
