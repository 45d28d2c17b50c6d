"""Programs whose goals are single operators, each timed beside the same of other libraries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from voxgpu.backends.reference import ReferenceBackend
from voxgpu.bench.expressions import caller, scheduled
from voxgpu.bench.job import Job
from voxgpu.bench.operators import Row, time_row
from voxgpu.bench.peers import PRIMITIVES, library_of
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.plan.node import Goal, Plan
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT
from voxgpu.session import backend_of, open_session
from voxgpu.session_settings import SessionSettings


@dataclass
class SingleGoals:
    """The goals beside their peers.

    rows     of goals that have peers
    without  labels of the other goals, with the operator that they end with
    """

    rows: list[Row] = field(default_factory=list)
    without: dict[str, str] = field(default_factory=dict)


def time_goals(
    job: Job, against: Collection[str], repeat: int, threads: int | None = None
) -> SingleGoals:
    """Times the last operator of each goal, with its operands in memory, beside its peers.

    against  the libraries, by import name

    Raises ImgqlError for mistakes in the program, and where the reference has another result.
    """
    found = SingleGoals()
    settings = SessionSettings(device="cpu", threads=threads, memory=job.memory)
    with open_session(settings) as session:
        compiled = session.compile(job.source, job.path, job.options)
        if compiled.errors:
            raise ImgqlError(compiled.errors)
        backend = backend_of("cpu", threads)
        try:
            for goal in compiled.plan.goals:
                name = compiled.plan.nodes[goal.value].primitive.names[0]
                if name not in PRIMITIVES:
                    found.without[goal.label] = name
                    continue
                ids = compiled.plan.nodes[goal.value].inputs
                values = session.evaluate(compiled.plan, ids)
                given = {id: _value(values[id]) for id in ids}
                row = Row(f"{name} ({goal.label})")
                if _time(compiled.plan, goal, given, against, repeat, backend, row):
                    found.rows.append(row)
                else:
                    found.without[goal.label] = name
        finally:
            backend.close()
    return found


def _value(value: Value | Diagnostic) -> Value:
    if isinstance(value, Diagnostic):
        raise ImgqlError([value])
    return value


def _time(
    plan: Plan,
    goal: Goal,
    given: dict[ValueId, Value],
    against: Collection[str],
    repeat: int,
    backend: Any,
    row: Row,
) -> bool:
    """Times one goal; returns False if no library has its operator."""
    values = [given[id] for id in plan.nodes[goal.value].inputs]
    operands = [each.array if isinstance(each, Image) else each for each in values]
    images = [each for each in given.values() if isinstance(each, Image)]
    if not images:
        return False
    name = plan.nodes[goal.value].primitive.names[0]
    others = [
        each
        for each in PRIMITIVES[name](images[0].grid.spacing, *operands)
        if library_of(each[0]) in against
    ]
    if not others:
        return False
    row.read_mb = sum(each.array.nbytes for each in images) / 1e6
    alone = replace(plan, goals=(replace(goal, action="find"),))
    # Constants are no operands that somebody computes: they are part of the kernel.
    known = {id: each for id, each in given.items() if plan.nodes[id].primitive is not CONSTANT}
    reference = ReferenceBackend()
    ours, slow = (
        caller(scheduled(alone, known, each), each, known) for each in (backend, reference)
    )
    try:
        time_row(row, ours, slow, others, repeat)
    except AssertionError:
        message = f"`{goal.label}` on cpu is something else than by the reference"
        hint = "voxgpu run --validate tells the step and the voxel"
        raise ImgqlError([Diagnostic("E306", message, goal.span, help=hint)]) from None
    return True
