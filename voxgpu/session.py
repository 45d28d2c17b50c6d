"""How is a program run, in parts where it has to be, and what does the caller get?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.backends.select import BackendSelector, FixedBackend
from voxgpu.caches.notices import untold
from voxgpu.compile import Compiled
from voxgpu.deferred import DeferredValue
from voxgpu.diagnostics import Diagnostic, Failure, ImgqlError, at_trace, failures
from voxgpu.execution.engine import Deliver, Outcome
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.memory_budget import MemoryBudget
from voxgpu.execution.missing_items import MissingItem, failures_of, name_of
from voxgpu.execution.outputs import OutputWriter, Printed, Saved
from voxgpu.execution.result import Result
from voxgpu.execution.retention import RetentionPolicy
from voxgpu.execution.rounding import is_of_rounding, roundings
from voxgpu.execution.runner import Runner
from voxgpu.files.access import AllowedRoots
from voxgpu.files.errors import FileError
from voxgpu.files.write import form_of
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import UndefinedValueError, Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.store.history import History
from voxgpu.store.output_digests import SavedFiles
from voxgpu.store.session_cache import SessionCache
from voxgpu.store.tiered_store import TieredStore

__all__ = ["Result", "Session", "backend_of", "execute"]


def _silent(_: Printed | Saved) -> None:
    """Tells nothing."""


class Session(AbstractContextManager["Session"]):
    """Runs programs, and parts of programs that are still being lowered; computes nothing twice.

    output   the folder for relative names of files; None: nothing is written, images are returned
    keeping  keep values for the next program, as long as there is memory for them
    backend  on what to compute, or what chooses that plan by plan; None: the reference
    store    what outlives the session; None: nothing
    memory   bytes that the process may take; None: what is available
    images   whether results hold the images that were saved to files
    force    write files also where they are there already
    threads  how many read and write where there is nothing to compute; None: one a core
    on_saved called with each file when it is there, from any thread
    """

    def __init__(
        self,
        output: Path | None,
        roots: AllowedRoots | None = None,
        on_print: Callable[[Printed], None] = _silent,
        observe: Observer = ignore,
        keeping: bool = False,
        backend: Backend | BackendSelector | None = None,
        store: TieredStore | None = None,
        memory: int | None = None,
        images: bool = True,
        force: bool = False,
        threads: int | None = None,
        on_saved: Callable[[Saved], None] = _silent,
    ) -> None:
        self._output = output
        self._roots = roots or AllowedRoots()
        self._on_print, self._on_saved = on_print, on_saved
        self._is_keeping = keeping
        self._store = store
        self._images = images
        self._force = force
        room = MemoryBudget(memory)
        self._keeping = RetentionPolicy(
            SessionCache(room.for_kept()), store or TieredStore(policy="none")
        )
        if store is not None:
            store.use_memory(room.bytes() // 8)
        spills = store.spills if store is not None else None
        devices = (
            backend
            if isinstance(backend, BackendSelector)
            else FixedBackend(backend or ReferenceBackend())
        )
        self._runner = Runner(devices, self._keeping, room, spills, threads, observe)
        self._doubts: dict[Diagnostic, None] = {}
        #: Images with whole numbers that arithmetic would round, whoever of them uses it.
        self._rounded: dict[ValueId, str] = {}
        self._computed: list[ValueId] = []
        self._reused: list[ValueId] = []
        self._seconds = 0.0
        self._told: set[str] = set()
        self._process = os.getpid()
        self._delivering: tuple[OutputWriter, Plan] | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes; after Ctrl-C what was not yet written to the store is not waited for."""
        self.close(interrupted=kind is not None and not issubclass(kind, Exception))

    def close(self, interrupted: bool = False) -> None:
        """Ends the threads of the backend and writes what the store is to keep.

        In a process that was forked from the session's, nothing: both are the parent's to do.
        """
        if self._process != os.getpid():
            return
        if self._store is not None and not interrupted:
            self._store.flush()  # what waits to be written may still be on a device
        self._runner.close()
        if self._store is not None:
            self._store.close(interrupted)

    def deliver_to(self, output: Path | None, roots: AllowedRoots) -> None:
        """Says for the next program where files go, and forgets a former one that did not end."""
        self._output, self._roots = output, roots
        self._doubts, self._computed, self._reused, self._seconds = {}, [], [], 0.0
        self._runner.warnings.clear()

    def ask(self, plan: Plan, ids: Sequence[ValueId]) -> dict[ValueId, Value | Diagnostic]:
        """The values of nodes, or what went wrong; raises ImgqlError where memory is short.

        Numbers, truth values, strings and sequences that were computed on the way are told, too.
        """
        goals = tuple(Goal("find", id, "", plan.origins[id][0], plan.origins[id][0]) for id in ids)
        asked = replace(plan, goals=goals)
        found: dict[ValueId, Value | Diagnostic] = {}
        outcome = self._run(asked, lambda goal, value: found.update({goal.value: value}), False)
        for goal, failed, error in outcome.failures:
            found[goal.value] = _explain(asked, goal, failed, error)
        for id in (*outcome.computed, *outcome.reused):
            value = self._keeping.memory.get(id)
            if value is not None and not isinstance(value, Image | DeferredValue):
                found.setdefault(id, value)
        return found

    def execute(self, compiled: Compiled) -> Result:
        """Runs a program. Raises ImgqlError where it has errors, or memory is short."""
        self._refuse_in_child()
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        plan = compiled.plan
        deliveries = self._deliveries()
        self._delivering = deliveries, plan
        saved = deliveries.already_saved(plan)
        left = tuple(goal for place, goal in enumerate(plan.goals) if place not in saved)
        asked = replace(plan, goals=left)
        try:
            outcome = self._run(asked, deliveries.deliver, not self._is_keeping)
        finally:
            deliveries.close()
        self._remember(compiled)
        for id, doubt in roundings(plan, self._rounded):
            self._doubts[at_trace("W302", doubt, plan.origins.get(id, ()))] = None
        warnings = [each for each in compiled.diagnostics if not each.is_error]
        warnings += [*self._doubts, *self._runner.warnings, *deliveries.warnings_of(plan.goals)]
        errors = failures([*plan.failures, *_failed(plan, outcome, deliveries.missing)])
        result = Result(
            tuple(deliveries.printed),
            deliveries.saved_of(plan.goals),
            errors,
            tuple([*warnings, *self._problems()]),
            self._seconds,
            len({*plan.nodes, *self._computed}),
            len(self._computed),
            len(set(self._reused)),
            tuple(deliveries.found),
        )
        self._doubts, self._computed, self._reused, self._seconds = {}, [], [], 0.0
        self._runner.warnings.clear()
        return result

    def so_far(self) -> Result:
        """What was delivered of a program that is still being run, or was interrupted."""
        prints: tuple[Printed, ...] = ()
        saved: tuple[Saved, ...] = ()
        if self._delivering is not None:
            deliveries, plan = self._delivering
            prints, saved = tuple(deliveries.printed), deliveries.saved_of(plan.goals)
        seconds, computed, reused = self._seconds, len(self._computed), len(set(self._reused))
        return Result(prints, saved, (), (), seconds, 0, computed, reused, interrupted=True)

    def _refuse_in_child(self) -> None:
        """Raises ImgqlError in a process that was forked: the session's threads are not there."""
        if self._process != os.getpid():
            message = "this session belongs to the process that this one was forked from"
            hint = "make a session of its own in each process, or use voxgpu.run"
            raise ImgqlError([Diagnostic("E305", message, help=hint)])

    def _deliveries(self) -> OutputWriter:
        disk = self._store.disk if self._store is not None else None
        files = SavedFiles(disk.index, form_of) if disk is not None else None
        return OutputWriter(
            self._output,
            self._roots,
            self._on_print,
            self._on_saved,
            self._images,
            files,
            self._force,
        )

    def _run(self, plan: Plan, deliver: Deliver, is_last: bool) -> Outcome:
        self._refuse_in_child()
        start = perf_counter()
        outcome = self._runner.run(plan, deliver, is_last)
        for id, doubt in outcome.warnings:
            if is_of_rounding(doubt):
                self._rounded[id] = doubt
                continue
            self._doubts[at_trace("W302", doubt, plan.origins.get(id, ()))] = None
        self._computed += outcome.computed
        self._reused += outcome.reused
        self._seconds += perf_counter() - start
        return outcome

    def _remember(self, compiled: Compiled) -> None:
        """Notes in the store what was run, so that it can be compared with what will be."""
        if self._store is None:
            return
        self._store.flush()
        if self._store.disk is not None:
            nodes = compiled.plan.nodes
            sources = (CONSTANT, LOAD)
            made = [
                id for id in self._computed if id in nodes and nodes[id].primitive not in sources
            ]
            self._store.disk.count(hits=len(set(self._reused)), misses=len(made))
            History(self._store.disk.index).note(compiled.plan, compiled.source.name)

    def _problems(self) -> list[Diagnostic]:
        """What kept results or compiled kernels from being kept, told once."""
        problems = dict.fromkeys(self._store.problems, "") if self._store is not None else {}
        problems |= self._store.refused if self._store is not None else {}
        new = [each for each in problems if each not in self._told]
        self._told.update(new)
        caches = [Diagnostic("W402", text, help=help) for text, help in untold()]
        return [*caches, *(Diagnostic("W401", each, help=problems[each]) for each in new)]


