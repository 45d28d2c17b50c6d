"""Progress of a cohort that another process runs or ran, from its journals.

A run notes in its journal when it begins, with how many rows there are in the end, and when it
ends; what came between are rows. Where it was killed, the second is missing, and nobody holds the
lock.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any

from voxgpu.cohorts.events import RUN_BEGINS, RUN_ENDS, Event, happened, process_data
from voxgpu.cohorts.journal import Journal, is_locked, lines_of
from voxgpu.cohorts.part import journal_beside
from voxgpu.cohorts.row import DONE, Row
from voxgpu.cohorts.run import Cohort
from voxgpu.cohorts.summary import FailureGroup
from voxgpu.cohorts.tally import Standing
from voxgpu.files.errors import FileError
from voxgpu.frozen import frozen
from voxgpu.version import __version__

#: What a run may be.
RUNNING, ENDED, INTERRUPTED, KILLED, UNKNOWN = (
    "running",
    "ended",
    "interrupted",
    "killed",
    "unknown",
)

#: Rows that are shown: the last ones.
_LAST = 5


@frozen
class JournalStatus:
    """How far the run of one journal is.

    about  what its rows are of
    begin  what the run noted when it began, see `noting`; empty if it noted nothing
    state  one of the constants of this module
    lived  seconds that it has run, or did until its last line
    last   the rows that ended last, the latest at the end
    wrong  the rows of this run that failed
    """

    path: Path
    about: Mapping[str, Any]
    begin: Mapping[str, Any]
    state: str
    standing: Standing
    lived: float
    last: Sequence[Row]
    wrong: Sequence[Row] = field(repr=False, default=())

    @property
    def part(self) -> tuple[int, int] | None:
        """The number of the part of the cohort, from 1, and the number of parts."""
        text = self.begin.get("part")
        if not text:
            return None
        number, _, count = str(text).partition("/")
        return int(number), int(count)


def noting(journal: Journal) -> Callable[[Event], None]:
    """A listener that notes in a journal when a run begins and ends."""

    def note(event: Event) -> None:
        if event.kind in (RUN_BEGINS, RUN_ENDS):
            journal.note({"event": event.kind, "at": event.time, **event.data})

    return note


def run_begins(cohort: Cohort, total: int, known: int) -> Event:
    """The event of a run that begins now.

    total, known  rows that there are in the end, and that were there before
    """
    return happened(
        RUN_BEGINS,
        program=str(cohort.program.path or cohort.program.source.name),
        cases=len(cohort.own_numbers),
        combinations=len(cohort.combinations),
        part=None if cohort.part is None else "{}/{}".format(*cohort.part),
        rows=total,
        all_rows=len(cohort.cases) * len(cohort.combinations),
        known=known,
        voxgpu=__version__,
        **process_data(""),
    )


def run_ends(error: BaseException | None, seconds: float, **counts: int) -> Event:
    """The event of a run that ends now, because of an error or because nothing is left."""
    how = ENDED if error is None else f"{INTERRUPTED}: {type(error).__name__}"
    return happened(RUN_ENDS, how=how, **counts, seconds=round(seconds, 3), **process_data(""))


def status_of(path: Path, now: float | None = None) -> JournalStatus:
    """The progress of a journal's run, which may still be running.

    now  seconds since 1970

    Raises FileError if it is not a journal.
    """
    now = time.time() if now is None else now
    # First, so that a run that ends meanwhile is not one that was killed.
    locked, modified = is_locked(path), _modified(path)
    lines = lines_of(path)
    about = next(lines)["about"]
    begin: dict[str, Any] = {}
    end: dict[str, Any] | None = None
    # Plain data, and rows only where they are shown: a journal may have a million.
    errors: dict[tuple[object, ...], Mapping[str, Any] | None] = {}
    last: deque[Mapping[str, Any]] = deque(maxlen=_LAST)
    for data in lines:
        kind = data.get("event")
        if kind == RUN_BEGINS:
            # What ended before has values, and is known, or is run again.
            begin, end, errors = data, None, {}
        elif kind == RUN_ENDS:
            end = data
        elif "combination" in data:
            key = data.get("case"), *data["combination"].values()
            errors[key] = None if data.get("status") == DONE else data
            last.append(data)
    state = _state(locked, end, bool(begin))
    wrong = _rows(each for each in errors.values() if each is not None)
    until = now if state == RUNNING else float(end["at"]) if end is not None else modified
    lived = max(0.0, until - float(begin.get("at", until)))
    known = int(begin.get("known", 0))
    total = int(begin.get("rows", len(errors)))
    rate = len(errors) / lived if lived > 0 else 0.0
    noun = "cases" if begin.get("combinations") == 1 else "rows"
    standing = Standing(total, known + len(errors) - len(wrong), len(wrong), rate, noun)
    return JournalStatus(path, about, begin, state, standing, lived, _rows(last), wrong)


def _state(locked: bool | None, end: Mapping[str, Any] | None, has_begun: bool) -> str:
    if end is not None:
        return ENDED if end.get("how") == ENDED else INTERRUPTED
    if locked:
        return RUNNING
    if locked is None or not has_begun:
        return UNKNOWN
    return KILLED


def _rows(lines: Iterable[Mapping[str, Any]]) -> list[Row]:
    found = []
    for each in lines:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found.append(Row.from_json(each))
    return found


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def together(parts: Sequence[JournalStatus]) -> Standing:
    """How far the cohort is that these parts are of.

    Parts without a journal have not begun: their rows are left. The rate is that of parts that
    run; where none does, that of all.
    """
    running = [each for each in parts if each.state == RUNNING] or parts
    rows = sum(each.standing.total for each in parts)
    whole = max((int(each.begin.get("all_rows", 0)) for each in parts), default=0)
    return Standing(
        total=max(whole, rows),
        done=sum(each.standing.done for each in parts),
        failed=sum(each.standing.failed for each in parts),
        rate=sum(each.standing.rate for each in running),
        noun=parts[0].standing.noun,
    )


def missing_parts(parts: Sequence[JournalStatus]) -> list[int]:
    """The numbers of parts that have no journal yet."""
    there = [each.part for each in parts]
    if not there or None in there:
        return []
    numbers = {each[0] for each in there if each is not None}
    count = max(each[1] for each in there if each is not None)
    return [number for number in range(1, count + 1) if number not in numbers]


def journals_of(path: Path) -> list[Path]:
    """The journals that a name stands for: a journal, that of a table, or those of its parts.

    Raises FileError where there are none.
    """
    if path.name.endswith(".journal") and path.exists():
        return [path]
    own = journal_beside(path)
    if own.exists():
        return [own]
    escaped = "".join(f"[{letter}]" if letter in "[*?" else letter for letter in path.stem)
    parts = sorted(path.parent.glob(f"{escaped}.part-*-of-*{path.suffix}.journal"))
    if not parts:
        raise FileError(str(path), "there is no journal of this name or of this table")
    return parts


def of_one_division(parts: Iterable[JournalStatus]) -> list[JournalStatus]:
    """Those of the cohort's parts that are of as many parts as the one that began last."""
    every = list(parts)
    newest = max(every, key=lambda each: float(each.begin.get("at", 0)))
    count = None if newest.part is None else newest.part[1]
    return [each for each in every if (None if each.part is None else each.part[1]) == count]


def as_json(parts: Sequence[JournalStatus], failures: Sequence[FailureGroup]) -> str:
    """Everything about these journals, as one JSON object."""
    standing = together(parts)
    found = {
        "running": any(each.state == RUNNING for each in parts),
        **_numbers(standing),
        "failures": [
            {"error": each.message, "cases": list(each.cases), "rows": each.rows}
            for each in failures
        ],
        "not_begun": missing_parts(parts),
        "journals": [
            {
                "path": str(each.path),
                "state": each.state,
                "begin": dict(each.begin),
                "seconds": round(each.lived, 3),
                **_numbers(each.standing),
                "last": [row.as_json() for row in each.last],
            }
            for each in parts
        ],
    }
    return json.dumps(found, indent=2)


def _numbers(standing: Standing) -> dict[str, Any]:
    return {
        "total": standing.total,
        "done": standing.done,
        "failed": standing.failed,
        "left": standing.left,
        "rate_per_second": standing.rate,
        "seconds_left": standing.seconds_left,
    }
