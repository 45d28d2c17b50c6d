"""Detection of integers that a program rounds implicitly.

Images of 32 and 64 bits may have voxels that float32 cannot represent; for 64 bits this extends to
float64. Comparisons are exact but arithmetic is not, which is reported once for each image.
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

#: Prefix of every message below.
_WHOLE = "the whole number "

#: Number of voxels examined at a time.
_SLAB = 1 << 20

#: All integers up to this bound are float32 values.
_SINGLE = 1 << 24


def lost_number(array: Array) -> str | None:
    """Returns the warning for an image with integers that float32 cannot represent, else None.

    A number that not even float64 can represent has priority.
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
    """Returns the first voxel that changes on conversion to this element type, or None."""
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
    """Returns whether a warning says that users of a value may round its numbers."""
    return reason.startswith(_WHOLE)


def roundings(plan: Plan, warnings: Mapping[ValueId, str]) -> list[tuple[ValueId, str]]:
    """Returns the first node that rounds each such image, with the warning."""
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
    """Returns whether a node converts integers of these inputs to float32 or a number."""
    primitive, result = node.primitive, types[id]
    pairs = list(zip(arguments_of(node, node.inputs), primitive.parameters, strict=False))
    if primitive.body is not None:
        images = [(a, types[a]) for a, p in pairs if isinstance(p.type, ImageOf)]
        elements = [kind.element for _, kind in images if isinstance(kind, ImageOf)]
        rounded = loses([primitive.body], elements)
        reduces = any(each.operation in REDUCTIONS for each in topological_order([primitive.body]))
        return any(images[number][0] in used for number in rounded) or (reduces and beyond_double)
    if primitive.infer is not None or primitive.is_exact:
        return False
    if primitive.element_from is not None and isinstance(result, ImageOf):
        return result.element not in WHOLE
    return any(a in used and p.type == NUMBER_IMAGE for a, p in pairs)
