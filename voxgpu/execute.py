"""How is a compiled program run, and what does the caller get?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from voxgpu.diagnostics import Diagnostic, ImgqlError, at_trace
from voxgpu.execution.deliver import Deliveries, Printed, Saved
from voxgpu.execution.engine import run
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.memory import available_bytes
from voxgpu.execution.serial import Serial
from voxgpu.files.problem import FileProblem
from voxgpu.files.roots import Roots
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.pipeline import Compiled
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import ValueProblem


@dataclass(frozen=True)
class Result:
    """What a program came to.

    prints    what was printed, in order
    saved     the files that were written, in order, with their images
    errors    the goals that failed; warnings are in ``warnings``
    seconds   wall time of running, compiling not included
    nodes     how many values the goals need
    computed  how many of them were computed
    """

    prints: tuple[Printed, ...]
    saved: tuple[Saved, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    seconds: float
    nodes: int
    computed: int

    @property
    def values(self) -> dict[str, float | bool | str | Image]:
        """Everything delivered, by label or file name."""
        printed: dict[str, float | bool | str | Image] = {p.label: p.value for p in self.prints}
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


def _silent(_: Printed) -> None:
    """Prints nothing."""


def execute(
    compiled: Compiled,
    output: Path | None,
    roots: Roots | None = None,
    on_print: Callable[[Printed], None] = _silent,
    observe: Observer = ignore,
) -> Result:
    """Runs a program. Raises ImgqlError where it has errors, or needs more memory than there is.

    output  the folder for relative names of files; None: nothing is written, images are returned
    """
    if compiled.errors:
        raise ImgqlError(compiled.diagnostics)
    planned = schedule(compiled.plan)
    _refuse_too_large(planned)
    deliveries = Deliveries(output, roots or Roots(), on_print, [], [], [])
    start = perf_counter()
    outcome = run(planned, Serial(), deliveries.deliver, (FileProblem,), observe)
    warnings = [each for each in compiled.diagnostics if not each.is_error]
    failures = [_explain(compiled.plan, *failure) for failure in outcome.failures]
    return Result(
        tuple(deliveries.printed),
        tuple(deliveries.saved),
        tuple(dict.fromkeys(failures)),
        tuple(warnings + deliveries.warnings),
        perf_counter() - start,
        len(compiled.plan.nodes),
        outcome.computed,
    )


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
    goal_name = f'`{goal.action} "{goal.label}"` failed: '
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
