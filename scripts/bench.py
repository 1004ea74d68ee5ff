"""Measures, and prints tables: `models` (engines by model), `stages` (where the time goes)."""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts import bench_models, bench_stages


def main() -> None:
    """Without a word what to measure: both, and --json writes the models."""
    parser = argparse.ArgumentParser(prog="./scripts/bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("models", "stages"))
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--models",
        type=Path,
        default=bench_models.SHARED_MODELS,
        help="a folder of .tflite files; default: %(default)s",
    )
    arguments = parser.parse_args()
    if arguments.what != "stages":
        bench_models.bench(arguments.models, arguments.json)
    if arguments.what != "models":
        bench_stages.bench(arguments.json if arguments.what == "stages" else None)


if __name__ == "__main__":
    main()
