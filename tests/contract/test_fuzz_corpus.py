"""What the fuzzer found worth keeping, replayed by a core under sanitizers (see scripts/fuzz)."""

import subprocess
from pathlib import Path

import pytest

from host.base.paths import FIRMWARE
from scripts.fuzz import KEPT, SOURCES, TESTS

NOW = "device.detail_[position] = now"
INPUTS = len(KEPT.read_text().split())


def replay(folder: Path, changed: dict[str, tuple[str, str]]) -> subprocess.CompletedProcess[str]:
    """Build the core, with some of its text replaced, and let it have the corpus."""
    sources = []
    for path in [*SOURCES, TESTS / "cpp" / "fuzz_replay.cc"]:
        if path.name in changed:
            text, (right, wrong) = path.read_text(), changed[path.name]
            assert text.count(right) == 1
            path = folder / path.name
            path.write_text(text.replace(right, wrong))
        sources.append(str(path))
    program = folder / "replay"
    command = ["g++", "-std=c++17", "-O1", "-g", "-fsanitize=address,undefined"]
    command += ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
    command += ["-fno-sanitize-recover=all", f"-I{FIRMWARE}", "-o", str(program)]
    subprocess.run([*command, *sources], check=True)
    with KEPT.open() as inputs:
        return subprocess.run(program, stdin=inputs, capture_output=True, text=True, check=False)


def test_the_corpus_breaks_nothing(tmp_path: Path) -> None:
    done = replay(tmp_path, {})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == f"{INPUTS} inputs\n"
    assert 50 < INPUTS <= 200


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("frames.cc", "if (size_ < capacity_) return;", "if (size_ <= capacity_) return;"),
        ("frames.cc", "least(least(left_, here), capacity_ - size_)", "least(left_, here)"),
        ("device.cc", "if (size != expected) {", "if (size > expected) {"),
        ("device.cc", "size > incoming_size_ - offset) {", "offset + size > incoming_size_ + 1) {"),
        (
            "device.cc",
            "if (position < device.detail_capacity_) device.detail_[position] = now",
            NOW,
        ),
        ("device.cc", "  sent_ = false;\n  const", "  const"),
    ],
)
def test_the_corpus_finds_a_missing_check(
    tmp_path: Path, file: str, right: str, wrong: str
) -> None:
    done = replay(tmp_path, {file: (right, wrong)})
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr or "wrong:" in done.stderr
