"""Sessions: running consecutive programs, and parts of programs during lowering."""

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
from voxgpu.backends.thread_pool import usable_cores
from voxgpu.backends.validate import ValidatingSelector, ValidationError
from voxgpu.caches.notices import pending_notices
from voxgpu.codegen.jit import follow_cache_folder
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.deferred import DeferredValue
from voxgpu.diagnostics import Diagnostic, ImgqlError, Source, at_trace, failures
from voxgpu.execution.create_executor import AUTO, check_executor
from voxgpu.execution.engine import Outcome
from voxgpu.execution.events import Event, Failed, Observer, ignore
from voxgpu.execution.failed_goals import explain, failed_goals
from voxgpu.execution.memory_budget import MemoryBudget
from voxgpu.execution.outputs import Beside, OutputWriter, Printed, Saved
from voxgpu.execution.result import Result
from voxgpu.execution.retention import RetentionPolicy
from voxgpu.execution.rounding import is_of_rounding, roundings
from voxgpu.execution.run_io import Deliver
from voxgpu.execution.runner import Runner
from voxgpu.files.access import AllowedRoots
from voxgpu.files.digest import Digests
from voxgpu.files.header import Header
from voxgpu.files.read_ahead import ReadAhead
from voxgpu.files.write import form_of
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.itk.thread_limit import limited_threads
from voxgpu.plan.node import Goal, Plan
from voxgpu.plan.program_files import HeaderMemory
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.session_settings import SessionListeners, SessionSettings, ignore_event
from voxgpu.store.folder import StoreError
from voxgpu.store.history import History
from voxgpu.store.input_file_cache import FreshHeaders
from voxgpu.store.open import open_store
from voxgpu.store.output_digests import SavedFiles
from voxgpu.store.session_cache import SessionCache
from voxgpu.store.tiered_store import TieredStore

__all__ = ["Result", "Session", "backend_of", "execute", "open_session"]


