"""What a spawned process does with a schedule that it is sent."""

from __future__ import annotations

import pickle

from voxgpu.backends.cpu.backend import Cpu
from voxgpu.execution.engine import run
from voxgpu.execution.executors.serial import Serial
from voxgpu.execution.run_io import RunIO
from voxgpu.files.errors import FileError
from voxgpu.image import Grid, Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value

#: By label of a goal: the grid, the element and the bytes of an image, or another value.
Results = dict[str, tuple[Grid, str, bytes] | Value]


def results_of(schedule: Schedule) -> Results:
    """Run a schedule on one core. Raises what a task raises."""
    found: Results = {}

    def deliver(goal: Goal, value: Value) -> None:
        if isinstance(value, Image):
            found[goal.label] = value.grid, value.element.name, value.array.tobytes()
        else:
            found[goal.label] = value

    outcome = run(schedule, Serial(Cpu(1)), RunIO(deliver, (FileError,)))
    if outcome.failures:
        raise outcome.failures[0][2]
    return found


def results_of_pickled(text: bytes) -> Results:
    """Run a pickled schedule. Raises what unpickling raises, which a pool would not tell."""
    return results_of(pickle.loads(text))
