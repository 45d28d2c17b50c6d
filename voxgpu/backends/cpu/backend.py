"""The CPU backend: generated and hand-written kernels on the threads of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from voxgpu.backends.base import HostBackend, StepResult
from voxgpu.backends.cpu.registry import KERNELS
from voxgpu.backends.thread_pool import ThreadPool, usable_cores
from voxgpu.codegen.compile import run_kernel
from voxgpu.codegen.interpreter import evaluate
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import BatchedStep, FusedStep
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.primitive import (
    AccessPattern,
    Primitive,
    Value,
    empty_mask,
)


class Cpu(HostBackend):
    """The backend for this machine's cores; ``threads`` None: all that it may use."""

    name = "cpu"
    fuses = True

    def __init__(self, threads: int | None = None) -> None:
        self.workers = ThreadPool(threads or usable_cores())

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """Scratch bytes per voxel besides inputs and result; None: as the reference."""
        if node.primitive.shape in (AccessPattern.VOXELWISE, AccessPattern.REDUCTION):
            return 0
        found = KERNELS.find(node.primitive)
        return None if found is None else found.scratch_of(node, plan)

    def _call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> StepResult:
        """Compute one primitive; ``grid`` is that of the result, None for scalars."""
        found = KERNELS.find(primitive)
        images = [each for each in arguments if isinstance(each, Image)]
        if found is None:
            return primitive.reference(arguments, grid)
        plain = [_plain(each) for each in arguments]
        context = {"grid": grid if grid is not None else images[0].grid, "pool": self.workers}
        if found.shared:
            (result,) = found.call_batch([plain], **context)
        else:
            result = found.call(plain, **context)
        return Image(result, grid) if grid is not None else result

    def _fused(self, step: FusedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Run one generated kernel."""
        arrays = [_array(inputs[each]) for each in step.images]
        scalars: Any = [inputs[each] for each in step.scalars]
        images, reductions = run_kernel(step.kernel, arrays, scalars, step.grid.shape, self.workers)
        made: list[StepResult] = [Image(each, step.grid) for each in images]
        found = dict(zip(map(id, step.kernel.reductions), reductions, strict=True))
        for each in step.reduced_scalars:
            if each.required_nonzero is not None and not reductions[each.required_nonzero]:
                made.append(empty_mask(each.mask_name))
            else:
                made.append(float(evaluate(each.body, (), scalars, (), found)))
        return made

    def _batched(self, step: BatchedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Compute a batch of nodes that share work."""
        nodes = [node for _, node in step.nodes]
        first = inputs[nodes[0].inputs[0]]
        found = KERNELS.find(nodes[0].primitive)
        assert isinstance(first, Image) and found is not None
        arguments = [
            [_plain(each) for each in arguments_of(node, [inputs[id] for id in node.inputs])]
            for node in nodes
        ]
        results = found.call_batch(arguments, grid=first.grid, pool=self.workers)
        makes_image = nodes[0].primitive.makes_image
        return [Image(each, first.grid) if makes_image else each for each in results]

    def close(self) -> None:
        """Ends the threads."""
        self.workers.close()


def _plain(value: Value) -> Any:
    """Returns the arguments as kernels take them: contiguous arrays in native byte order."""
    if not isinstance(value, Image):
        return value
    array = value.array
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _array(value: Value) -> Any:
    assert isinstance(value, Image)
    return value.array
