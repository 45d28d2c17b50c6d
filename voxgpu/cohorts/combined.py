"""One plan for several combinations of a case, so that what they share is computed once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from voxgpu.cohorts.sweep import Combination
from voxgpu.compile import Compiled
from voxgpu.diagnostics import Failure
from voxgpu.plan.node import Goal, Plan

#: Stands on both sides of the number of a combination in labels of goals; in no text of a program.
_MARK = "\ue0c0"
_MARKED = re.compile(f"{_MARK}(\\d+){_MARK}")


def combined(programs: Sequence[Compiled], folders: Sequence[str]) -> Compiled:
    """The programs as one, whose goals know which they are of; see `number_of`.

    folders  where each saves files with relative names, below the output folder; all different
    """
    plans = [each.plan for each in programs]
    goals: list[Goal] = []
    lost: list[Failure] = []
    for number, (plan, folder) in enumerate(zip(plans, folders, strict=True)):
        goals += [_numbered(goal, number, folder) for goal in plan.goals]
        lost += [each._replace(goal=_marked(each.goal, number)) for each in plan.failures]
    plan = Plan(
        {id: node for each in plans for id, node in each.nodes.items()},
        {id: kind for each in plans for id, kind in each.types.items()},
        tuple(goals),
        {id: spans for each in plans for id, spans in each.origins.items()},
        {id: header for each in plans for id, header in each.files.items()},
        tuple(lost),
        loaded={path: spans for each in plans for path, spans in each.loaded.items()},
    )
    told = dict.fromkeys(each for program in programs for each in program.diagnostics)
    return replace(programs[0], plan=plan, diagnostics=tuple(told))


def _numbered(goal: Goal, number: int, folder: str) -> Goal:
    if goal.action != "save":
        return replace(goal, label=_marked(goal.label, number), paths=frozenset())
    is_relative = not (PurePath(goal.label).is_absolute() or goal.label.startswith("~"))
    label = f"{folder}/{goal.label}" if is_relative and folder else goal.label
    return replace(goal, label=label)


def _marked(text: str, number: int) -> str:
    return f"{_MARK}{number}{_MARK}{text}"


def number_of(text: str, folders: Sequence[str]) -> tuple[int, str]:
    """Of which program a label or the name of a goal is, and the text without what says so.

    The first where nothing does: a file with an absolute name.
    """
    found = _MARKED.search(text)
    if found:
        return int(found[1]), text[: found.start()] + text[found.end() :]
    for number, folder in enumerate(folders):
        if folder and text.startswith((f"{folder}/", f'save "{folder}/')):
            return number, text.replace(f"{folder}/", "", 1)
    return 0, text


def folder_of(case: str, combination: Combination) -> str:
    """The folder of a case with a combination: ``case/HI=0.91,VI=0.82``."""
    parts = ",".join(f"{name}={value}" for name, value in combination)
    safe = [re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", each) for each in (case, parts) if each]
    return "/".join(f"_{each}" if each.strip(".") == "" else each for each in safe)
