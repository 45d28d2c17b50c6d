"""The surroundings of a run: what it calls to deliver, report, keep, load and spill values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from voxgpu.backends.base import DeviceStorage
from voxgpu.execution.events import Observer, ignore
from voxgpu.execution.task import LoadFromStore, ReadImage, TaskResult
from voxgpu.execution.workspace import Spill
from voxgpu.files.read import read_with_warning
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule
from voxgpu.plan.node import Goal
from voxgpu.primitives.primitive import Value

#: Delivers the value of a goal; raises where that cannot be done.
Deliver = Callable[[Goal, Value], None]

#: Receives each value that was computed or loaded, and the task that made it with its duration.
Keep = Callable[[ValueId, Value, TaskResult], None]

#: Receives each value that was copied to a device, as it is there.
Uploaded = Callable[[ValueId, Value], None]


def keep_nothing(id: ValueId, value: Value, done: TaskResult) -> None:
    """Keeps nothing."""


def ignore_upload(id: ValueId, value: Value) -> None:
    """Does nothing."""


@frozen(slots=True)
class RunIO:
    """The functions through which a run acts on the world, and the memory it may take.

    deliver   delivers the value of a goal
    refusals  exceptions of ``deliver`` that fail its goal alone; any other ends the run
    observe   receives an event for each thing that happens
    keep      receives every value that is computed or loaded
    load      loads a value that the schedule reads from the store
    budget    bytes that values may take in memory, beyond which they are spilled; None: any
    spill     where values wait that exceed the budget; None: they stay in memory
    device    the memory of the device that tasks compute with; None: this machine's
    uploaded  receives every value that was copied to that device
    initial_values  values in memory before the run, which takes them over, so that each is released
                    after its last use
    read      reads the image of a file
    """

    deliver: Deliver
    refusals: tuple[type[Exception], ...] = ()
    observe: Observer = ignore
    keep: Keep = keep_nothing
    load: LoadFromStore | None = None
    budget: int | None = None
    spill: Spill | None = None
    device: DeviceStorage | None = None
    uploaded: Uploaded = ignore_upload
    initial_values: dict[ValueId, Value] = field(default_factory=dict)
    read: ReadImage = read_with_warning


def taken_values(schedule: Schedule, io: RunIO) -> dict[ValueId, Value]:
    """Take the values that a schedule begins with out of ``io``, which has none afterwards."""
    found = {id: io.initial_values[id] for id in schedule.initial}
    io.initial_values.clear()
    return found
