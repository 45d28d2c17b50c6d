"""An estimate of whether a program is faster on the CPU or on the GPU.

On the CPU an operation takes time in proportion to the voxels; on a GPU hardly any, but starting it
takes a moment, images have to get there, and each operation is a launch or several. The numbers
are round: of the CPU measured (``docs/performance.md``), of the GPU what its memory allows
(``docs/gpu.md``), and where both come close it hardly matters which is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from voxgpu.frozen import frozen
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives import components, distance, intensity_ranks, overlap, ranked, texture
from voxgpu.primitives.primitive import AccessPattern, Primitive
from voxgpu.primitives.source import CONSTANT, LOAD
from voxgpu.types import ImageOf, Type

#: Seconds until a process has a GPU to compute with; once a process.
START = 0.2

#: Seconds that a launch takes, and launches of an operation.
LAUNCH = 6e-6
LAUNCHES = {AccessPattern.WHOLE_IMAGE: 4}

#: Bytes a second between this machine's memory and the GPU's, and within the GPU's.
TO_DEVICE = 10e9
ON_DEVICE = 1e12

#: Bytes that an operation moves on the GPU for each byte of its images.
PASSES = {AccessPattern.WHOLE_IMAGE: 6.0}

#: Nanoseconds of one core for a voxel, by shape of computation.
VOXEL = {
    AccessPattern.VOXELWISE: 0.15,
    AccessPattern.NEIGHBORHOOD: 0.8,
    AccessPattern.REDUCTION: 0.1,
}

#: The same for whole images; what is not listed takes as long as what is computed elsewhere.
WHOLE = {
    components.through: 0.8,
    components.labels: 1.0,
    components.largest_component: 0.8,
    ranked.ranked_components: 1.2,
    ranked.component_count: 0.7,
    distance.signed_distance: 6.0,
    distance.distance: 6.0,
    intensity_ranks.percentiles: 1.6,
    intensity_ranks.otsu: 2.8,
    texture.cross_correlation: 25.0,
    texture.gradient: 3.6,
    overlap.dice: 1.0,
    overlap.jaccard: 1.0,
    overlap.sensitivity: 1.0,
    overlap.specificity: 1.0,
    overlap.volume_in_mm: 0.5,
}
OTHERWISE = 2.0


@frozen(slots=True)
class CostEstimate:
    """Estimated seconds that a plan takes on either, without reading files.

    operators  how many operations on images there are
    bytes      that are copied to the GPU and back
    """

    cpu: float
    gpu: float
    operators: int
    bytes: int

    @property
    def prefers_gpu(self) -> bool:
        """Whether the GPU is clearly faster."""
        return self.gpu < 0.8 * self.cpu

    def __str__(self) -> str:
        """The estimate in words."""
        return (
            f"{self.operators} operations on images, {self.bytes / 1e6:.0f} MB to copy: about "
            f"{self.cpu:.2f} s on the CPU, {self.gpu:.2f} s on the GPU"
        )


def estimate(plan: Plan, cores: int, is_running: bool = False) -> CostEstimate:
    """Returns the estimate for a plan.

    cores       that the CPU would compute with
    is_running  whether the process has the GPU already
    """
    cpu, gpu = 0.0, 0.0 if is_running else START
    operators = copied = 0
    goals = {goal.value for goal in plan.goals}
    for id, node in plan.nodes.items():
        kind = plan.types[id]
        images = [plan.types[each] for each in node.inputs]
        involved = [each for each in (kind, *images) if isinstance(each, ImageOf)]
        if not involved or node.primitive is CONSTANT:
            continue
        if isinstance(kind, ImageOf) and (node.primitive is LOAD or id in goals):
            copied += kind.bytes
        if node.primitive is LOAD:
            continue
        operators += 1
        voxels = max(each.grid.voxels for each in involved if each.grid is not None)
        cpu += voxels * 1e-9 * _nanoseconds(node) / _cores_used(node, cores)
        gpu += seconds_on_gpu(node, kind, images)
    return CostEstimate(cpu, gpu + copied / TO_DEVICE, operators, copied)


def seconds_on_gpu(node: Node, kind: Type, inputs: Sequence[Type]) -> float:
    """Returns the seconds that a node takes whose result and inputs have these types."""
    shape = node.primitive.shape
    moved = sum(each.bytes for each in (kind, *inputs) if isinstance(each, ImageOf))
    return LAUNCH * LAUNCHES.get(shape, 1) + moved * PASSES.get(shape, 1.0) / ON_DEVICE


def _nanoseconds(node: Node) -> float:
    shape = node.primitive.shape
    return VOXEL[shape] if shape in VOXEL else _whole().get(node.primitive, OTHERWISE)


def _cores_used(node: Node, cores: int) -> float:
    """Returns the cores that pay off: memory-bound kernels gain little from more."""
    return max(1.0, cores * 0.7) if node.primitive.shape is AccessPattern.WHOLE_IMAGE else 1.5


@cache
def _whole() -> dict[Primitive, float]:
    return {each: cost for made, cost in WHOLE.items() for each in made.overloads}
