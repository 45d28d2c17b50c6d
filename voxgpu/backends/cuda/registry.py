"""The registry of hand-written kernels of GPUs, and what their implementations return.

An implementation returns an array on the device: the voxels of an image, or one float64. Where the
host has to decide whether the result is defined, or to finish a number, it returns a
``CheckedImage`` or a ``FinishedNumber``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voxgpu.backends.cuda.launch import Array
from voxgpu.backends.registry import Registry
from voxgpu.frozen import frozen
from voxgpu.optimize.step import BatchedStep, NodeStep, Step
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.primitive import (
    AccessPattern,
    UndefinedValueError,
    Value,
    ValueWithWarning,
)

KERNELS = Registry("voxgpu.backends.cuda", ", on the host")

#: Registers a function of arrays on the device, which may name ``grid`` and ``device``.
implements = KERNELS.implements


@frozen(slots=True)
class CheckedImage:
    """An image that may turn out to be undefined.

    validity  float64 on the device, from which the host decides that
    problem   from these numbers to the error, None where the image is defined
    """

    array: Array
    validity: Array
    problem: Callable[[Any], UndefinedValueError | None]


@frozen(slots=True)
class FinishedNumber:
    """A number that the host computes from numbers on the device.

    array     float64 on the device
    to_value  from these numbers to the value
    """

    array: Array
    to_value: Callable[[Any], Value | ValueWithWarning]


def scratch_of(node: Node, plan: Plan) -> float | None:
    """Bytes per voxel that a node takes on a GPU besides inputs and result; None: on the host."""
    primitive = node.primitive
    if primitive.shape in (
        AccessPattern.VOXELWISE,
        AccessPattern.REDUCTION,
        AccessPattern.NEIGHBORHOOD,
    ):
        return 0
    found = KERNELS.find(primitive)
    return None if found is None else found.scratch_of(node, plan)


def libraries_of(step: Step) -> tuple[str, ...]:
    """The files of kernels that a step launches from."""
    if not isinstance(step, NodeStep | BatchedStep):
        return ()
    node = step.node if isinstance(step, NodeStep) else step.nodes[0][1]
    found = KERNELS.find(node.primitive)
    return found.libraries if found is not None else ()
