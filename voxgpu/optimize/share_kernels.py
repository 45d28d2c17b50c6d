"""Equal kernels of a plan made one object, so that each is analyzed and compiled once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from voxgpu.codegen.expression_table import table_of
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import Scalar
from voxgpu.optimize.step import FusedStep, Step


def share_kernels(steps: Sequence[Step]) -> list[Step]:
    """Returns the steps, with one kernel in place of all that are equal."""
    known: dict[object, tuple[Kernel, list[Scalar]]] = {}
    shared: list[Step] = []
    for step in steps:
        if isinstance(step, FusedStep):
            kernel, numbers = step.kernel, step.reduced_scalars
            bodies = [each.body for each in numbers]
            table = table_of([*kernel.outputs, *kernel.reductions, *bodies])
            # As text, since 0 and −0 are equal, and a number is equal to a truth value.
            key = (kernel.inputs, kernel.parameters, kernel.stored, len(kernel.outputs), str(table))
            first, expressions = known.setdefault(key, (kernel, bodies))
            if first is not kernel:
                # What a number is computed from must be the reductions of this very kernel.
                own = zip(numbers, expressions, strict=True)
                rewritten = tuple(replace(each, body=body) for each, body in own)
                step = replace(step, kernel=first, reduced_scalars=rewritten)
        shared.append(step)
    return shared
