"""Measures, and prints tables: `models` (engines by model), `stages` (where the time goes), `link`
(what the line costs), `verdict` (how often it is wrong; an hour, so only where it is named)."""

import argparse
from pathlib import Path

from scripts import bench_link, bench_models, bench_stages, bench_verdict


def main() -> None:
    """Measure what is named, or everything. --json writes what is named, by default the models."""
    parser = argparse.ArgumentParser(prog="./scripts/bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("models", "stages", "link", "verdict"))
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--models",
        type=Path,
        default=bench_models.SHARED_MODELS,
        help="a folder of .tflite files; default: %(default)s",
    )
    parser.add_argument("--seeds", type=int, default=25, help="of `verdict`; default: %(default)s")
    arguments = parser.parse_args()
    what, output = arguments.what, arguments.json
    if what in (None, "models"):
        bench_models.bench(arguments.models, output)
    if what in (None, "stages"):
        bench_stages.bench(output if what else None)
    if what in (None, "link"):
        bench_link.bench(output if what else None)
    if what == "verdict":
        bench_verdict.bench(arguments.seeds)


if __name__ == "__main__":
    main()
