"""What the tests in emulators share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.models import dense


@pytest.fixture
def slow_model(tmp_path: Path) -> Path:
    """A model that keeps the emulator busy for half a minute over 2000 samples."""
    path = tmp_path / "slow.tflite"
    path.write_bytes(dense(512, 512))
    return path
