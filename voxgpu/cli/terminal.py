"""What do people see on the terminal besides results? Mistakes and progress, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from voxgpu.diagnostics import Diagnostic

#: Called with what is being done and how much of it is.
Progress = Callable[[str, int, int], None]

_STYLES = {"error": "bold red", "warning": "bold yellow", "help": "green", "note": "cyan"}


def complain(diagnostics: Iterable[Diagnostic]) -> None:
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


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr)


@contextmanager
def progress(wanted: bool) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, where that is a terminal and wanted."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task("", what="")

        def show(what: str, done: int, total: int) -> None:
            bar.update(row, what=what, completed=done, total=total)

        yield show
