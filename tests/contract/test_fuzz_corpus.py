"""What the fuzzer found worth keeping, replayed by a core under sanitizers (see scripts/fuzz)."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from host.base.paths import FIRMWARE
from scripts.fuzz import KEPT, SOURCES, TESTS

NOW = "device.detail_[position] = now"
INPUTS = len(KEPT.read_text().split())


FLAGS = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def compiled(source: Path, folder: Path) -> Path:
    """The source's object, in the folder."""
    made = folder / f"{source.stem}.o"
    command = ["g++", *FLAGS, *SANITIZERS, f"-I{FIRMWARE}", "-c", str(source), "-o", str(made)]
    subprocess.run(command, check=True)
    return made


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The core's objects as they are, by the names of their sources."""
    folder = tmp_path_factory.mktemp("objects")
    sources = [*SOURCES, TESTS / "cpp" / "fuzz_replay.cc"]
    return {source.name: compiled(source, folder) for source in sources}


def replay(objects: Mapping[str, Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Link the objects, and let the program have the corpus."""
    program = folder / "replay"
    subprocess.run(["g++", *SANITIZERS, *objects.values(), "-o", program], check=True)
    with KEPT.open() as inputs:
        return subprocess.run(program, stdin=inputs, capture_output=True, text=True, check=False)


def test_the_corpus_breaks_nothing(objects: dict[str, Path], tmp_path: Path) -> None:
    done = replay(objects, tmp_path)
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
    objects: dict[str, Path], tmp_path: Path, file: str, right: str, wrong: str
) -> None:
    (source,) = (path for path in SOURCES if path.name == file)
    text = source.read_text()
    assert text.count(right) == 1
    (tmp_path / file).write_text(text.replace(right, wrong))
    done = replay({**objects, file: compiled(tmp_path / file, tmp_path)}, tmp_path)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr or "wrong:" in done.stderr
