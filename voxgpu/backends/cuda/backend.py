"""The backend of one GPU: every step queues kernels, and images stay on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from voxgpu.backends.base import StepBackend, StepResult
from voxgpu.backends.cuda import fused_kernels, registry, scalar_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.device_storage import GpuStorage
from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.cuda.registry import KERNELS
from voxgpu.backends.cuda.results import (
    batch_results,
    call_result,
    image_result,
    reduced_results,
)
from voxgpu.backends.cuda.values import (
    DeviceNumber,
    HostComputedValue,
    ScalarTransfer,
    dependencies_of,
    number_at,
    truth_at_first,
)
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.codegen.scalar import Scalar
from voxgpu.deferred import DeferredError, DeferredValue, fetched
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import BatchedStep, FusedStep
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.primitive import (
    AccessPattern,
    Primitive,
    UndefinedValueError,
    Value,
)
from voxgpu.primitives.sequence import ITEM, SEQUENCE
from voxgpu.types import BOOLEAN


class Gpu(StepBackend):
    """The backend of one GPU; host threads read and write files meanwhile."""

    fuses = True

    def __init__(self, device: CudaDevice, workers: ThreadPool) -> None:
        self.device = device
        self.workers = workers
        self.name = f"cuda:{device.ordinal}"
        self.device_storage = GpuStorage(device)

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """Scratch bytes per voxel besides inputs and result; None: as the reference."""
        return registry.scratch_of(node, plan)

    def prepare(self, schedule: Schedule) -> None:
        """Starts compiling the kernels of a schedule."""
        steps = [task.step for task in schedule.tasks]
        kernels = [fused_kernels.kernel_of(each) for each in steps if isinstance(each, FusedStep)]
        libraries = {stem for step in steps for stem in registry.libraries_of(step)}
        self.device.modules.prepare(kernels, sorted(libraries))

    def _call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> StepResult:
        """Compute one primitive; ``grid`` is that of the result, None for scalars."""
        if primitive.shape is AccessPattern.SCALAR:
            return self._scalar(primitive, arguments, id)
        found = KERNELS.find(primitive)
        if found is None or found.on_reference & _elements(arguments):
            return primitive.reference([fetched(each) for each in arguments], grid)
        if found.shared:
            return self._batch(primitive, [(id, arguments)])[id]
        images = [each for each in arguments if isinstance(each, Image)]
        plain = [self._argument(each, found.device_numbers) for each in arguments]
        context = {"grid": grid if grid is not None else images[0].grid, "device": self.device}
        return call_result(found.call(plain, **context), arguments, grid, id, self.device)

    def _fused(self, step: FusedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Run one generated kernel."""
        kernel = fused_kernels.kernel_of(step)
        images = [self._array(inputs[id]) for id in step.images]
        scalars = [inputs[id] for id in step.scalars]
        outputs, found = self._run(kernel, images, scalars, step.grid)
        pairs = zip(outputs, step.kernel.outputs, strict=True)
        made: list[StepResult] = [
            image_result(each, step.grid, _given([body], step, inputs), self.device)
            for each, body in pairs
        ]
        if step.reduced_scalars:
            wanted = [
                (each.id, each.required_nonzero, each.mask_name) for each in step.reduced_scalars
            ]
            bodies = [fused_kernels.bodies_of(each, step) for each in step.reduced_scalars]
            sources = [dependencies_of(_given(each, step, inputs)) for each in bodies]
            made += reduced_results(wanted, found, sources, self.device)
        return made

    def _batched(self, step: BatchedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Compute a batch of nodes; a node with an undefined number fails alone."""
        nodes = [
            (id, arguments_of(node, [inputs[each] for each in node.inputs]))
            for id, node in step.nodes
        ]
        made = self._batch(step.nodes[0][1].primitive, nodes)
        return [made[id] for id in step.outputs]

    def _batch(
        self, primitive: Primitive, nodes: list[tuple[ValueId, list[Value]]]
    ) -> dict[ValueId, StepResult]:
        """Returns the results of nodes of one primitive that share their first arguments."""
        implementation = KERNELS.find(primitive)
        assert implementation is not None
        made: dict[ValueId, StepResult] = {}
        batch: list[tuple[ValueId, list[Value]]] = []
        on_host: dict[int, Value] = {}
        plain = []
        for id, given in nodes:
            try:
                if implementation.on_reference & _elements(given):
                    made[id] = _on_host(primitive, given, on_host)
                else:
                    plain.append([self._argument(each, False) for each in given])
                    batch.append((id, given))
            except DeferredError as error:
                made[id] = error
        if batch:
            images = [each for each in batch[0][1] if isinstance(each, Image)]
            context = {"grid": images[0].grid, "device": self.device}
            found = implementation.call_batch(plain, **context)
            made.update(batch_results(primitive, batch, found, self.device))
        return made

    def close(self) -> None:
        """Free the memory of the device and end the threads."""
        self.workers.close(wait=True)  # they use what is given back next
        self.device.close()

    def _scalar(self, primitive: Primitive, arguments: list[Value], id: ValueId) -> StepResult:
        """Computes a number from numbers, on the device if one of them is there."""
        if primitive in (SEQUENCE, ITEM) or not _is_any_elsewhere(arguments):
            return primitive.reference(arguments, None)
        operation = scalar_kernels.operations().get(primitive)
        places = [self._address(each) for each in arguments]
        pairs = zip(arguments, places, strict=True)
        must_wait = any(isinstance(each, DeferredValue) and p is None for each, p in pairs)
        if operation is None or must_wait:
            return HostComputedValue(id, arguments, lambda given: primitive.reference(given, None))
        operands = [
            (0.0, place) if place is not None else (float(each), None)  # type: ignore[arg-type]
            for each, place in zip(arguments, places, strict=True)
        ]
        found = scalar_kernels.apply(operation, operands, self.device)
        transfer = ScalarTransfer(self.device, found, self.device.record_event())
        finish = truth_at_first if primitive.result == BOOLEAN else partial(number_at, 0)
        return DeviceNumber(id, transfer, finish, 0, dependencies_of(arguments), True)

    def _run(
        self, kernel: CudaKernel, images: list[Array], scalars: Sequence[Value], grid: Grid
    ) -> tuple[list[Array], Array]:
        images = [
            self._converted(each, element)
            for each, element in zip(images, kernel.kernel.inputs, strict=True)
        ]
        places = [self._address(each) for each in scalars]
        operands = [
            fused_kernels.parameter(fetched(each) if place is None else 0.0, place, element)
            for each, place, element in zip(
                scalars, places, kernel.kernel.exact.parameters, strict=True
            )
        ]
        return fused_kernels.launch(kernel, images, operands, grid, self.device)

    def _converted(self, array: Array, element: str) -> Array:
        """The array as the kernel reads it; a user-defined primitive may return another element."""
        if array.dtype == np.dtype(element):
            return array
        host = self.device.download(array, self.device.record_event())
        target, event = self.device.upload(host.astype(element))
        self.device.wait_for(event)
        return target

    def _argument(self, value: Value, takes_numbers: bool) -> Any:
        """An argument as implementations take it: an array on the device, or a number."""
        if isinstance(value, Image):
            return self._array(value)
        place = self._address(value)
        return place if takes_numbers and place is not None else fetched(value)

    def _address(self, value: Value) -> Array | None:
        """The memory of a number on this device; None if it is on the host or another device.

        Numbers that a session keeps may be on the device of an earlier program. Kernels cannot read
        these: an illegal address ends the context of the process.
        """
        if isinstance(value, DeviceNumber) and value.transfer.device is self.device:
            return value.address
        return None

    def _array(self, value: Value) -> Array:
        """The voxels of an image on the device, available to queued kernels."""
        assert isinstance(value, Image)
        image = self.device_storage.resident(value)
        if image.is_copied:
            self.device.wait_for(image.event)
        return image.array


def _elements(arguments: Sequence[Value]) -> set[str]:
    """The elements of the images among some arguments."""
    return {np.dtype(each.array.dtype).name for each in arguments if isinstance(each, Image)}


def _on_host(primitive: Primitive, arguments: list[Value], known: dict[int, Value]) -> StepResult:
    """Returns the result of the reference; raises DeferredError if an argument is undefined.

    known  fetched arguments by identity, to which this adds
    """
    known.update((id(each), fetched(each)) for each in arguments if id(each) not in known)
    values = [known[id(each)] for each in arguments]
    first = next(each for each in values if isinstance(each, Image))
    try:
        return primitive.reference(values, first.grid if primitive.makes_image else None)
    except UndefinedValueError as problem:
        return problem


def _given(
    bodies: Sequence[Scalar], step: FusedStep, inputs: Mapping[ValueId, Value]
) -> list[Value]:
    """The inputs that these bodies of a step read: if one fails, the bodies fail."""
    return [inputs[id] for id in fused_kernels.looked_at(bodies, step)]


def _is_any_elsewhere(arguments: list[Value]) -> bool:
    """Whether one of the values is deferred."""
    return any(
        isinstance(each, DeferredValue)
        or (isinstance(each, tuple) and _is_any_elsewhere(list(each)))
        for each in arguments
    )
