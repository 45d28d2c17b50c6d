"""The optimization pipeline: the passes that turn a plan into a schedule, in order."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from voxgpu.ids import ValueId
from voxgpu.optimize.fuse import fuse
from voxgpu.optimize.inline_stencils import inline
from voxgpu.optimize.prune import prune
from voxgpu.optimize.schedule import Schedule, schedule
from voxgpu.optimize.simplify import simplify
from voxgpu.plan.node import Node, Plan


class Target(Protocol):
    """Static properties of a backend: whether it fuses, and its memory use."""

    fuses: bool

    def scratch_of(self, node: Node) -> int | None:
        """Returns scratch bytes per voxel besides inputs and result; None: as the reference."""


def optimize_and_schedule(
    plan: Plan,
    target: Target,
    given: Collection[ValueId] = (),
    stored: Collection[ValueId] = (),
) -> Schedule:
    """Returns the schedule of a plan on a backend.

    given   values that are already in memory
    stored  values that are in the store
    """
    obtainable = {*given, *stored} if stored else given
    pruned = prune(plan, obtainable)
    if not target.fuses:
        return schedule(pruned, given, stored=stored)
    simplified = simplify(pruned, obtainable)
    steps = inline(simplified, fuse(simplified, obtainable), obtainable)
    return schedule(simplified, given, steps, target.scratch_of, stored)
