"""The reference backend: every primitive and every kernel as NumPy and SciPy define it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxgpu.backends.base import HostBackend, StepResult
from voxgpu.backends.thread_pool import ThreadPool
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.codegen.interpreter import evaluate
from voxgpu.ids import ValueId
from voxgpu.image import Grid, Image
from voxgpu.optimize.step import BatchedStep, FusedStep
from voxgpu.plan.node import Node, Plan, arguments_of
from voxgpu.primitives.primitive import Primitive, Value, empty_mask


class ReferenceBackend(HostBackend):
    """The reference backend: the meaning of every primitive, with NumPy and SciPy."""

    name = "reference"
    fuses = False
    workers: ThreadPool | None = None

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """The scratch memory that the primitive declares."""
        return None

    def _call(
        self, primitive: Primitive, arguments: list[Value], grid: Grid | None, id: ValueId
    ) -> StepResult:
        """Compute a node with the primitive's reference."""
        return primitive.reference(arguments, grid)

    def _fused(self, step: FusedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Evaluate the bodies of the kernel one after the other."""
        images = [_voxels(inputs[id]) for id in step.images]
        scalars = [inputs[id] for id in step.scalars]
        shape = step.grid.shape
        made: list[StepResult] = [
            Image(evaluate(body, images, scalars, shape).astype(element, copy=False), step.grid)
            for body, element in zip(step.kernel.outputs, step.kernel.output_elements, strict=True)
        ]
        for each in step.reduced_scalars:
            count = None
            if each.required_nonzero is not None:
                reduction = step.kernel.reductions[each.required_nonzero]
                count = evaluate(reduction, images, scalars, shape)
            if count == 0:
                made.append(empty_mask(each.mask_name))
            else:
                made.append(float(evaluate(each.body, images, scalars, shape)))
        return made

    def _batched(self, step: BatchedStep, inputs: Mapping[ValueId, Value]) -> list[StepResult]:
        """Compute each node by itself."""
        made: list[StepResult] = []
        for _, node in step.nodes:
            values = [inputs[each] for each in node.inputs]
            images = [each for each in values if isinstance(each, Image)]
            grid = images[0].grid if node.primitive.makes_image else None
            made.append(node.primitive.reference(arguments_of(node, values), grid))
        return made

    def close(self) -> None:
        """Does nothing: it holds no resources."""


def _voxels(value: Value) -> Any:
    """The voxels of an image as kernels read them."""
    assert isinstance(value, Image)
    return to_kernel_dtype(value.array)