class Session(AbstractContextManager["Session"]):
    """Runs programs, and parts of programs that are still being lowered, without recomputation.

    output   the folder for relative file names; None: nothing is written, images are only returned
    keeping  keep values for the next program, as long as there is memory for them
    backend  the backend, or a selector that chooses one for each plan; None: the reference
    store    the store that outlives the session, if any
    memory   memory limit of the process in bytes; None: the available memory
    images   whether results include images that were saved to files
    force    write output files even if they are unchanged
    threads  number of threads that read and write files; None: one per core
    on_saved called with each file once it is written, from any thread
    verify   read every input file to detect changes, regardless of its modification time
    executor name of the executor that performs tasks, see ``create_executor``
    """

    def __init__(
        self,
        output: Path | None,
        roots: AllowedRoots | None = None,
        on_print: Callable[[Printed], None] = ignore_event,
        observe: Observer = ignore,
        keeping: bool = False,
        backend: Backend | BackendSelector | ValidatingSelector | None = None,
        store: TieredStore | None = None,
        memory: int | None = None,
        images: bool = True,
        force: bool = False,
        threads: int | None = None,
        on_saved: Callable[[Saved], None] = ignore_event,
        verify: bool = False,
        executor: str = AUTO,
    ) -> None:
        self._output = output
        self._roots = roots or AllowedRoots()
        self._on_print, self._on_saved = on_print, on_saved
        self._is_keeping = keeping
        self._store = store
        self._images = images
        self._force = force
        self._threads, self._verify = threads, verify
        self._seen = store.seen_files() if store is not None else None
        #: Cached digests and headers of input files, valid while the files are unchanged.
        self.digests = Digests(self._seen, verify)
        self.headers: HeaderMemory | None = self._seen
        if self._seen is not None and verify:
            self.headers = FreshHeaders(self._seen)
        limit = MemoryBudget(memory)
        self._keeping = RetentionPolicy(
            SessionCache(limit.for_kept()), store or TieredStore(policy="none")
        )
        if store is not None:
            store.limit_pending(limit.bytes() // 8)
        spills = store.spills if store is not None else None
        devices = (
            backend
            if isinstance(backend, BackendSelector | ValidatingSelector)
            else FixedBackend(backend or ReferenceBackend())
        )
        #: Images of files that are read before they are asked for.
        self.ahead = ReadAhead()
        self._runner = Runner(
            devices, self._keeping, limit, spills, threads, observe, executor, self.ahead
        )
        self._value_warnings: dict[Diagnostic, None] = {}
        #: Warnings for integer images that arithmetic would round, by value id.
        self._rounded: dict[ValueId, str] = {}
        self._computed: list[ValueId] = []
        self._reused: list[ValueId] = []
        self._seconds = 0.0
        self._reported: set[str] = set()
        self._process = os.getpid()
        self._delivering: tuple[OutputWriter, Plan] | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the session; after Ctrl-C, pending writes to the store are abandoned."""
        self.close(interrupted=kind is not None and not issubclass(kind, Exception))

    def close(self, interrupted: bool = False) -> None:
        """Stops the backend's threads and finishes writing to the store.

        Does nothing in a forked process, since both belong to the parent.
        """
        if self._process != os.getpid():
            return
        if self._store is not None and not interrupted:
            self._store.flush()  # values that wait to be written may still be on a device
        self._runner.close()
        if self._store is not None:
            self._store.close(interrupted)

    def deliver_to(self, output: Path | None, roots: AllowedRoots) -> None:
        """Sets the output of the next program, and forgets a previous one that did not finish."""
        self._output, self._roots = output, roots
        self._value_warnings, self._computed, self._reused, self._seconds = {}, [], [], 0.0
        self._runner.warnings.clear()

    def forget(self) -> None:
        """Drops the values kept in memory and the cached state of files, as in a new session."""
        self._keeping.memory.clear()
        self.digests = Digests(self._seen, self._verify)
        self._rounded.clear()
        self._reported.clear()
        self.deliver_to(self._output, self._roots)

    def compile(
        self,
        source: Source,
        path: Path | None,
        options: Options,
        digest: Callable[[Header], str] | None = None,
    ) -> Compiled:
        """Compiles a program, running the parts of it on whose values the rest depends.

        path    the program's file, if any
        digest  returns the content digest of a file; None: ``digests``
        """
        digest = digest or self.digests.of
        return compile_program(source, path, options, digest, self.evaluate, self.headers)

    def evaluate(self, plan: Plan, ids: Sequence[ValueId]) -> dict[ValueId, Value | Diagnostic]:
        """Returns the values of nodes, or diagnostics of failures.

        The result also contains scalars, strings and sequences that were computed on the way.
        Raises ImgqlError if memory is insufficient.
        """
        goals = tuple(Goal("find", id, "", plan.origins[id][0], plan.origins[id][0]) for id in ids)
        evaluated = replace(plan, goals=goals)
        values: dict[ValueId, Value | Diagnostic] = {}
        outcome = self._run(
            evaluated, lambda goal, value: values.update({goal.value: value}), False
        )
        for goal, failed, error in outcome.failures:
            values[goal.value] = explain(evaluated, goal, failed, error)
        for id in (*outcome.computed, *outcome.reused):
            value = self._keeping.memory.get(id)
            if value is not None and not isinstance(value, Image | DeferredValue):
                values.setdefault(id, value)
        return values

    @property
    def has_run_parts(self) -> bool:
        """Whether parts of a program were run, and its goals were not yet executed."""
        return bool(self._computed or self._reused)

    def execute(self, compiled: Compiled, beside: Beside | None = None) -> Result:
        """Runs a program. Raises ImgqlError if it has errors or memory is insufficient.

        beside  writes what belongs beside each file; called from any thread
        """
        self._refuse_in_child()
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        plan = compiled.plan
        writer = self._output_writer(beside)
        self._delivering = writer, plan
        saved = writer.already_saved(plan)
        remaining = tuple(goal for index, goal in enumerate(plan.goals) if index not in saved)
        evaluated = replace(plan, goals=remaining)
        try:
            outcome = self._run(evaluated, writer.deliver, not self._is_keeping)
        finally:
            writer.close()
        self._record_history(compiled)
        for id, warning in roundings(plan, self._rounded):
            self._value_warnings[at_trace("W302", warning, plan.origins.get(id, ()))] = None
        warnings = [each for each in compiled.diagnostics if not each.is_error]
        warnings += [*self._value_warnings, *self._runner.warnings, *writer.warnings_of(plan.goals)]
        lost = [*plan.failures, *failed_goals(plan, outcome, writer.missing)]
        result = Result(
            tuple(writer.printed),
            writer.saved_of(plan.goals),
            failures(lost),
            tuple([*warnings, *self._problems()]),
            self._seconds,
            len({*plan.nodes, *self._computed}),
            len(self._computed),
            len(set(self._reused)),
            tuple(writer.found),
            failures=tuple(lost),
        )
        self._value_warnings, self._computed, self._reused, self._seconds = {}, [], [], 0.0
        self._runner.warnings.clear()
        return result

    def files_to_read(self, plan: Plan) -> list[Header]:
        """Returns the headers of images that a plan would read; the others the store has."""
        left = self._runner.left_of(plan).nodes
        headers = (plan.files[id] for id in left if id in plan.files)
        return [each for each in dict.fromkeys(headers) if each.in_memory is None]

    def spare_bytes(self) -> int | None:
        """Returns the bytes of memory that programs like those before leave; None before them."""
        return self._runner.spare_bytes()

    def so_far(self) -> Result:
        """Returns the results delivered so far by a program that is running or was interrupted."""
        prints: tuple[Printed, ...] = ()
        saved: tuple[Saved, ...] = ()
        if self._delivering is not None:
            writer, plan = self._delivering
            prints, saved = tuple(writer.printed), writer.saved_of(plan.goals)
        seconds, computed, reused = self._seconds, len(self._computed), len(set(self._reused))
        return Result(prints, saved, (), (), seconds, 0, computed, reused, interrupted=True)

    def _refuse_in_child(self) -> None:
        """Raises ImgqlError in a forked process, which lacks the session's threads."""
        if self._process != os.getpid():
            message = "this session belongs to the process that this one was forked from"
            hint = "make a session of its own in each process, or use voxgpu.run"
            raise ImgqlError([Diagnostic("E305", message, help=hint)])

    def _output_writer(self, beside: Beside | None) -> OutputWriter:
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
            beside,
        )

    def _run(self, plan: Plan, deliver: Deliver, is_last: bool) -> Outcome:
        self._refuse_in_child()
        start = perf_counter()
        with limited_threads(self._threads, usable_cores()):
            outcome = self._runner.run(plan, deliver, is_last)
        for id, warning in outcome.warnings:
            if is_of_rounding(warning):
                self._rounded[id] = warning
                continue
            self._value_warnings[at_trace("W302", warning, plan.origins.get(id, ()))] = None
        self._computed += outcome.computed
        self._reused += outcome.reused
        self._seconds += perf_counter() - start
        return outcome

    def _record_history(self, compiled: Compiled) -> None:
        """Records the run in the store's history, for comparison with later runs."""
        if self._store is None:
            return
        self._store.flush()
        if self._store.disk is not None:
            nodes = compiled.plan.nodes
            sources = (CONSTANT, LOAD)
            computed = [
                id for id in self._computed if id in nodes and nodes[id].primitive not in sources
            ]
            self._store.disk.count(hits=len(set(self._reused)), misses=len(computed))
            History(self._store.disk.index).note(compiled.plan, compiled.source.name)

    def _problems(self) -> list[Diagnostic]:
        """Returns failures to store results or compiled kernels, each only once."""
        problems = dict.fromkeys(self._store.problems, "") if self._store is not None else {}
        problems |= self._store.refused if self._store is not None else {}
        new = [each for each in problems if each not in self._reported]
        self._reported.update(new)
        caches = [Diagnostic("W402", text, help=help) for text, help in pending_notices()]
        return [*caches, *(Diagnostic("W401", each, help=problems[each]) for each in new)]


