"""One plan on several GPUs: parts that share only input files run side by side.

A part that another part waits for would gain nothing on a device of its own, and images that cross
between devices take longer than most kernels. So only parts are spread that share at most what is
loaded, and only where the estimate says that it pays; else all is computed on the first device. The
normal unit is one case a GPU, each in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voxgpu.backends.base import StepResult
from voxgpu.backends.cost_model import TO_DEVICE, seconds_on_gpu
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.device_storage import MultiGpuStorage
from voxgpu.backends.cuda.registry import scratch_of
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.optimize.schedule import Schedule, Task, bytes_of_type
from voxgpu.optimize.step import BatchedStep, ComputedStep, FusedStep, NodeStep, Step
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.primitive import Value
from voxgpu.primitives.source import CONSTANT, LOAD

#: Less gain than this, in seconds or as a part of the whole, is not worth a second device.
LEAST_SECONDS, LEAST_PART = 0.002, 0.15


@frozen(slots=True)
class Partition:
    """Connected tasks.

    seconds  they take on one device
    loaded   bytes of files that they read, which must get to their device
    """

    tasks: tuple[Task, ...]
    seconds: float
    loaded: int


class MultiGpuBackend:
    """Several GPUs as one backend."""

    fuses = True

    def __init__(self, gpus: Sequence[Gpu]) -> None:
        self._gpus = gpus
        self._place: dict[ValueId, Gpu] = {}
        self.workers = gpus[0].workers
        self.name = ",".join(each.name for each in gpus)
        self.device_storage = MultiGpuStorage(
            [each.device_storage for each in gpus], lambda step: self._of(step).device_storage
        )

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """The same as for one GPU."""
        return scratch_of(node, plan)

    def prepare(self, schedule: Schedule) -> None:
        """Assigns steps to devices, and starts compiling."""
        self._place = {}
        for gpu, tasks in zip(self._gpus, partition(schedule, len(self._gpus)), strict=True):
            if tasks:
                gpu.prepare(schedule)
            self._place.update((id, gpu) for task in tasks for id in task.outputs)

    def execute(self, step: ComputedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Queue the kernels of a step on its device."""
        return self._of(step).execute(step, inputs)

    def close(self) -> None:
        """Closes every device."""
        for each in self._gpus:
            each.device.settle()  # what one has copied from another keeps memory of that one
        for each in self._gpus:
            each.close()

    def _of(self, step: Step) -> Gpu:
        return self._place.get(step.outputs[0], self._gpus[0])


def partition(schedule: Schedule, devices: int) -> list[list[Task]]:
    """Assigns tasks to devices; all go to the first if more devices would not pay."""
    parts = sorted(_parts(schedule), key=lambda part: part.seconds, reverse=True)
    loads = [0.0] * devices
    chosen: list[list[Task]] = [[] for _ in range(devices)]
    for part in parts:
        costs = [
            load + part.seconds + (part.loaded / TO_DEVICE if device else 0.0)
            for device, load in enumerate(loads)
        ]
        device = costs.index(min(costs))
        loads[device] = costs[device]
        chosen[device] += part.tasks
    alone = sum(part.seconds for part in parts)
    gain = alone - max(loads)
    if gain < LEAST_SECONDS or gain < LEAST_PART * alone:
        return [[task for part in parts for task in part.tasks], *([] for _ in range(devices - 1))]
    return chosen


def _parts(schedule: Schedule) -> list[Partition]:
    """Groups the computing tasks that share anything but files and constants."""
    computing = [task for task in schedule.tasks if not _is_source(task)]
    leader: dict[ValueId, ValueId] = {}

    def root(id: ValueId) -> ValueId:
        while leader.setdefault(id, id) != id:
            leader[id] = leader[leader[id]]
            id = leader[id]
        return id

    made = {id for task in computing for id in task.outputs}
    for task in computing:
        first = root(task.id)
        for each in (*task.outputs, *(id for id in task.inputs if id in made)):
            leader[root(each)] = first = root(first)
    groups: dict[ValueId, list[Task]] = {}
    for task in computing:
        groups.setdefault(root(task.id), []).append(task)
    return [_part(schedule, tasks, made) for tasks in groups.values()]


def _part(schedule: Schedule, tasks: list[Task], computed: set[ValueId]) -> Partition:
    types = schedule.plan.types
    read = {id for task in tasks for id in task.inputs if id not in computed}
    seconds = sum(
        seconds_on_gpu(node, types[id], [types[each] for each in node.inputs if each in types])
        for task in tasks
        for id, node in task.nodes
    )
    return Partition(tuple(tasks), seconds, sum(bytes_of_type(types[id]) for id in read))


def _is_source(task: Task) -> bool:
    step = task.step
    if isinstance(step, NodeStep):
        return step.node.primitive in (CONSTANT, LOAD)
    return not isinstance(step, FusedStep | BatchedStep)
