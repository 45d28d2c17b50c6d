"""Queues work of ours on a GPU, without copying anything to it or from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.values import DeviceImage
from voxgpu.execution.task import TaskInput, perform
from voxgpu.image import Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.primitives.primitive import ValueWithWarning


def uploaded(given: Mapping[Any, Any], backend: Gpu) -> dict[Any, Any]:
    """The values with images copied to the device; every call makes new copies."""
    found = {}
    for id, value in given.items():
        if isinstance(value, Image):
            array, event = backend.device.upload(value.array)
            backend.device.wait_for(event)
            value = DeviceImage(array, value.grid, backend.device, event)
        found[id] = value
    return found


def queueing(planned: Schedule, given: Mapping[Any, Any], backend: Gpu) -> Callable[[], Any]:
    """A function that queues all kernels of a schedule, and returns the owner of their results."""
    backend.prepare(planned)
    needed = {id: given[id] for id in planned.initial}

    def queue() -> dict[Any, Any]:
        values = dict(needed)
        for task in planned.tasks:
            inputs = {id: values[id] for id in task.inputs}
            made = perform(TaskInput(task, inputs), backend)
            for id, value in zip(task.outputs, made, strict=True):
                if isinstance(value, Exception):
                    raise value
                values[id] = value.value if isinstance(value, ValueWithWarning) else value
        return values

    return queue
