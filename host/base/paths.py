"""Where things are. The program runs from its own checkout, whatever the current folder is."""

import os
import re
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
# The folder that each `#include` of ours names, so that none is taken for a header of a framework
# or library, nor the other way round.
INCLUDE_FOLDER = "flash_and_eval"
CODE = FIRMWARE / INCLUDE_FOLDER
WORKSPACE = ROOT / ".pio"
# What npm installs lies below it.
NODE_PACKAGES = ROOT / "host" / "targets" / "node"


def exists(path: Path) -> bool:
    """Whether there is such a file or folder. Unlike ``Path.exists``, this does not raise on a name
    that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def cache_folder() -> Path:
    """Results that can be computed again: models, images. ``FLASH_AND_EVAL_CACHE`` moves it."""
    return Path(os.environ.get("FLASH_AND_EVAL_CACHE") or ROOT / ".cache")


def new_run_folder(*names: str) -> Path:
    """Make a folder in runs/ that no other run has: the time to the millisecond, and what the names
    have of letters and digits."""
    safe = [re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] for name in names]
    while True:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        folder = ROOT / "runs" / "-".join([stamp, *safe])
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # made by another run in this millisecond
            continue
        return folder
