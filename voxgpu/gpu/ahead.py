"""Which kernels will a program need on a GPU? They can be compiled before there is one."""

from __future__ import annotations

from voxgpu.codegen.cuda_source import CudaKernel, render
from voxgpu.gpu import generated
from voxgpu.gpu.backend import scratch_of
from voxgpu.gpu.modules import text_of_kernels
from voxgpu.optimize.passes import scheduled
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import Fused
from voxgpu.plan.node import Node, Plan


class _Planned:
    """What passes ask of a backend."""

    fuses = True

    def scratch_of(self, node: Node) -> int | None:
        """As the GPU."""
        return scratch_of(node)


#: A GPU as passes see it.
TARGET = _Planned()


def schedule_of(plan: Plan) -> Schedule:
    """The schedule of a plan on a GPU."""
    return scheduled(plan, TARGET)


def cuda_text(step: Fused) -> str:
    """What NVRTC is given for a step, without what stands before it."""
    return render(generated.kernel_of(step), "kernel")


def kernels_of(plan: Plan) -> list[CudaKernel]:
    """The generated kernels that a plan needs."""
    planned = schedule_of(plan)
    return [
        each for task in planned.tasks for each in generated.kernels_of(task.step, planned.plan)
    ]


def text_of(plan: Plan) -> str:
    """What is compiled of them, in one go; empty where there are none."""
    return text_of_kernels(kernels_of(plan))
