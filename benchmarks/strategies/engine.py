"""voxgpu's own engine, behind the interface of the prototypes."""

from __future__ import annotations

from functools import partial

from benchmarks.strategies.interface import Counted, Strategy, StrategyIO
from voxgpu.execution import engine
from voxgpu.execution.create_executor import create_executor
from voxgpu.execution.events import Event, Failed, Finished, Started
from voxgpu.execution.run_io import RunIO
from voxgpu.optimize.schedule import Schedule


def run(executor: str, schedule: Schedule, io: StrategyIO) -> Counted:
    """Runs a schedule with the executor of this name."""
    counted = Counted()

    def observe(event: Event) -> None:
        if isinstance(event, Started):
            io.begun(event.task)
        elif isinstance(event, Finished | Failed):
            counted.performed += 1

    surroundings = RunIO(io.deliver, refusals=(Exception,), observe=observe)
    outcome = engine.run(schedule, create_executor(executor, io.backend), surroundings)
    counted.failures = outcome.failures
    return counted


#: The strategies of this file.
SERIAL: Strategy = partial(run, "serial")
THREADS: Strategy = partial(run, "threads")
