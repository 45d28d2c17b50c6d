"""Progress of a cohort in the Python interface: a bar on a terminal or in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from time import monotonic
from typing import Any

from voxgpu.python.progress import Progress

#: Seconds between changes of what a notebook shows.
_OFTEN = 0.2


class Bar:
    """Shows nothing."""

    def show(self, case: str, done: int, failed: int) -> None:
        """Show that a row of a case is done."""

    def end(self) -> None:
        """Stop updating, and leave the display in place."""


def bar_for(progress: bool | Callable[[Progress], None] | None, total: int, known: int) -> Bar:
    """The display of a cohort's progress.

    progress  a function to call instead; True: a bar wherever stderr goes, False: none, None: a bar
              on a terminal and in a notebook
    total     number of rows that there will be
    known     number of rows that there are already; if all: no bar
    """
    if callable(progress):
        return _Function(progress, total)
    if progress is False or known == total:
        return Bar()
    if _is_notebook():
        return _Notebook(total)
    if progress or sys.stderr.isatty():
        return _Terminal(total, known)
    return Bar()


class _Function(Bar):
    def __init__(self, tell: Callable[[Progress], None], total: int) -> None:
        self._tell, self._total = tell, total

    def show(self, case: str, done: int, failed: int) -> None:
        self._tell(Progress(case, done, self._total))


class _Terminal(Bar):
    """A bar of rich on stderr."""

    def __init__(self, total: int, known: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        what = TextColumn("{task.fields[what]}", markup=False)
        # What a loop prints appears above the bar, on stdout as it is.
        self._bar = RichProgress(
            *columns, what, console=Console(stderr=True), redirect_stdout=False
        )
        self._row = self._bar.add_task("", total=total, completed=known, what="")
        self._bar.start()

    def show(self, case: str, done: int, failed: int) -> None:
        what = f"{case}  {failed} failed" if failed else case
        self._bar.update(self._row, completed=done, what=what)

    def end(self) -> None:
        self._bar.stop()


class _Notebook(Bar):
    """An HTML progress element, which needs no widgets."""

    def __init__(self, total: int) -> None:
        from importlib import import_module

        display = import_module("IPython.display")
        self._html: Any = display.HTML
        self._total, self._shown = total, 0.0
        self._last = ("", 0, 0)
        self._handle: Any = display.display(self._html(self._text("", 0, 0)), display_id=True)

    def show(self, case: str, done: int, failed: int) -> None:
        self._last = case, done, failed
        if monotonic() - self._shown > _OFTEN:
            self._shown = monotonic()
            self._handle.update(self._html(self._text(case, done, failed)))

    def end(self) -> None:
        self._handle.update(self._html(self._text("", *self._last[1:])))

    def _text(self, case: str, done: int, failed: int) -> str:
        told = f", {failed} failed" if failed else ""
        bar = f'<progress value="{done}" max="{self._total}"></progress>'
        return f"{bar} {done} of {self._total} rows{told} {escape(case)}"


def _is_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
