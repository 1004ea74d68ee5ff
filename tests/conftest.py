"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

# No deadline for an example: on a busy machine any of them may be slow.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# A shell ignores Ctrl-C in what it starts in the background, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
