"""Diagnostics for goals that failed in a run, located at the failed node or file."""

from __future__ import annotations

from collections.abc import Sequence

from voxgpu.diagnostics import Diagnostic, Failure, at_trace
from voxgpu.execution.engine import Outcome
from voxgpu.execution.missing_items import MissingItem, failures_of, name_of
from voxgpu.files.errors import FileError
from voxgpu.ids import ValueId
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import UndefinedValueError


def failed_goals(plan: Plan, outcome: Outcome, missing: Sequence[MissingItem]) -> list[Failure]:
    """Returns the failed goals and the goals with failed items, in program order."""
    order = {id(goal): place for place, goal in enumerate(plan.goals)}
    found = [
        (order[id(each[0])], Failure(name_of(each[0]), "", explain(plan, *each)))
        for each in outcome.failures
    ]
    for each in missing:
        told = failures_of(each, lambda failed, error: _reason(plan, failed, error))
        found += [(order[id(each.goal)], failure) for failure in told]
    return [failure for _, failure in sorted(found, key=lambda pair: pair[0])]


def explain(plan: Plan, goal: Goal, failed: ValueId | None, error: Exception) -> Diagnostic:
    """Returns the reason why a goal could not be delivered."""
    if failed is None:
        return Diagnostic("E303", str(error), goal.label_span, help=getattr(error, "help", ""))
    return _reason(plan, failed, error)


def _reason(plan: Plan, failed: ValueId, error: Exception) -> Diagnostic:
    """Returns the reason why a node failed."""
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
