"""The process that runs a program for one column: checked once, then as often as it is told."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, BinaryIO

import numpy as np

from voxgpu.backends.select import Selection
from voxgpu.bench.job import Column, Job
from voxgpu.bench.measure import Timing
from voxgpu.bench.results import Delivered, delivered
from voxgpu.compile import Compiled
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.execution.outputs import Saved
from voxgpu.files.access import AllowedRoots
from voxgpu.frozen import frozen
from voxgpu.plan.node import Goal, Plan
from voxgpu.profiling.table import Known, task_times
from voxgpu.session import Result, Session, open_session
from voxgpu.session_settings import SessionListeners, SessionSettings
from voxgpu.spans import Recorder, recording
from voxgpu.store.open import StoreOptions


@frozen
class Checked:
    """The results of the first run.

    device     the device that was chosen
    delivered  what each goal gave
    bytes      bytes that its steps read and wrote
    """

    device: str
    delivered: tuple[Delivered, ...]
    bytes: int


@frozen
class Refused:
    """Why something was not done.

    diagnostics  the mistakes in the program, or what failed
    problem      anything else that was raised
    is_absent    the device cannot be used
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    problem: str = ""
    is_absent: bool = False


class Worker:
    """Runs a program on the device of a column; all that it saves goes to ``folder``."""

    def __init__(self, job: Job, column: Column, folder: Path) -> None:
        self._job, self._column, self._folder = job, column, folder
        self._device = ""
        self._session: Session | None = None
        self._store: Path | None = None
        self._saved: Sequence[Saved] = ()

    def check(self) -> Checked:
        """Run the program for the first time, and keep its images for `give`."""
        recorder = Recorder()
        with recording(recorder), self._open(None, images=True) as session:
            compiled = self._compiled(session)
            result = _successful(session.execute(compiled))
        self._saved = result.saved
        times = task_times(recorder.spans, Known.of(recorder.plans))
        moved = sum(each.bytes_read + each.bytes_written for each in times)
        self._clear()
        return Checked(self._device, delivered(compiled.plan, result), moved)

    def give(self, goal: int, path: Path) -> None:
        """Write the voxels of the images that the save of this number saved."""
        images = self._saved[goal].images
        np.savez(path, *[each.array for each in images])

    def validate(self) -> tuple[Diagnostic, ...]:
        """The first step that differs from the reference, as a diagnostic; empty if none does."""
        try:
            with self._open(None, validate=True) as session:
                session.execute(self._compiled(session))
        except ImgqlError as error:
            return tuple(error.diagnostics)
        finally:
            self._clear()
        return ()

    def run(self, store: Path | None) -> Timing:
        """Compile and run the program once, as if for the first time in this session."""
        self._saved = ()
        session = self._session
        if session is None or store != self._store:
            self.close()  # its memory would count for the next one
            session = self._session = self._open(store)
            self._store = store
        session.forget()
        gc.collect()
        is_peak_known = _forget_peak()
        start, cpu = perf_counter(), process_time()
        compiled = self._compiled(session)
        gc.freeze()  # as `voxgpu run` does
        result = session.execute(compiled)
        wall, used = perf_counter() - start, process_time() - cpu
        gc.unfreeze()
        _successful(result)
        self._clear()
        return Timing(wall, used, _peak() if is_peak_known else 0.0)

    def close(self) -> None:
        """Close the session, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self, store: Path | None, images: bool = False, validate: bool = False) -> Session:
        def note(chosen: Selection) -> None:
            self._device = chosen.name

        settings = SessionSettings(
            device=self._column.device,
            threads=self._column.threads,
            memory=self._job.memory,
            store=None if store is None else StoreOptions(store),
            output=self._folder,
            roots=AllowedRoots(self._job.options.roots.read),
            keep_images=images,
            force_save=store is None,
            validate=validate,
        )
        return open_session(settings, SessionListeners(on_device=note))

    def _compiled(self, session: Session) -> Compiled:
        job = self._job
        compiled = session.compile(job.source, job.path, job.options)
        if compiled.errors:
            raise ImgqlError(compiled.errors)
        return replace(compiled, plan=_saving_to(self._folder, compiled.plan))

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)


def _saving_to(folder: Path, plan: Plan) -> Plan:
    """The plan with all files, wherever the program saves them, in one folder."""
    names: dict[str, str] = {}
    for goal in plan.goals:
        if goal.action == "save":
            name = Path(goal.label).name
            names.setdefault(goal.target, str(folder / f"{len(names)}-{name}"))

    def moved(goal: Goal) -> Goal:
        if goal.action != "save":
            return replace(goal, paths=frozenset())
        path = names[goal.target]
        return replace(goal, label=path, file=path)

    return replace(plan, goals=tuple(map(moved, plan.goals)))


def _successful(result: Result) -> Result:
    if result.errors:
        raise ImgqlError(result.errors)
    return result


def _forget_peak() -> bool:
    """Make the system forget this process's peak memory; returns whether it does, as Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return True
    return False


def _peak() -> float:
    """Bytes of peak memory since they were forgotten."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    return 0.0


def once(path: str) -> None:
    """Run the program of a pickled (job, column, folder, store), from the start of a process."""
    job, column, folder, store = pickle.loads(Path(path).read_bytes())
    worker = Worker(job, column, folder)
    try:
        worker.run(store)
    except ImgqlError as error:
        sys.exit("\n".join(map(str, error.diagnostics)))
    worker.close()


def serve() -> None:
    """Answer requests on stdin, each the name of a method with its arguments, on stdout."""
    # Ctrl-C is for the process that started this one, which ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what primitives print is no answer
    requests = sys.stdin.buffer
    worker = Worker(*pickle.load(requests))
    try:
        while True:
            name, *arguments = pickle.load(requests)
            _send(answers, _answer(worker, name, arguments))
    except EOFError:
        return  # the process that started this one has ended


def _answer(worker: Worker, name: str, arguments: Sequence[Any]) -> Any:
    try:
        return getattr(worker, name)(*arguments)
    except ImgqlError as error:
        found = tuple(error.diagnostics)
        return Refused(found, is_absent=all(each.code == "E501" for each in found))
    except Exception:
        return Refused(problem=traceback.format_exc())


def _send(answers: BinaryIO, answer: Any) -> None:
    pickle.dump(answer, answers)
    answers.flush()
