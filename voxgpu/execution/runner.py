"""The runner: prunes a plan, prepares it for a backend and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.backends.thread_pool import ThreadPool, usable_cores
from voxgpu.byte_sizes import memory_text
from voxgpu.deferred import DeviceLost, is_deferred
from voxgpu.diagnostics import Diagnostic, ImgqlError, at_trace
from voxgpu.execution.create_executor import AUTO, create_executor
from voxgpu.execution.engine import Outcome, run
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.host_offload import HostOffload
from voxgpu.execution.memory_budget import (
    MemoryBudget,
    available_bytes,
    tightest,
    trim_malloc,
)
from voxgpu.execution.retention import RetentionPolicy
from voxgpu.execution.run_io import Deliver, RunIO
from voxgpu.execution.spill import SpillFolder, remove_left_behind
from voxgpu.files.errors import FileError
from voxgpu.files.read_ahead import ReadAhead
from voxgpu.garbage import held_back
from voxgpu.ids import ValueId
from voxgpu.optimize.passes import Available, prepare
from voxgpu.optimize.prune import prune
from voxgpu.optimize.schedule import Schedule, Task, bytes_of_type
from voxgpu.plan.node import Plan
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.spans import note_plan


class Backends(Protocol):
    """Chooses a backend for each plan."""

    def of(self, plan: Plan) -> Backend:
        """Returns the backend for a pruned plan, which may differ between plans."""

    def use_cpu(self) -> None:
        """Returns the CPU for all further plans, since a device was lost."""

    def close(self) -> None:
        """Closes all backends."""


#: Bytes assumed to be available; checking would take longer than most small plans.
_SMALL = 64 * 2**20


class _Idle(ReferenceBackend):
    """The backend of plans whose values are all available: it only reads and writes."""

    def __init__(self, threads: int) -> None:
        self.workers = ThreadPool(threads) if threads > 1 else None


class Runner:
    """Runs consecutive plans.

    backends chooses the backend
    keeping  provides values of earlier plans and retains new ones
    room     the memory that values may take
    spills   the parent folder for spilled values; None: the system's temporary folder
    threads  number of threads that read and write files; None: one per core
    executor name of the executor that performs the tasks, see ``create_executor``
    ahead    what is read of files before it is asked for
    warnings collected warnings about memory
    """

    def __init__(
        self,
        backends: Backends,
        keeping: RetentionPolicy,
        room: MemoryBudget,
        spills: Path | None = None,
        threads: int | None = None,
        observe: Observer = ignore,
        executor: str = AUTO,
        ahead: ReadAhead | None = None,
    ) -> None:
        self._backends = backends
        self._idle = _Idle(threads or usable_cores())
        self._keeping = keeping
        self._room = room
        self._spills = spills
        self._observe = observe
        self._executor = executor
        self._ahead = ahead or ReadAhead()
        #: Bytes at the peak of the largest plan so far; None before the first.
        self._peak: int | None = None
        self.warnings: dict[Diagnostic, None] = {}

    def close(self) -> None:
        """Stops the threads; removes spill files that killed processes left."""
        self._backends.close()
        remove_left_behind(self._spills)

    def run(self, plan: Plan, deliver: Deliver, is_last: bool) -> Outcome:
        """Delivers the goals of a plan; after the last plan nothing is kept in memory.

        Values that turn out to be missing from the store are recomputed. Raises ImgqlError if a
        step needs more memory than is available.
        """
        total = Outcome()
        there: dict[ValueId, Value] = {}
        lost: set[ValueId] = set()
        left = plan
        while True:
            with held_back():
                outcome = self._run(plan, left, deliver, there, lost, is_last)
            total.computed += outcome.computed
            total.reused += outcome.reused
            total.warnings += outcome.warnings
            total.failures += outcome.failures
            if outcome.device_error is not None:
                self._go_on_without(outcome.device_error)
                there = {key: each for key, each in outcome.values.items() if not is_deferred(each)}
                left = replace(plan, goals=outcome.remaining_goals)
                continue
            if not outcome.lost_values:
                order = {id(goal): place for place, goal in enumerate(plan.goals)}
                total.failures.sort(key=lambda failure: order[id(failure[0])])
                return total
            lost |= outcome.lost_values
            there, left = outcome.values, replace(plan, goals=outcome.remaining_goals)

    def _run(
        self,
        plan: Plan,
        remaining: Plan,
        deliver: Deliver,
        present: dict[ValueId, Value],
        lost: set[ValueId],
        is_last: bool,
    ) -> Outcome:
        memory, store = self._keeping.memory, self._keeping.store
        pruned, found = prune(remaining, lambda id: self._has(id, present, lost))
        initial = {
            id: present[id] if id in present else memory[id]
            for id in found
            if self._is_here(id, present)
        }
        present.clear()
        stored = tuple(id for id in found if id not in initial)
        store.pin(stored)
        backend = self._backend(pruned)
        planned = prepare(pruned, backend, Available(initial.keys(), stored))
        backend.prepare(planned)
        note_plan(planned.plan)
        self._peak = max(self._peak or 0, planned.peak_bytes)
        if is_last:
            # From here on the run itself releases every value after its last use.
            memory.clear()
        goals = frozenset(goal.value for goal in plan.goals)
        files = SpillFolder(self._spills, partial(_trim, backend))
        spill: SpillFolder | HostOffload = files
        device = backend.device_storage
        if device is None:
            budget = self._budget(planned, memory.bytes + self._ahead.bytes)
        else:
            budget = device.budget
            device.attach_cache(memory)
            spill = HostOffload(self._room.bytes() // 2, files)
        io = RunIO(
            deliver=deliver,
            refusals=(FileError,),
            observe=self._observe,
            keep=partial(self._keeping.keep, plan.nodes, goals, not is_last),
            load=store.get,
            budget=budget,
            spill=spill,
            device=device,
            uploaded=self._keeping.moved,
            initial_values=initial,
            read=self._ahead.read,
        )
        try:
            return run(planned, create_executor(self._executor, backend), io)
        finally:
            spill.close()

    def left_of(self, plan: Plan) -> Plan:
        """Returns what would be computed of a plan, without values in memory or in the store."""
        pruned, found = prune(plan, lambda id: self._has(id, {}, set()))
        return replace(pruned, nodes={k: v for k, v in pruned.nodes.items() if k not in found})

    def spare_bytes(self) -> int | None:
        """Returns the bytes that plans like those before leave; None before the first."""
        if self._peak is None:
            return None
        taken = self._keeping.memory.bytes + self._ahead.bytes
        return self._room.bytes() - self._peak - taken

    def _go_on_without(self, error: DeviceLost) -> None:
        """Drops what a lost device held, and chooses the CPU from now on."""
        self._keeping.memory.forget_device()
        self._backends.use_cpu()
        message = f"a GPU was lost, and the CPU computes what is left: {error}"
        hint = "voxgpu doctor tests the GPU in a process of its own"
        self.warnings[Diagnostic("W305", message, help=hint)] = None

    def _has(self, id: ValueId, present: Mapping[ValueId, Value], lost: set[ValueId]) -> bool:
        return self._is_here(id, present) or (id not in lost and self._keeping.store.has(id))

    def _is_here(self, id: ValueId, present: Mapping[ValueId, Value]) -> bool:
        return id in present or id in self._keeping.memory

    def _backend(self, plan: Plan) -> Backend:
        """Returns the backend of a pruned plan; none is created if nothing must be computed."""
        sources = (CONSTANT, LOAD)
        if all(plan.nodes[goal.value].primitive in sources for goal in plan.goals):
            return self._idle
        return self._backends.of(plan)

    def _budget(self, planned: Schedule, kept: int) -> int | None:
        """Returns the bytes that values may take; None if the plan is too small to check."""
        if planned.peak_bytes < _SMALL and not self._room.is_limited:
            return None
        if not planned.tasks:
            return None
        there, source = self._room.bound()
        budget = max(0, there - kept)
        largest = max(planned.tasks, key=partial(_needs, planned.plan))
        need = _needs(planned.plan, largest)
        available = available_bytes()
        origins = planned.plan.origins.get(largest.id, ())
        if need > available:
            bound = tightest()
            message = (
                f"this step needs {memory_text(need)}, and {memory_text(available)} are available: "
                f"{bound.source} has {memory_text(bound.limit)}"
            )
            hint = "run it where there is more memory, or on a part of the image, extract()"
            raise ImgqlError([at_trace("E302", message, origins, help=hint)])
        if need > budget:
            message = (
                f"this step needs {memory_text(need)}, and {source} leaves {memory_text(budget)} "
                "for values: more is taken"
            )
            self.warnings[at_trace("W303", message, origins)] = None
        return budget


def _trim(backend: Backend) -> None:
    """Returns a backend's unused memory to the system."""
    if backend.workers is not None:
        backend.workers.free_unused()
    trim_malloc()


def _needs(plan: Plan, task: Task) -> int:
    """Returns the bytes that a task takes by itself: inputs, results and scratch memory."""
    inputs = sum(bytes_of_type(plan.types[id]) for id in set(task.inputs))
    return inputs + task.bytes + task.scratch
