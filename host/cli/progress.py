"""Progress on stderr, while foreign code is kept off it."""

from __future__ import annotations

import os
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from host.report.formats import plain


class Bar:
    """One line a stage; on a terminal they move. Implements ``stages.Observer``."""

    def __init__(self) -> None:
        # A descriptor of its own: `quiet` points 2 elsewhere while TensorFlow talks.
        self._stream = os.fdopen(os.dup(2), "w")
        console = Console(file=self._stream)
        self._progress = Progress(
            SpinnerColumn(finished_text="·"),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._total = 0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._progress.stop()
        self._stream.close()

    def stage(self, name: str, total: int | None) -> None:
        """See ``Observer.stage``."""
        self._finish()
        self._total = total or 0
        self._progress.add_task(name, total=total, count="")

    def advance(self, done: int) -> None:
        """See ``Observer.advance``."""
        if self._progress.task_ids:
            count = f"{done}/{self._total}" if self._total else ""
            self._progress.update(self._progress.task_ids[-1], completed=done, count=count)

    def note(self, *texts: str) -> None:
        """See ``Observer.note``."""
        for text in texts:
            self._progress.console.print(f"note: {plain(text)}", markup=False, highlight=False)

    def _finish(self) -> None:
        if self._progress.task_ids:
            last = self._progress.task_ids[-1]
            total = self._progress.tasks[-1].total or 1
            self._progress.update(last, total=total, completed=total)
