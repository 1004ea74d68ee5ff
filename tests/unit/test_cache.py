"""What is kept for the next run: whole or not at all, and never a reason to fail."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from host.base import cache

NAME = "a" * 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLASH_AND_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def store_and_load(value: int) -> bool:
    """Whether what is found is what somebody stored."""
    found = []
    for _ in range(30):
        cache.store("kind", NAME, {"x": np.full(5000, value)})
        found.append(cache.load("kind", NAME))
    return all(f is not None and len(set(f["x"].tolist())) == 1 for f in found)


def test_many_store_the_same_at_once(folder: Path) -> None:
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        assert all(pool.map(store_and_load, range(4)))
    assert [path.name for path in (folder / "kind").iterdir()] == [f"{NAME}.npz"]


def test_what_cannot_be_stored_is_not(folder: Path, tmp_path: Path) -> None:
    folder.write_text("a file where the folder should be\n")
    cache.store("kind", NAME, {"x": np.zeros(3)})
    cache.store_file(folder / "images" / "firmware.elf", Path(__file__))
    assert cache.load("kind", NAME) is None
    assert list(tmp_path.iterdir()) == [folder]


def test_a_damaged_file_counts_as_none(folder: Path) -> None:
    cache.store("kind", NAME, {"x": np.arange(40), "tflite": np.zeros(9, np.uint8)})
    path = folder / "kind" / f"{NAME}.npz"
    content = path.read_bytes()
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        assert cache.load("kind", NAME) is None, size
    for at in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        found = cache.load("kind", NAME)  # some bytes mean nothing
        assert found is None or (found.get("x", np.arange(40)) == np.arange(40)).all(), at
