"""The protocols of backends and of device memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.deferred import DeferredError
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import BatchedStep, ComputedStep, FusedStep, NodeStep, Step
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.store.session_cache import SessionCache

#: The outcome of one output of a task. An error of one leaves the others as they are.
StepResult = Value | ValueWithWarning | UndefinedValueError | DeferredError


#: Frees about so many bytes of a device; returns whether it could free any.
FreeMemory = Callable[[int], bool]


class DeviceStorage(Protocol):
    """The memory of a device that holds values, and the queue of steps that compute with them."""

    @property
    def budget(self) -> int:
        """Bytes that values may take on the device."""

    def is_async(self, step: Step) -> bool:
        """Returns whether executing a step only queues work, and so takes no time."""

    def device_of(self, step: Step) -> str:
        """Returns the name of the device that computes a step, or ``cpu``."""

    def upload(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Copy inputs of a step to the device where they are not there; returns those copied."""

    def stage(self, value: Value) -> Value:
        """Returns a value that was just read, ready to be uploaded without delay."""

    def on_memory_pressure(self, free_memory: FreeMemory | None) -> None:
        """Set the function of the run that is asked for memory; None: no run is going on."""

    def attach_cache(self, cache: SessionCache) -> None:
        """Let the values of a session's cache stay on the device while there is memory for them."""


class Backend(Protocol):
    """A device that computes steps: this machine's cores, a GPU or several."""

    name: str
    fuses: bool

    @property
    def workers(self) -> ThreadPool | None:
        """The threads of a run; None: one task at a time."""

    @property
    def device_storage(self) -> DeviceStorage | None:
        """The memory of the device; None: values are in host memory."""

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """Returns scratch bytes per voxel besides inputs and result; None: as the reference."""

    def prepare(self, schedule: Schedule) -> None:
        """Begin what can be done before the tasks of a schedule, such as compiling kernels."""

    def execute(self, step: ComputedStep, inputs: Mapping[ValueId, Value]) -> Sequence[StepResult]:
        """Returns the outcomes of the outputs of a step, in their order; raises the error of all.

        inputs  the values of ``step.inputs``, by id; on the device where there is one
        """

    def close(self) -> None:
        """Release its resources."""


class StepBackend(ABC):
    """Base of backends with one method for each kind of step."""

    def execute(self, step: ComputedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Compute a step, or queue its kernels; returns the outcomes of its outputs."""
        match step:
            case FusedStep():
                return self._fused(step, inputs)
            case BatchedStep():
                return self._batched(step, inputs)
            case NodeStep(id, node, grid):
                arguments = arguments_of(node, [inputs[each] for each in node.inputs])
                return [self._call(node.primitive, arguments, grid, id)]

    @abstractmethod
    def _call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> StepResult:
        """Compute one primitive; ``grid`` is that of the result, None for scalars."""

    @abstractmethod
    def _fused(self, step: FusedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Run one generated kernel."""

    @abstractmethod
    def _batched(self, step: BatchedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Compute a batch of nodes that share work."""


class HostBackend(StepBackend):
    """Base of backends that compute synchronously on arrays in host memory."""

    device_storage: DeviceStorage | None = None

    def prepare(self, schedule: Schedule) -> None:
        """Does nothing: no preparation is needed."""