def backend_of(device: str, threads: int | None = None) -> Backend:
    """The backend for what ``--device`` says, whatever the plan; ``auto`` is the CPU.

    Raises ValueError where there is no such device, ImgqlError where it cannot be used.
    """
    device = "cpu" if device == "auto" else device
    return BackendSelector(device, threads).of(Plan({}, {}, ()))


def execute(
    compiled: Compiled,
    output: Path | None,
    roots: AllowedRoots | None = None,
    on_print: Callable[[Printed], None] = _silent,
    observe: Observer = ignore,
    device: str = "auto",
) -> Result:
    """Runs a compiled program on its own; see ``Session``."""
    devices = BackendSelector(device)
    with Session(output, roots, on_print, observe, backend=devices) as session:
        return session.execute(compiled)


def _failed(plan: Plan, outcome: Outcome, missing: Sequence[MissingItem]) -> list[Failure]:
    """The goals that failed, and those of which items did, in the order of the goals."""
    order = {id(goal): place for place, goal in enumerate(plan.goals)}
    found = [
        (order[id(each[0])], Failure(name_of(each[0]), "", _explain(plan, *each)))
        for each in outcome.failures
    ]
    for each in missing:
        told = failures_of(each, lambda failed, error: _reason(plan, failed, error))
        found += [(order[id(each.goal)], failure) for failure in told]
    return [failure for _, failure in sorted(found, key=lambda pair: pair[0])]


def _explain(plan: Plan, goal: Goal, failed: ValueId | None, error: Exception) -> Diagnostic:
    """Why a goal could not be delivered."""
    if failed is None:
        return Diagnostic("E303", str(error), goal.label_span, help=getattr(error, "help", ""))
    return _reason(plan, failed, error)


def _reason(plan: Plan, failed: ValueId, error: Exception) -> Diagnostic:
    """Why a node failed."""
    trace = plan.origins.get(failed, ())
    match error:
        case UndefinedValueError():
            return at_trace("E301", str(error), trace)
        case FileError():
            return at_trace("E201", str(error), trace, help=error.help)
        case MemoryError():
            return at_trace("E302", str(error) or "out of memory", trace)
        case _:
            what = f"{type(error).__name__}: {error}"
            hint = "this is a defect of voxgpu, not of the program: please report it"
            return at_trace("E304", what, trace, help=hint)
