"""The end of the compiler: from a plan to its schedule on a backend, pass by pass.

Everything here is a pure function of frozen values. ``prune`` comes before: it asks the session
and the store which values are available, and the backend may be chosen by what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from voxgpu.ids import ValueId
from voxgpu.optimize.fuse import fuse
from voxgpu.optimize.inline_stencils import inline
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.optimize.simplify import simplify
from voxgpu.optimize.step import StoreRead
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.primitive import Value


class Target(Protocol):
    """The properties of a backend that the passes use."""

    fuses: bool

    def scratch_bytes(self, node: Node) -> int | None:
        """Returns scratch bytes per voxel besides inputs and result; None: as the reference."""


@dataclass(frozen=True, slots=True)
class Available:
    """Values that need not be computed.

    given   values in memory, by id
    stored  ids of values in the store
    """

    given: Mapping[ValueId, Value] = field(default_factory=dict)
    stored: tuple[ValueId, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that is ready to run.

    schedule  tasks in their order
    given     the values in memory that the tasks and goals use, by id
    stored    ids of the values that tasks read from the store
    """

    schedule: Schedule
    given: Mapping[ValueId, Value] = field(default_factory=dict)
    stored: tuple[ValueId, ...] = ()


def prepare(plan: Plan, backend: Target, available: Available | None = None) -> Prepared:
    """Returns the schedule of a plan on a backend, with the available values that it uses.

    plan       pruned to the available values (``prune``)
    available  None: nothing is available, and every value is computed

    Raises ValueError where an available value still has inputs in the plan: it was not pruned.
    """
    available = available or Available()
    known = {*available.given, *available.stored}
    if any(plan.nodes[id].inputs for id in known & plan.nodes.keys()):
        raise ValueError("the plan still computes values that are available: prune it first")
    stored = tuple(id for id in available.stored if id in plan.nodes)
    if backend.fuses:
        simplified = simplify(plan, known)
        steps = inline(simplified, fuse(simplified, known), known)
        scheduled = schedule(simplified, available.given, steps, backend.scratch_bytes, stored)
    else:
        scheduled = schedule(plan, available.given, stored=stored)
    given = {id: available.given[id] for id in scheduled.given}
    read = tuple(each.step.id for each in scheduled.tasks if isinstance(each.step, StoreRead))
    return Prepared(scheduled, given, read)
