"""The protocol of backends, and what backends in this machine's memory have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.deferred import DeferredError
from voxgpu.ids import ValueId
from voxgpu.image import Grid
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import BatchedStep, FusedStep, Step
from voxgpu.plan.node import Node
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.store.session_cache import SessionCache

#: The outcome of one output of a task. An error of one leaves the others as they are.
StepResult = Value | ValueWithWarning | UndefinedValueError | DeferredError


class Backend(Protocol):
    """What computes: one device."""

    name: str
    fuses: bool

    @property
    def workers(self) -> ThreadPool | None:
        """Threads for tasks; None: one task at a time."""

    def scratch_of(self, node: Node) -> int | None:
        """Bytes per voxel that a node takes besides inputs and result; None: as the reference."""

    def prepare(self, schedule: Schedule) -> None:
        """Is told what is going to be computed."""

    def is_async(self, step: Step) -> bool:
        """Whether performing a step only queues work for a device, and so takes no time."""

    def upload_inputs(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Those inputs of a step that had to be brought to where it computes, as they are there."""

    def stage(self, value: Value) -> Value:
        """A value that was just read, ready to be brought to where it is computed with."""

    def on_memory_pressure(self, relieve: Callable[[int], bool]) -> None:
        """What makes room for so many bytes, where memory is short while a step is queued."""

    def attach_cache(self, kept: SessionCache) -> None:
        """What is kept for later programs, and may be asked to go elsewhere."""

    @property
    def budget(self) -> int | None:
        """Bytes that values may take where this computes; None: in this machine's memory."""

    def call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> StepResult:
        """One primitive; ``grid`` is that of the result, None for scalars, ``id`` its name."""

    def fused(self, step: FusedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """One generated kernel."""

    def joint(self, step: BatchedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Several nodes that share work."""

    def close(self) -> None:
        """Gives up what it holds."""


class HostBackend:
    """Computes with arrays where they are, when it is asked to."""

    def prepare(self, schedule: Schedule) -> None:
        """Needs no preparation."""

    def is_async(self, step: Step) -> bool:
        """Performing a step computes it."""
        return False

    def upload_inputs(self, step: Step, inputs: Mapping[ValueId, Value]) -> Mapping[ValueId, Value]:
        """Nothing has to be brought anywhere."""
        return {}

    def stage(self, value: Value) -> Value:
        """The value as it is."""
        return value

    #: Values are in this machine's memory.
    budget: int | None = None

    def attach_cache(self, kept: SessionCache) -> None:
        """What is kept is in this machine's memory, too."""

    def on_memory_pressure(self, relieve: Callable[[int], bool]) -> None:
        """Memory is the run's affair."""
