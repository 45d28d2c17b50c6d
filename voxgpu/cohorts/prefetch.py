"""Reading the files of the next case while one is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from voxgpu.cohorts.attempts import Task
from voxgpu.cohorts.evaluate import CaseSession, Program


def reading_ahead(session: CaseSession, program: Program, tasks: Iterable[Task]) -> Iterator[Task]:
    """The tasks; while one is computed, the files of the next are read on a thread."""
    rest = iter(tasks)
    task = next(rest, None)
    thread = ThreadPoolExecutor(1, "ahead")
    try:
        while task is not None:
            following = next(rest, None)
            if following is not None:
                case, combinations = following
                thread.submit(session.read_ahead, program, case, combinations[0])
            yield task
            task = following
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
