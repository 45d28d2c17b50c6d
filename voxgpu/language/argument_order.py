"""Which functions take an image and a number in either order, because VoxLogicA 1 and 2 differ?"""

from __future__ import annotations

from voxgpu.types import NUMBER, ImageOf, Type

#: Functions of the standard library of an image and a number; whether the image comes first.
_IMAGE_FIRST = {
    "smoothen": False,
    "distleq": False,
    "distgeq": False,
    "erode": True,
    "dilate": True,
    "imopen": True,
    "imclose": True,
}


def in_order(
    name: str, arguments: tuple[int, ...], types: tuple[Type, ...]
) -> tuple[tuple[int, ...], tuple[Type, ...]]:
    """Arguments and their types in the order of the function's parameters.

    VoxLogicA 1 writes ``smoothen(5, a)`` and 2 ``smoothen(a, 5)``: the types say which is which.
    """
    image_first = _IMAGE_FIRST.get(name)
    if image_first is None or len(types) != 2:
        return arguments, types
    given = (isinstance(types[0], ImageOf), types[1] == NUMBER)
    other = (types[0] == NUMBER, isinstance(types[1], ImageOf))
    if all(other) if image_first else all(given):
        return arguments[::-1], types[::-1]
    return arguments, types
