"""Where things lie. The program runs from its own checkout, wherever the user's shell stands."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
WORKSPACE = ROOT / ".pio"


def cache_folder() -> Path:
    """Results that can be made again: models, images. ``FLASH_AND_EVAL_CACHE`` moves it."""
    return Path(os.environ.get("FLASH_AND_EVAL_CACHE") or ROOT / ".cache")


def new_run_folder(*names: str) -> Path:
    """A path in runs/ of its own: the time to the millisecond, and what the names have of letters
    and digits. It is not made yet."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
    safe = (re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] for name in names)
    return ROOT / "runs" / "-".join([stamp, *safe])
