"""How is a program run, in parts where it has to be, and what does the caller get?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from voxgpu.cpu.backend import Cpu
from voxgpu.device import choose
from voxgpu.diagnostics import Diagnostic, ImgqlError, at_trace
from voxgpu.execution.deliver import Deliveries, Printed, Saved
from voxgpu.execution.engine import Deliver, Outcome, keep_nothing, run
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.kept import Kept
from voxgpu.execution.memory import available_bytes
from voxgpu.execution.serial import Serial
from voxgpu.execution.task import Backend, Reference
from voxgpu.execution.threads import Threads
from voxgpu.files.problem import FileProblem
from voxgpu.files.roots import Roots
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.optimize.passes import scheduled
from voxgpu.optimize.schedule import Schedule
from voxgpu.pipeline import Compiled
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import Value, ValueProblem


@dataclass(frozen=True)
class Result:
    """What a program came to.

    prints    what was printed, in order
    saved     the files that were written, in order, with their images
    errors    the goals that failed; warnings are in ``warnings``
    seconds   wall time of running, compiling not included
    nodes     how many values there are that goals need, or that decided how lowering went on
    computed  how many of them were computed
    found     the values that were asked for without a name
    """

    prints: tuple[Printed, ...]
    saved: tuple[Saved, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    seconds: float
    nodes: int
    computed: int
    found: tuple[Value, ...] = ()

    @property
    def values(self) -> dict[str, Value]:
        """Everything delivered, by label or file name; sequences are tuples."""
        printed: dict[str, Value] = {p.label: p.value for p in self.prints}
        return printed | {saved.label: saved.image for saved in self.saved}

    def as_json(self) -> dict[str, Any]:
        """Plain data, as ``voxgpu run --json`` prints it."""
        return {
            "print": [each.as_json() for each in self.prints],
            "saved": [each.as_json() for each in self.saved],
            "errors": [each.as_json() for each in self.errors],
            "warnings": [each.as_json() for each in self.warnings],
            "seconds": self.seconds,
            "nodes": self.nodes,
            "computed": self.computed,
        }


#: Bytes that are there in any case: looking would take longer than most of what is asked.
_SMALL = 64 * 2**20


def _silent(_: Printed) -> None:
    """Prints nothing."""


class Session:
    """Runs programs, and parts of programs that are still being lowered; computes nothing twice.

    output   the folder for relative names of files; None: nothing is written, images are returned
    keeping  keep values for the next program, as long as there is memory for them
    backend  on what to compute; None: the reference
    """

    def __init__(
        self,
        output: Path | None,
        roots: Roots | None = None,
        on_print: Callable[[Printed], None] = _silent,
        observe: Observer = ignore,
        keeping: bool = False,
        backend: Backend | None = None,
    ) -> None:
        self._output = output
        self._roots = roots or Roots()
        self._on_print = on_print
        self._observe = observe
        self._keeping = keeping
        self._backend = backend or Reference()
        self._kept = Kept(available_bytes() // 4)
        self._doubts: dict[ValueId, Diagnostic] = {}
        self._computed: list[ValueId] = []
        self._seconds = 0.0

    def close(self) -> None:
        """Ends the threads of the backend."""
        self._backend.close()

    def ask(self, plan: Plan, ids: Sequence[ValueId]) -> dict[ValueId, Value | Diagnostic]:
        """The values of nodes, or what went wrong; raises ImgqlError where memory is short.

        Numbers, truth values, strings and sequences that were computed on the way are told, too.
        """
        goals = tuple(Goal("find", id, "", plan.origins[id][0], plan.origins[id][0]) for id in ids)
        asked = replace(plan, goals=goals)
        found: dict[ValueId, Value | Diagnostic] = {}
        planned = scheduled(asked, self._backend, self._kept)
        if planned.peak_bytes >= _SMALL:
            _refuse_too_large(planned)
        outcome = self._run(planned, lambda goal, value: found.update({goal.value: value}))
        for goal, failed, error in outcome.failures:
            found[goal.value] = _explain(asked, goal, failed, error)
        for id in outcome.computed:
            value = self._kept.get(id)
            if value is not None and not isinstance(value, Image):
                found.setdefault(id, value)
        return found

    def execute(self, compiled: Compiled) -> Result:
        """Runs a program. Raises ImgqlError where it has errors, or memory is short."""
        if compiled.errors:
            raise ImgqlError(compiled.diagnostics)
        plan = compiled.plan
        planned = scheduled(plan, self._backend, self._kept)
        _refuse_too_large(planned)
        deliveries = Deliveries(self._output, self._roots, self._on_print)
        outcome = self._run(planned, deliveries.deliver, not self._keeping)
        warnings = [each for each in compiled.diagnostics if not each.is_error]
        errors = [*plan.failures, *(_explain(plan, *each) for each in outcome.failures)]
        result = Result(
            tuple(deliveries.printed),
            deliveries.saved_of(plan.goals),
            tuple(dict.fromkeys(errors)),
            tuple([*warnings, *self._doubts.values(), *deliveries.warnings_of(plan.goals)]),
            self._seconds,
            len({*plan.nodes, *self._computed}),
            len(self._computed),
            tuple(deliveries.found),
        )
        self._doubts, self._computed, self._seconds = {}, [], 0.0
        return result

    def _run(
        self,
        planned: Schedule,
        deliver: Deliver,
        is_last: bool = False,
    ) -> Outcome:
        """Runs a schedule with what is kept; after the last one nothing is."""
        start = perf_counter()
        given = {id: self._kept[id] for id in planned.given}
        if is_last:
            # From here on the run itself drops every value after its last use.
            self._kept.clear()
        keep = keep_nothing if is_last else self._kept.keep
        backend = self._backend
        executor = (
            Threads(backend, backend.workers) if isinstance(backend, Cpu) else Serial(backend)
        )
        outcome = run(planned, executor, deliver, (FileProblem,), self._observe, given, keep)
        for id, doubt in outcome.doubts:
            trace = trace_of(planned.plan, id)
            self._doubts[id] = at_trace("W302", doubt, trace)
        self._computed += outcome.computed
        self._seconds += perf_counter() - start
        return outcome


def backend_of(device: str, threads: int | None = None) -> Backend:
    """The backend for what ``--device`` says; raises ValueError where there is none."""
    return Cpu(threads) if choose(device) == "cpu" else Reference()


def execute(
    compiled: Compiled,
    output: Path | None,
    roots: Roots | None = None,
    on_print: Callable[[Printed], None] = _silent,
    observe: Observer = ignore,
    device: str = "auto",
) -> Result:
    """Runs a compiled program on its own; see ``Session``."""
    session = Session(output, roots, on_print, observe, backend=backend_of(device))
    try:
        return session.execute(compiled)
    finally:
        session.close()


def _refuse_too_large(planned: Schedule) -> None:
    """Before the first task: better no run than one that dies half-way."""
    available = available_bytes()
    if planned.peak_bytes <= available:
        return
    largest = max(planned.tasks, key=lambda task: task.live + task.scratch)
    message = (
        f"the program needs {_size(planned.peak_bytes)} at its peak, "
        f"and {_size(available)} are available"
    )
    hint = (
        "this is where the peak is; run it on a machine with more memory, or on a part, extract()"
    )
    trace = trace_of(planned.plan, largest.id)
    raise ImgqlError([at_trace("E302", message, trace, help=hint)])


def trace_of(plan: Plan, id: ValueId) -> tuple[Any, ...]:
    """Where in the program a node comes from."""
    return plan.origins.get(id, ())


def _explain(plan: Plan, goal: Goal, failed: ValueId | None, error: Exception) -> Diagnostic:
    """The diagnostic of a goal that could not be delivered."""
    goal_name = f'`{goal.action} "{goal.label}"` failed: ' if goal.action != "find" else ""
    if failed is None:
        hint = getattr(error, "help", "")
        return Diagnostic("E303", goal_name + str(error), goal.label_span, help=hint)
    trace = trace_of(plan, failed)
    match error:
        case ValueProblem():
            return at_trace("E301", goal_name + str(error), trace)
        case FileProblem():
            return at_trace("E201", goal_name + str(error), trace, help=error.help)
        case MemoryError():
            return at_trace("E302", goal_name + "out of memory", trace)
        case _:
            what = f"{type(error).__name__}: {error}"
            hint = "this is a defect of voxgpu, not of the program: please report it"
            return at_trace("E304", goal_name + what, trace, help=hint)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
