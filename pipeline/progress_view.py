"""What a person sees of work that takes its time: a bar on a terminal, elsewhere a few lines."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from gptfx.modules.progress import Progress as Report

PLAIN_REPORTS = 5  # progress lines of a piece of work where there is no terminal to draw a bar on
WIDTH = 15  # of the longest name of a piece of work


class ProgressView(logging.Handler):
    """Listens to log records and draws those that say how far work is."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(logging.INFO)
        self.console = Console(file=stream, highlight=False)
        self.reported = 0
        self.bar: Progress | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Draws the records that say something to a person."""
        report = getattr(record, "progress", None)
        if isinstance(report, Report):
            self._report(report)
        elif text := getattr(record, "notice", None):
            self._notice(str(text))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Attached to the root logger."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def open_bar(self, name: str, what: str) -> None:
        """Work begins that is called `name`, and is `what`; what came before has ended."""
        self.close_bar()
        self.reported = 0
        if not self.console.is_terminal:
            return
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(24),
            TextColumn("{task.fields[text]}"),
        )
        self.bar = Progress(*columns, console=self.console, transient=True)
        self.bar.start()
        self.bar.add_task(f"{name:<{WIDTH}}", total=None, text=what)

    def close_bar(self) -> None:
        """It ends."""
        if self.bar:
            self.bar.stop()
            self.bar = None

    def _report(self, report: Report) -> None:
        if self.bar:
            task = self.bar.task_ids[0]
            text = str(report).partition(": ")[2]
            self.bar.update(task, total=report.total, completed=report.done, text=text)
        elif report.done * PLAIN_REPORTS // report.total > self.reported:
            self.reported = report.done * PLAIN_REPORTS // report.total
            self.console.print(f"    {report}", soft_wrap=True)

    def _notice(self, text: str) -> None:
        self.console.print(f"    {escape(text)}", soft_wrap=True)

    def say(self, text: str) -> None:
        """One line of plain text."""
        self.console.print(escape(text), soft_wrap=True)
