"""The fuzzer of the firmware's core: builds tests/cpp/fuzz_device.cc with libFuzzer and runs it.

The corpus grows in .cache/fuzz from run to run. It begins with the one that the tests replay,
tests/vectors/fuzz/device.hex: one input a line, in hexadecimal.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from host.base.paths import CODE, FIRMWARE, cache_folder

TESTS = Path(__file__).parent.parent / "tests"
KEPT = TESTS / "vectors" / "fuzz" / "device.hex"
CORE = ("device.cc", "frames.cc", "crc32.cc", "sha256.cc")
SOURCES = [
    *(CODE / "core" / name for name in CORE),
    *(TESTS / "cpp" / name for name in ("slot_engine.cc", "fuzz_device.cc")),
]
MAX_INPUT = 512  # bytes; a dozen requests


def build(folder: Path) -> Path:
    """The fuzzer, with address and undefined-behaviour sanitizers."""
    program = folder / "fuzz_device"
    command = ["clang++", "-std=c++17", "-O2", "-g", "-fsanitize=fuzzer,address,undefined"]
    command += ["-fno-sanitize-recover=all", f"-I{FIRMWARE}", "-o", str(program)]
    subprocess.run([*command, *map(str, SOURCES)], check=True)
    return program


def unpack(corpus: Path) -> None:
    """Add the kept corpus to what earlier runs found."""
    corpus.mkdir(parents=True, exist_ok=True)
    for line in KEPT.read_text().split():
        content = bytes.fromhex(line)
        (corpus / hashlib.sha1(content).hexdigest()).write_bytes(content)


def keep(program: Path, corpus: Path) -> int:
    """Write the fewest inputs that cover as much as the whole corpus, and return their number."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "-set_cover_merge=1", folder, str(corpus)]
        subprocess.run(command, check=True, capture_output=True)
        inputs = sorted(path.read_bytes() for path in Path(folder).iterdir())
    KEPT.write_text("".join(f"{content.hex()}\n" for content in inputs))
    return len(inputs)


def last(pattern: str, text: str) -> str:
    """The last number of that kind in the fuzzer's log."""
    matches: list[str] = re.findall(pattern, text)
    return matches[-1] if matches else "?"


def main() -> int:
    """Run. Returns 0 if nothing broke, 1 if something did, 3 without clang."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=600)
    parser.add_argument("--keep", action="store_true", help="replace the tests' corpus")
    options = parser.parse_args()
    if shutil.which("clang++") is None:
        print("The fuzzer needs clang++ with libFuzzer: apt install clang", file=sys.stderr)
        return 3
    folder = cache_folder() / "fuzz"
    corpus = folder / "device"
    unpack(corpus)
    program = build(folder)
    before = set(folder.glob("found-*"))
    command = [str(program), f"-max_total_time={options.seconds}", f"-max_len={MAX_INPUT}"]
    # A request takes microseconds: a second is a hang.
    command += ["-timeout=1", "-print_final_stats=1", f"-artifact_prefix={folder}/found-"]
    begin = time.monotonic()
    log = folder / "log"
    with log.open("wb") as out:
        failed = subprocess.run([*command, str(corpus)], stdout=out, stderr=out).returncode
    seconds = time.monotonic() - begin
    output = log.read_text(errors="replace")
    runs = last(r"number_of_executed_units:\s+(\d+)", output)
    edges, all_edges = last(r"cov: (\d+)", output), last(r"\((\d+) inline 8-bit", output)
    crashes = sorted(set(folder.glob("found-*")) - before)
    print(f"{runs} executions in {seconds:.0f} s; {edges} of {all_edges} edges covered;", end=" ")
    print(f"{len(list(corpus.iterdir()))} inputs in {corpus}; {1 if failed else 0} crashes")
    if failed:
        wrong = [line for line in output.splitlines() if re.search("ERROR|wrong:|SUMMARY|#", line)]
        print("\n".join(wrong[-20:]))
        for path in crashes:
            print(f"{path}\n{path.read_bytes().hex()}")
        print(f"The whole log: {log}")
        return 1
    if options.keep:
        print(f"{keep(program, corpus)} inputs kept in {KEPT.relative_to(TESTS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
