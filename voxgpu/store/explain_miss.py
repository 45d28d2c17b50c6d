"""Explanation of cache misses: the differences from the most similar value computed before.

Values are named by their ingredients, so a miss has a cause: a parameter, the content of a file, an
operation, or its meaning. Two values are compared ingredient by ingredient, back to the nodes where
they diverge.
"""

from __future__ import annotations

from collections.abc import Callable

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.store.history import History, Remembered, remembered

#: The most differences to report; more would not explain anything.
_MOST_DIFFERENCES = 8

#: The most pairs of nodes to compare before two values count as unrelated.
_MOST_PAIRS = 5_000


@frozen(slots=True)
class Difference:
    """A difference between two values: the node of the plan where they diverge, and how."""

    id: ValueId
    text: str


@frozen(slots=True)
class Explanation:
    """The reason why a value has to be computed, or need not be.

    status       ``stored``, ``constant``, ``file``, ``forgotten`` or ``new``
    relative     the most similar value that was computed before, if any
    differences  the differences from it
    """

    id: ValueId
    status: str
    relative: ValueId | None = None
    differences: tuple[Difference, ...] = ()


def explain(
    plan: Plan, id: ValueId, history: History, has: Callable[[ValueId], bool], program: str = ""
) -> Explanation:
    """Explain why a value of a plan has to be computed, if it has to.

    program  name of the program, whose goals in its last run are compared first
    """
    node = plan.nodes[id]
    if node.primitive is CONSTANT:
        return Explanation(id, "constant")
    if has(id):
        return Explanation(id, "stored")
    if node.primitive is LOAD and history.node(id) is not None:
        return Explanation(id, "file")
    if history.node(id) is not None:
        return Explanation(id, "forgotten")
    best: tuple[int, ValueId, tuple[Difference, ...]] | None = None
    for candidate in _candidates(plan, id, node, history, program):
        differences = _differences(plan, id, candidate, history)
        if differences and (best is None or len(differences) < best[0]):
            best = len(differences), candidate.id, tuple(differences)
    if best is None:
        return Explanation(id, "new")
    return Explanation(id, "new", best[1], best[2])


def _candidates(
    plan: Plan, id: ValueId, node: Node, history: History, program: str
) -> list[Remembered]:
    """Values that may be similar: those of the same goals, then those of the same operation."""
    candidates = []
    for goal in plan.goals:
        if goal.value == id:
            former = history.goal(program, goal.action, goal.label)
            relative = history.node(former) if former is not None else None
            if relative is not None:
                candidates.append(relative)
    return candidates + history.like(node.primitive.name)


def _differences(
    plan: Plan, id: ValueId, other: Remembered, history: History
) -> list[Difference] | None:
    """The differences; None if there are too many."""
    differences: dict[ValueId, Difference] = {}
    pairs = [(id, other)]
    seen = {(id, other.id)}
    while pairs:
        mine, theirs = pairs.pop()
        ours = remembered(mine, plan.nodes[mine], plan.files)
        text = _own_difference(ours, theirs)
        if text:
            differences[mine] = Difference(mine, text)
        else:
            for input, former in zip(ours.inputs, theirs.inputs, strict=True):
                if input == former or (input, former) in seen:
                    continue
                seen.add((input, former))
                known = history.node(former)
                if known is None:
                    differences[input] = Difference(
                        input, "is made of something no longer remembered"
                    )
                else:
                    pairs.append((input, known))
        if len(differences) > _MOST_DIFFERENCES or len(seen) > _MOST_PAIRS:
            return None
    return list(differences.values())


def _own_difference(ours: Remembered, theirs: Remembered) -> str:
    """How two nodes differ by themselves; empty if only their inputs differ."""
    if ours.primitive != theirs.primitive:
        return f"was `{theirs.primitive}` and is `{ours.primitive}`"
    if ours.meaning != theirs.meaning:
        return f"`{ours.primitive}` computes something else since voxgpu was changed"
    if ours.primitive == LOAD.name and ours.parameters[:1] != theirs.parameters[:1]:
        if ours.parameters[1:] == theirs.parameters[1:]:
            return f"the content of `{ours.parameters[-1]}` has changed"
        return f"was the file `{theirs.parameters[-1]}` and is `{ours.parameters[-1]}`"
    if ours.primitive != LOAD.name and ours.parameters != theirs.parameters:
        changed = [
            f"{_shown(before)} became {_shown(now)}"
            for before, now in zip(theirs.parameters, ours.parameters, strict=False)
            if before != now
        ]
        return ", ".join(changed) or "has other parameters"
    if len(ours.inputs) != len(theirs.inputs):
        return f"was made of {len(theirs.inputs)} values and is made of {len(ours.inputs)}"
    return ""


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
