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
    """What passes ask of a backend."""

    fuses = True

    def scratch_bytes(self, node: Node) -> int | None:
        """As the GPU."""
        return scratch_of(node)


#: A GPU as passes see it.
TARGET = _Planned()


def schedule_of(plan: Plan) -> Schedule:
    """The schedule of a plan on a GPU."""
    return prepare(plan, TARGET)


def cuda_text(step: FusedStep) -> str:
    """What NVRTC is given for a step, without what stands before it."""
    return render(fused_kernels.kernel_of(step), "kernel")


def kernels_of(plan: Plan) -> list[CudaKernel]:
    """The generated kernels that a plan needs."""
    steps = [task.step for task in schedule_of(plan).tasks]
    return [fused_kernels.kernel_of(each) for each in steps if isinstance(each, FusedStep)]


def text_of(plan: Plan) -> str:
    """What is compiled of them, in one go; empty where there are none."""
    return text_of_kernels(kernels_of(plan))
