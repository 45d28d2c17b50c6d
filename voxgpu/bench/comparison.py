"""A program on several devices: equal results first, then times that are taken in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.validate import difference
from voxgpu.bench.job import Column, Job
from voxgpu.bench.measure import Timing, in_turn
from voxgpu.bench.results import Delivered, differing, first_difference
from voxgpu.bench.worker import Checked, Refused
from voxgpu.bench.worker_process import WorkerFailed, WorkerProcess, run_cold
from voxgpu.diagnostics import Diagnostic, ImgqlError, Note
from voxgpu.temporary_files import temporary_folder

#: Called with what is done next, how many runs were done, and how many there are.
Tell = Callable[[str, int, int], None]


@dataclass
class Comparison:
    """What was measured.

    columns  those that were measured; the first is what the others are compared with
    absent   columns that cannot be used here, by name, with the reasons
    results  printed values and saved files, equal in all columns
    bytes    bytes that the steps of a column read and wrote
    timings  by mode and column
    """

    columns: list[Column] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    results: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    timings: dict[str, dict[str, Timing]] = field(default_factory=dict)

    def speed_up(self, mode: str, column: str) -> float:
        """How many times as fast as the first column."""
        rows = self.timings[mode]
        return rows[self.columns[0].name].wall / rows[column].wall

    def bytes_per_second(self, mode: str, column: str) -> float | None:
        """Bytes that steps read and wrote per second of a run; None where steps are not all run."""
        return self.bytes[column] / self.timings[mode][column].wall if mode == "warm" else None


def compare(
    job: Job, columns: Sequence[Column], modes: Sequence[str], repeat: int, tell: Tell
) -> Comparison:
    """Run a program on all columns, and time it where all have the same results.

    repeat  runs of each column in each mode; the columns take turns

    Raises ImgqlError for mistakes in the program, for a goal that fails, and for a difference
    between columns; WorkerFailed if a process fails otherwise. What the program saves, and all
    caches, are in a temporary folder.
    """
    found = Comparison()
    total = len(columns) * (1 + repeat * len(modes))
    done = count()

    def told(what: str) -> None:
        tell(what, next(done), total)

    with temporary_folder("bench") as folder, ExitStack() as stack:
        workers: dict[str, WorkerProcess] = {}
        checked: dict[str, Checked] = {}
        for number, column in enumerate(columns):
            told(f"comparing {column.name}")
            worker = stack.enter_context(WorkerProcess(job, column, folder / f"worker{number}"))
            answer = worker.answer("check")
            if isinstance(answer, Refused):
                if not answer.is_absent:
                    _fail(column, answer)
                found.absent[column.name] = answer.diagnostics[0].message
                continue
            found.columns.append(column)
            workers[column.name], checked[column.name] = worker, answer
        if not found.columns:
            raise ImgqlError([Diagnostic("E501", each) for each in found.absent.values()])
        assert_equal(workers, checked, folder)
        found.results = len(checked[found.columns[0].name].delivered)
        found.bytes = {name: each.bytes for name, each in checked.items()}
        numbers = count()

        def cold(column: Column, with_store: bool) -> Timing:
            told(f"cold: {column.name}")
            place = folder / f"cold{next(numbers)}"
            try:
                return run_cold(job, column, place, with_store)
            finally:
                shutil.rmtree(place, ignore_errors=True)

        def warm(column: Column, store: Path | None) -> Timing:
            told(f"warm: {column.name}")
            timing: Timing = workers[column.name].ask("run", store)
            return timing

        for mode in modes:
            works: dict[str, Callable[[], Timing]] = {}
            for number, column in enumerate(found.columns):
                if mode.startswith("cold"):
                    works[column.name] = partial(cold, column, mode == "cold-store")
                    continue
                store = folder / f"store{number}" if mode == "warm-store" else None
                workers[column.name].ask("run", store)  # fills caches, and the store
                works[column.name] = partial(warm, column, store)
            found.timings[mode] = in_turn(works, repeat)
    return found


def _fail(column: Column, answer: Refused) -> None:
    if answer.diagnostics:
        raise ImgqlError(answer.diagnostics)
    raise WorkerFailed(f"the run on {column.name} failed:\n{answer.problem}")


def assert_equal(
    workers: dict[str, WorkerProcess], checked: dict[str, Checked], folder: Path
) -> None:
    """Raises ImgqlError that tells the first difference between the first column and another."""
    first, *others = workers
    for other in others:
        found = first_difference(checked[first].delivered, checked[other].delivered)
        if found is None:
            continue
        notes = [
            Note(f"on {name}: {each.message}", each.span)
            for name in (first, other)
            for each in workers[name].ask("validate")[:1]
        ]
        text = _told(first, other, found, workers, folder)
        hint = "a primitive must have the same value each time; if all have: please report it"
        raise ImgqlError([Diagnostic("E306", text, found[0].span, tuple(notes), hint)])


def _told(
    first: str,
    other: str,
    found: tuple[Delivered, Delivered],
    workers: dict[str, WorkerProcess],
    folder: Path,
) -> str:
    one, two = found
    if one.action == "print":
        told = difference(two.value, one.value)
    else:
        images: list[list[npt.NDArray[Any]]] = []
        for name, each in ((first, one), (other, two)):
            path = folder / f"{len(images)}.npz"
            workers[name].ask("give", each.number, path)
            with np.load(path) as arrays:
                images.append([arrays[key] for key in arrays.files])
        theirs, ours = differing(images[1], images[0])
        told = difference(theirs, ours)
    return f"`{one.label}` on {other} {told.replace('by the reference', f'on {first}')}"
