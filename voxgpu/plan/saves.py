"""The files of a program's saves: one file under two names is one file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from voxgpu.diagnostics import Diagnostic, Diagnostics
from voxgpu.plan.node import Goal, Plan


def with_files(plan: Plan, output: Path) -> Plan:
    """The plan with the file of each ``save``, as one path however the program spells it."""
    goals = tuple(
        replace(goal, file=os.path.realpath(output / goal.label)) if goal.action == "save" else goal
        for goal in plan.goals
    )
    return replace(plan, goals=goals)


def warn_of_overwriting(plan: Plan, diagnostics: Diagnostics) -> None:
    """Add W202 for each file that is saved more than once, under whatever names."""
    seen: dict[str, Goal] = {}
    for goal in plan.goals:
        if goal.action == "save":
            first = seen.get(goal.target)
            if first is not None and (not goal.part or first.label_span != goal.label_span):
                other = "" if first.label == goal.label else f", first as `{first.label}`"
                message = f"`{goal.label}` is saved twice{other}; the later one stays"
                diagnostics.add(Diagnostic("W202", message, goal.label_span))
            seen[goal.target] = goal
