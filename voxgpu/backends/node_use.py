"""What is known of a node's arguments before it is computed, for estimates of its memory."""

from __future__ import annotations

from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.plan.node import Node, Plan
from voxgpu.primitives.source import CONSTANT
from voxgpu.types import ImageOf


@frozen(slots=True)
class NodeUse:
    """A node and its arguments.

    grid      of the first image
    elements  of the images
    numbers   the other inputs where they are constants; None: not known yet
    static    the static arguments
    """

    grid: Grid
    elements: tuple[str, ...]
    numbers: tuple[float | None, ...]
    static: tuple[object, ...]

    @property
    def width(self) -> int:
        """Voxels along x."""
        return self.grid.shape[-1]


def use_of(node: Node, plan: Plan) -> NodeUse | None:
    """Returns what is known of a node's arguments; None if it takes no image."""
    images = [t for t in (plan.types[each] for each in node.inputs) if isinstance(t, ImageOf)]
    grids = [each.grid for each in images if each.grid is not None]
    if not grids:
        return None
    others = [each for each in node.inputs if not isinstance(plan.types[each], ImageOf)]
    makers = [plan.nodes[each] for each in others]
    # Values that are there already are constants without a value in a pruned plan.
    values = [
        each.parameters[0] if each.primitive is CONSTANT and each.parameters else None
        for each in makers
    ]
    numbers = tuple(each if isinstance(each, float) else None for each in values)
    return NodeUse(grids[0], tuple(each.element for each in images), numbers, node.parameters)
