"""The firmware as a native program on standard input and output."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from host.link import DescriptorLink, Link
from host.records import Board, Image
from host.targets.child import child


class ProcessTarget:
    """Starts the image as a child process."""

    starts: ClassVar[bool] = True

    def check(self, board: Board) -> None:
        """See ``Target.check``. It takes no more than the compiler, which the build asks for."""

    @contextmanager
    def start(self, image: Image, board: Board, log: Path) -> Iterator[Link]:
        """See ``Target.start``."""
        image.elf.chmod(0o755)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with child([str(image.elf.resolve())], log, **pipes) as process:
            assert process.stdin is not None and process.stdout is not None
            link = DescriptorLink.from_pipes(process.stdout, process.stdin)
            try:
                yield link
            finally:
                link.close()
