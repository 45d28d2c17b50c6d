"""What a terminal shows of a cohort: a line for each worker, as far as they fit, and a bar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from voxgpu.cli.cohort.watch import Lines
from voxgpu.cohorts.events import CASE_BEGINS, CASE_ENDS, WORKER_LOST, Event
from voxgpu.cohorts.tally import Standing, duration

if TYPE_CHECKING:
    from voxgpu.cohorts.log import EventLog

#: Times a second that the terminal is drawn.
_REFRESHES = 2.0

#: Workers that are shown at most.
_MOST_WORKERS = 12


class Display(Lines):
    """Shows workers and a bar in the last lines of a terminal; failures above them.

    console  that of rich; None for stderr
    """

    def __init__(self, log: EventLog | None = None, console: Console | None = None) -> None:
        super().__init__(log)
        self._console = console or Console(stderr=True)
        #: By worker, its host if there are several, its case, and since when.
        self._working: dict[tuple[str, str], tuple[str, float]] = {}
        # What others write to stderr appears above; results go to stdout, wherever it leads.
        self._live = Live(
            get_renderable=self.drawn,
            console=self._console,
            refresh_per_second=_REFRESHES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=True,
        )

    def tell(self, event: Event) -> None:
        """Note an event: who works on what."""
        super().tell(event)
        data = event.data
        if "worker" not in data:
            return
        worker = (data["worker"], data["host"])
        with self._lock:
            if event.kind == CASE_BEGINS:
                # Clocks of other computers may be wrong: it begins when it is heard of.
                self._working[worker] = data["case"], time.monotonic()
            elif event.kind in (CASE_ENDS, WORKER_LOST):
                self._working.pop(worker, None)

    def drawn(self) -> Group | Text:
        """What is shown now: at most 12 workers, and no more than fit the terminal."""
        now = time.monotonic()
        with self._lock:
            standing = self._tally.standing(now) if self._tally is not None else None
            working = sorted(self._working.items(), key=lambda each: each[1][1])
        if standing is None:
            return Text("")
        most = max(1, min(_MOST_WORKERS, self._console.size.height - 4))
        if len(working) > most:
            # Those that have been on their case for longest.
            shown, others = working[: most - 1], len(working) - most + 1
        else:
            shown, others = working, 0
        lines = [_line(self._console.width, *each, now) for each in sorted(shown, key=_natural)]
        if others:
            lines.append(Text(f"and {others} more workers", style="dim"))
        return Group(*lines, _bar(standing, self._console.width))

    def _show_begin(self) -> None:
        self._live.start()

    def _show_end(self) -> None:
        self._live.stop()
        super()._show_end()


def _natural(each: tuple[tuple[str, str], tuple[str, float]]) -> tuple[int, str, str]:
    (worker, host), _ = each
    return int(worker) if worker.isdigit() else 1 << 60, worker, host


def _line(width: int, worker: tuple[str, str], task: tuple[str, float], now: float) -> Text:
    (name, host), (case, since) = worker, task
    begin = f"worker {name} " + (f"on {host} " if not name.isdigit() else "") if name else ""
    text = Text(no_wrap=True, overflow="ellipsis", end="\n")
    text.append(begin, style="dim")
    end = f"  {duration(now - since)}"
    room = max(8, width - len(begin) - len(end) - 1)
    text.append(case if len(case) <= room else "…" + case[-room + 1 :])
    text.append(end, style="cyan")
    return text


def _bar(standing: Standing, width: int) -> Table:
    text = Text(str(standing), no_wrap=True, overflow="ellipsis")
    ended = standing.done + standing.failed
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        ProgressBar(total=max(1, standing.total), completed=ended, width=max(5, width // 4)), text
    )
    return grid
