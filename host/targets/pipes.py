"""Links to children that talk on their standard input and output."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from host.device.link import DescriptorLink, Link
from host.targets.child import Command, child


@contextmanager
def child_on_pipes(command: Command, name: str, log: Path) -> Iterator[Link]:
    """Start a child; give the link on its standard input and output. See ``LinkKind.start``."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    # The link is closed last: a child ends of it, and would be blamed for the link's failure.
    with ExitStack() as last, child(command(None), log, name=name, **pipes) as process:
        assert process.stdin is not None and process.stdout is not None
        link = DescriptorLink(process.stdout, process.stdin)
        last.callback(link.close)
        yield link
