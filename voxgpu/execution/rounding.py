"""Which whole numbers does a program round without being asked, and where?

Images of 32 and 64 bits may have voxels that float32 does not, and those of 64 bits some that
float64 does not. Comparisons are exact; arithmetic is not, and its user is told, once an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integer_interpreter import compared
from voxgpu.codegen.integers import WHOLE, loses
from voxgpu.codegen.scalar import REDUCTIONS, topological_order
from voxgpu.ids import ValueId
from voxgpu.plan.node import Node, Plan, arguments_of, without_dead_nodes
from voxgpu.types import NUMBER_IMAGE, ImageOf, Type

Array = npt.NDArray[Any]

#: How every reason below begins.
_WHOLE = "the whole number "

#: Voxels that are looked at at a time.
_SLAB = 1 << 20

#: Up to this bound every whole number is a float32.
_SINGLE = 1 << 24


def lost_number(array: Array) -> str | None:
    """What to say of an image with whole numbers that float32 has not; None for any other.

    A number that float64 has not either is named before others.
    """
    if array.dtype.name not in WHOLE or not array.size:
        return None
    if int(array.min()) >= -_SINGLE and int(array.max()) <= _SINGLE:
        return None
    number = _first_lost(array, np.float64)
    if number is not None:
        return f"{_WHOLE}{number} is no float64, and no float32"
    number = _first_lost(array, np.float32)
    return None if number is None else f"{_WHOLE}{number} is no float32"


def _first_lost(array: Array, element: type[np.floating[Any]]) -> int | None:
    """The first voxel that changes if it becomes a number of this element."""
    if element is np.float64 and array.dtype.itemsize == 4:
        return None
    flat = array.reshape(-1)
    for start in range(0, flat.size, _SLAB):
        some = flat[start : start + _SLAB]
        differs = ~compared("equal", some, some.astype(element))
        if differs.any():
            return int(some[int(np.argmax(differs))])
    return None


def is_of_rounding(reason: str) -> bool:
    """Whether a doubt about a value is that its numbers may be rounded by those who use it."""
    return reason.startswith(_WHOLE)


def roundings(plan: Plan, warnings: Mapping[ValueId, str]) -> list[tuple[ValueId, str]]:
    """Of each image with such numbers, the first node that rounds them, and what to warn of."""
    part = without_dead_nodes(plan)
    found = []
    for id, reason in warnings.items():
        place = _first_rounding(part, id, "float64" in reason) if id in part.nodes else None
        if place is not None:
            found.append((place, f"{reason}: {_HERE}"))
    return found


_HERE = (
    "voxels such as this are rounded here; comparisons with numbers and images, `mask`, `extract` "
    "and `resample` keep them"
)


def _first_rounding(plan: Plan, image: ValueId, beyond_double: bool) -> ValueId | None:
    exact = {image}
    for id, node in plan.nodes.items():
        used = exact.intersection(node.inputs)
        if not used:
            continue
        if _rounds(plan.types, id, node, used, beyond_double):
            return id
        kind = plan.types[id]
        if isinstance(kind, ImageOf) and kind.element in WHOLE and node.primitive.infer is None:
            exact.add(id)
    return None


def _rounds(
    types: Mapping[ValueId, Type], id: ValueId, node: Node, used: set[ValueId], beyond_double: bool
) -> bool:
    """Whether a node makes float32, or a number, of whole numbers of these inputs."""
    primitive, result = node.primitive, types[id]
    pairs = list(zip(arguments_of(node, node.inputs), primitive.parameters, strict=False))
    if primitive.body is not None:
        images = [(a, types[a]) for a, p in pairs if isinstance(p.type, ImageOf)]
        elements = [kind.element for _, kind in images if isinstance(kind, ImageOf)]
        rounded = loses([primitive.body], elements)
        gathers = any(each.operation in REDUCTIONS for each in topological_order([primitive.body]))
        return any(images[number][0] in used for number in rounded) or (gathers and beyond_double)
    if primitive.infer is not None or primitive.is_exact:
        return False
    if primitive.element_from is not None and isinstance(result, ImageOf):
        return result.element not in WHOLE
    return any(a in used and p.type == NUMBER_IMAGE for a, p in pairs)
