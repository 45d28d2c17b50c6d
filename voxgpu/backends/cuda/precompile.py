"""The kernels that a program needs on a GPU, for compiling them without one."""

from __future__ import annotations

from voxgpu.backends.cuda import fused_kernels
from voxgpu.backends.cuda.module_cache import text_of_kernels
from voxgpu.backends.cuda.registry import scratch_of
from voxgpu.codegen.cuda_renderer import CudaKernel, render
from voxgpu.optimize.passes import prepare
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Node, Plan


class _Planned:
    """The properties of a backend that passes use."""

    fuses = True

    def scratch_bytes(self, node: Node, plan: Plan) -> float | None:
        """The same as for the GPU."""
        return scratch_of(node, plan)


#: A GPU as passes see it.
TARGET = _Planned()


def schedule_of(plan: Plan) -> Schedule:
    """Returns the schedule of a plan on a GPU."""
    return prepare(plan, TARGET)


def cuda_text(step: FusedStep) -> str:
    """The CUDA source of a step, without the common header."""
    return render(fused_kernels.kernel_of(step), "kernel")


def kernels_of(plan: Plan) -> list[CudaKernel]:
    """The generated kernels that a plan needs."""
    steps = [task.step for task in schedule_of(plan).tasks]
    return [fused_kernels.kernel_of(each) for each in steps if isinstance(each, FusedStep)]


def text_of(plan: Plan) -> str:
    """The source text that compiles them all together; empty for none."""
    return text_of_kernels(kernels_of(plan))
