"""Where things lie. The program runs from its own checkout, wherever the user's shell stands."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
WORKSPACE = ROOT / ".pio"


def cache_folder() -> Path:
    """Results that can be made again: models, images. ``FLASH_AND_EVAL_CACHE`` moves it."""
    return Path(os.environ.get("FLASH_AND_EVAL_CACHE") or ROOT / ".cache")
