"""One plan for several combinations of a case, so that what they share is computed once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from voxgpu.compile import Compiled
from voxgpu.diagnostics import Failure
from voxgpu.plan.node import Goal, Plan

#: Stands on both sides of the number of a combination in labels of goals; in no text of a program.
_MARK = "\ue0c0"
_MARKED = re.compile(f"{_MARK}(\\d+){_MARK}")
_SAVE = re.compile(r'save "(.*)"', re.DOTALL)


def combined(programs: Sequence[Compiled], names: Sequence[Mapping[str, str]]) -> Compiled:
    """The programs as one, whose goals know which they are of; see `number_of`.

    names  for each program the files of its labels of ``save``; all different
    """
    plans = [each.plan for each in programs]
    goals: list[Goal] = []
    lost: list[Failure] = []
    for number, (plan, files) in enumerate(zip(plans, names, strict=True)):
        goals += [_numbered(goal, number, files) for goal in plan.goals]
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


def _numbered(goal: Goal, number: int, files: Mapping[str, str]) -> Goal:
    if goal.action != "save":
        return replace(goal, label=_marked(goal.label, number), paths=frozenset())
    return replace(goal, label=files.get(goal.label, goal.label))


def _marked(text: str, number: int) -> str:
    return f"{_MARK}{number}{_MARK}{text}"


def places_of(names: Sequence[Mapping[str, str]]) -> dict[str, tuple[int, str]]:
    """For each file the number of the program that saves it, and its label there."""
    return {
        file: (number, label)
        for number, files in reversed(list(enumerate(names)))
        for label, file in files.items()
    }


def number_of(text: str, places: Mapping[str, tuple[int, str]]) -> tuple[int, str]:
    """Of which program a label or the name of a goal is, and that text as the program has it.

    The first where nothing does: a file with an absolute name.
    """
    found = _MARKED.search(text)
    if found:
        return int(found[1]), text[: found.start()] + text[found.end() :]
    goal = _SAVE.fullmatch(text)
    number, label = places.get(goal[1] if goal else text, (0, ""))
    if not label:
        return 0, text
    return number, f'save "{label}"' if goal else label
