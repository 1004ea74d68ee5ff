"""What all tests share."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from host.base.paths import WORKSPACE

# No deadline for an example: on a busy machine any of them may be slow.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# A shell ignores Ctrl-C in what it starts in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A copy of the program finds the objects that others have built of the same sources.
os.environ["PLATFORMIO_BUILD_CACHE_DIR"] = str(WORKSPACE / "cache")
# Whatever is built of our own sources for a test, on any board, compiles without a warning.
os.environ["PLATFORMIO_BUILD_SRC_FLAGS"] = "-Werror"
