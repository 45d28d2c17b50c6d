"""The end of the compiler: from a plan to its schedule on a backend, pass by pass.

Everything here is a pure function of frozen values. ``prune`` comes before: it asks the session
and the store which values are available, and the backend may be chosen by what is left.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.fuse import fuse
from voxgpu.optimize.inline_stencils import inline
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.optimize.share_kernels import share_kernels
from voxgpu.optimize.simplify import simplify
from voxgpu.plan.node import Node, Plan


class Target(Protocol):
    """The properties of a backend that the passes use."""

    fuses: bool

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """Returns scratch bytes per voxel besides inputs and result; None: as the reference."""


@frozen(slots=True)
class Available:
    """Values that need not be computed, by their ids: those in memory, and those in the store."""

    in_memory: Collection[ValueId] = ()
    stored: tuple[ValueId, ...] = ()


def prepare(plan: Plan, backend: Target, available: Available | None = None) -> Schedule:
    """Returns the schedule of a plan on a backend, which uses the available values.

    plan       pruned to the available values (``prune``)
    available  None: nothing is available, and every value is computed

    Raises ValueError where an available value still has inputs in the plan: it was not pruned.
    """
    available = available or Available()
    known = {*available.in_memory, *available.stored}
    if any(plan.nodes[id].inputs for id in known & plan.nodes.keys()):
        raise ValueError("the plan still computes values that are available: prune it first")
    stored = tuple(id for id in available.stored if id in plan.nodes)
    if not backend.fuses:
        return schedule(plan, available.in_memory, stored=stored)
    simplified = simplify(plan, known)
    steps = share_kernels(inline(simplified, fuse(simplified, known), known))
    return schedule(simplified, available.in_memory, steps, backend.scratch_bytes, stored)
