"""Output files of a program, identified by resolved path rather than by name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from voxgpu.diagnostics import Diagnostic, Diagnostics, Note
from voxgpu.plan.node import Goal, Plan
from voxgpu.unicode_paths import from_home


def with_files(plan: Plan, output: Path) -> Plan:
    """Returns the plan with the resolved output path of each ``save``."""
    goals = tuple(
        replace(goal, file=os.path.realpath(output / from_home(goal.label)))
        if goal.action == "save"
        else goal
        for goal in plan.goals
    )
    return replace(plan, goals=goals)


def refuse_inputs(plan: Plan, diagnostics: Diagnostics, may_overwrite: bool) -> None:
    """Reports E204 for each ``save`` that would overwrite a file the program loads.

    may_overwrite  overwriting was requested: report only a warning, W205
    """
    loaded = {os.path.realpath(file): trace for file, trace in plan.loaded.items()}
    for goal in plan.goals:
        found = loaded.get(goal.file) if goal.action == "save" and goal.file else None
        if found is None:
            continue
        notes = tuple(Note("loaded here", span) for span in found[:1])
        if may_overwrite:
            message = f"`{goal.label}` is loaded by this program, and overwritten"
            diagnostics.add(Diagnostic("W205", message, goal.label_span, notes))
        else:
            message = f"`{goal.label}` is a file that this program loads: it would be overwritten"
            hint = "save under another name, or allow it: --overwrite-inputs"
            diagnostics.add(Diagnostic("E204", message, goal.label_span, notes, hint))


def warn_of_overwriting(plan: Plan, diagnostics: Diagnostics) -> None:
    """Reports W202 for each file that is saved more than once, under any name."""
    seen: dict[str, Goal] = {}
    for goal in plan.goals:
        if goal.action == "save":
            first = seen.get(goal.target)
            if first is not None and (not goal.part or first.label_span != goal.label_span):
                other = "" if first.label == goal.label else f", first as `{first.label}`"
                message = f"`{goal.label}` is saved twice{other}; the later one stays"
                diagnostics.add(Diagnostic("W202", message, goal.label_span))
            seen[goal.target] = goal
