"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# No deadline for an example: on a busy machine any of them may be slow.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