def open_session(
    settings: SessionSettings | None = None, listeners: SessionListeners | None = None
) -> Session:
    """Opens a session with its device, store and caches. Every way to run programs uses this.

    Raises ValueError for an unknown device or executor, ImgqlError if a device or store is
    unusable.
    """
    settings, listeners = settings or SessionSettings(), listeners or SessionListeners()
    check_executor(settings.executor)
    follow_cache_folder()
    observe, stored = listeners.observe, settings.store
    devices: BackendSelector | ValidatingSelector = BackendSelector(
        settings.device, settings.threads, settings.device_memory, listeners.on_device
    )
    executor = settings.executor
    if settings.validate:
        devices, observe, stored = ValidatingSelector(devices), stop_at_difference(observe), None
        executor = "serial"
    try:
        store = open_store(stored) if stored is not None else None
    except StoreError as problem:
        raise ImgqlError([Diagnostic("E401", str(problem), help=problem.help)]) from None
    return Session(
        settings.output,
        settings.roots,
        listeners.on_print,
        observe,
        keeping=settings.keep_values,
        backend=devices,
        store=store,
        memory=settings.memory,
        images=settings.keep_images,
        force=settings.force_save,
        threads=settings.threads,
        on_saved=listeners.on_saved,
        verify=settings.verify_inputs,
        executor=executor,
    )


def stop_at_difference(observe: Observer) -> Observer:
    """Returns an observer that stops a run with ImgqlError if a step differs from the reference."""

    def stop(event: Event) -> None:
        observe(event)
        if isinstance(event, Failed) and isinstance(event.error, ValidationError):
            raise ImgqlError([event.error.diagnostic])

    return stop


def backend_of(device: str, threads: int | None = None) -> Backend:
    """Returns the backend for a value of ``--device``, for any plan; ``auto`` is the CPU.

    Raises ValueError for an unknown device, ImgqlError if it is unusable.
    """
    device = "cpu" if device == "auto" else device
    return BackendSelector(device, threads).of(Plan({}, {}, ()))


def execute(
    compiled: Compiled,
    output: Path | None,
    roots: AllowedRoots | None = None,
    on_print: Callable[[Printed], None] = ignore_event,
    observe: Observer = ignore,
    device: str = "auto",
) -> Result:
    """Runs a compiled program in a session of its own; see ``Session``."""
    settings = SessionSettings(device, output=output, roots=roots or AllowedRoots())
    with open_session(settings, SessionListeners(on_print, observe=observe)) as session:
        return session.execute(compiled)
