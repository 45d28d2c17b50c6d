"""Diagnostics and progress on the terminal, all on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import Any

from voxgpu.diagnostics import Diagnostic, Note

_STYLES = {"error": "bold red", "warning": "bold yellow", "help": "green", "note": "cyan"}


def condense_readings(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Keep one of the warnings about readings (W101), with their number, among the diagnostics."""
    every = list(diagnostics)
    readings = [each for each in every if each.code == "W101"]
    if len(readings) < 2:
        return every
    first, others = readings[0], len(readings) - 1
    what = "one more expression is" if others == 1 else f"{others} more expressions are"
    note = Note(f"{what} read otherwise; -v or `voxgpu check` shows all", None)
    merged = replace(first, notes=(*first.notes, note))
    return [merged if each is first else each for each in every if each not in readings[1:]]


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Write diagnostics to stderr, in color on a terminal."""
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
    """Write a line to stderr."""
    print(text, file=sys.stderr)


def confirm(question: str) -> bool:
    """Ask for confirmation; the end of stdin and Ctrl-C count as no."""
    import click

    try:
        return click.confirm(question, err=True)
    except click.Abort:
        print_stderr("")
        return False


class Progress:
    """Shows nothing: for output that is not a terminal, or if progress is not requested."""

    def show(self, what: str, done: int, total: int) -> None:
        """Show the current step, and the progress."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the progress while something else is written to the terminal."""
        yield


class _Bar(Progress):
    """A progress bar in the last line of the terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._row = bar.add_task("", what="")
        self._is_shown = False
        #: Several threads may report.
        self._lock = RLock()

    def show(self, what: str, done: int, total: int) -> None:
        with self._lock:
            if not self._is_shown:
                # Started late: a program with errors shows no bar.
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
        """Remove the bar from the terminal."""
        with self._lock:
            if self._is_shown:
                self._bar.stop()
            self._is_shown = False


@contextmanager
def progress(enabled: bool) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, on a terminal and if requested."""
    if not (enabled and sys.stderr.isatty()):
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    what = TextColumn("{task.fields[what]}")
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), what)
    # Results go to stdout, wherever it leads; rich must not redirect them to its console.
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
