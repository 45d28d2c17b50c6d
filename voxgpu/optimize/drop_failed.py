"""Removal of failed inputs from a step, so that its other results can still be computed.

Nodes are computed together for speed, not because they depend on each other. A failure in one of
them must not affect the others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Scalar
from voxgpu.codegen.substitute import substitute
from voxgpu.ids import ValueId
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep, ReducedScalar, Step, StoreRead


def without_failed_inputs(step: Step, failed: Collection[ValueId]) -> Step | None:
    """Returns the step without what depends on failed values; None if nothing remains."""
    match step:
        case NodeStep() | StoreRead():
            return None
        case BatchedStep():
            gone = set(failed)
            nodes = tuple((i, n) for i, n in step.nodes if gone.isdisjoint(n.inputs))
            return replace(step, nodes=nodes) if nodes else None
        case FusedStep():
            return _Rest(step, failed).step()


class _Rest:
    """A fused kernel restricted to the outputs that do not depend on failed inputs."""

    def __init__(self, step: FusedStep, failed: Collection[ValueId]) -> None:
        self._step = step
        self._images = [each for each in step.images if each not in failed]
        self._scalars = [each for each in step.scalars if each not in failed]
        bodies = [
            *step.kernel.outputs,
            *step.kernel.reductions,
            *(n.body for n in step.reduced_scalars),
        ]
        rebuilt = substitute(bodies, self._renumber_leaf)
        self._rebuilt_by_id = dict(zip(map(id, bodies), rebuilt, strict=True))

    def step(self) -> FusedStep | None:
        kernel = self._step.kernel
        pairs = list(zip(self._step.output_images, kernel.outputs, strict=True))
        kept = [(i, self._rebuilt_by_id[id(body)]) for i, body in pairs]
        outputs = [(i, body) for i, body in kept if body is not None]
        stored = dict(zip(self._step.output_images, kernel.output_elements, strict=True))
        numbers = [n for n in self._step.reduced_scalars if self._is_computable(n)]
        if not outputs and not numbers:
            return None
        remaining = [g for g in kernel.reductions if self._rebuilt_by_id[id(g)] is not None]
        reductions = tuple(self._body(each) for each in remaining)
        new_index = {id(reduction): number for number, reduction in enumerate(remaining)}
        rest = Kernel(
            tuple(kernel.inputs[self._step.images.index(i)] for i in self._images),
            tuple(kernel.parameters[self._step.scalars.index(i)] for i in self._scalars),
            tuple(body for _, body in outputs),
            reductions,
            tuple(stored[i] for i, _ in outputs),
        )
        return replace(
            self._step,
            kernel=rest,
            images=tuple(self._images),
            scalars=tuple(self._scalars),
            output_images=tuple(i for i, _ in outputs),
            reduced_scalars=tuple(self._renumbered(each, new_index) for each in numbers),
        )

    def _is_computable(self, number: ReducedScalar) -> bool:
        needed = [number.body]
        if number.required_nonzero is not None:
            needed.append(self._step.kernel.reductions[number.required_nonzero])
        return all(self._rebuilt_by_id[id(each)] is not None for each in needed)

    def _renumbered(self, number: ReducedScalar, new_index: dict[int, int]) -> ReducedScalar:
        counted = None
        if number.required_nonzero is not None:
            counted = new_index[id(self._step.kernel.reductions[number.required_nonzero])]
        return replace(number, body=self._body(number.body), required_nonzero=counted)

    def _body(self, expression: Scalar) -> Scalar:
        result = self._rebuilt_by_id[id(expression)]
        assert result is not None
        return result

    def _renumber_leaf(self, leaf: Scalar) -> Scalar | None:
        """Returns the leaf with its input renumbered; None if that input failed."""
        if leaf.operation == "read":
            source = self._step.images[leaf.number]
            if source not in self._images:
                return None
            return replace(leaf, detail=(self._images.index(source), *leaf.detail[1:]))
        if leaf.operation == "parameter":
            source = self._step.scalars[leaf.number]
            if source not in self._scalars:
                return None
            return replace(leaf, detail=(self._scalars.index(source),))
        return leaf
