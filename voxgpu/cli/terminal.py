"""What do people see on the terminal besides results? Mistakes and progress, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import Any

from voxgpu.diagnostics import Diagnostic, Note

_STYLES = {"error": "bold red", "warning": "bold yellow", "help": "green", "note": "cyan"}


def condensed(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics with one of those of readings (W101), which tells how many there are."""
    every = list(diagnostics)
    readings = [each for each in every if each.code == "W101"]
    if len(readings) < 2:
        return every
    first, others = readings[0], len(readings) - 1
    what = "one more expression is" if others == 1 else f"{others} more expressions are"
    note = Note(f"{what} read otherwise; -v or `voxgpu check` shows all", None)
    told = replace(first, notes=(*first.notes, note))
    return [told if each is first else each for each in every if each not in readings[1:]]


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Writes diagnostics to stderr, in color where that is a terminal."""
    texts = [str(each) for each in diagnostics]
    if not texts:
        return
    if not sys.stderr.isatty():
        print("\n".join(texts), file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    for line in "\n".join(texts).split("\n"):
        styled = Text(line)
        for word, style in _STYLES.items():
            if line.strip().startswith(word):
                styled.stylize(style, 0, line.find(":") + 1)
        if "│" in line:
            styled.stylize("blue", 0, line.find("│") + 1)
        console.print(styled, soft_wrap=True)


def print_stderr(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr)


def confirmed(question: str) -> bool:
    """Whether somebody answers with yes; the end of stdin and Ctrl-C are a no."""
    import click

    try:
        return click.confirm(question, err=True)
    except click.Abort:
        print_stderr("")
        return False


class Progress:
    """Shows nothing: for output that is not a terminal, or not wanted."""

    def show(self, what: str, done: int, total: int) -> None:
        """Says what is being done, and how much of it is."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keeps out of the way while something else is written to the terminal."""
        yield


class _Bar(Progress):
    """A bar on the terminal, in the last line."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._row = bar.add_task("", what="")
        self._is_shown = False
        #: Several threads may have something to say.
        self._lock = RLock()

    def show(self, what: str, done: int, total: int) -> None:
        with self._lock:
            if not self._is_shown:
                # Not before something runs: a program with mistakes shows none.
                self._bar.start()
                self._is_shown = True
        self._bar.update(self._row, what=what, completed=done, total=total)

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self._lock:
            if self._is_shown:
                self._bar.stop()
            try:
                yield
            finally:
                if self._is_shown:
                    self._bar.start()

    def end(self) -> None:
        """Takes the bar off the terminal for good."""
        with self._lock:
            if self._is_shown:
                self._bar.stop()
            self._is_shown = False


@contextmanager
def progress(wanted: bool) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, where that is a terminal and wanted."""
    if not (wanted and sys.stderr.isatty()):
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    what = TextColumn("{task.fields[what]}")
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), what)
    # Results go to stdout, wherever that leads; they must not be redirected to the bar's console.
    bar = _Bar(
        Bar(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
    )
    try:
        yield bar
    finally:
        bar.end()
