"""Standard-library functions that accept an image and a number in either order.

VoxLogicA 1 and 2 disagree on the order, so the types decide.
"""

from __future__ import annotations

from voxgpu.types import NUMBER, ImageOf, Type

#: Standard-library functions of an image and a number; True if the image comes first.
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
    """Returns the arguments and their types in the order of the function's parameters.

    VoxLogicA 1 writes ``smoothen(5, a)``, VoxLogicA 2 writes ``smoothen(a, 5)``.
    """
    image_first = _IMAGE_FIRST.get(name)
    if image_first is None or len(types) != 2:
        return arguments, types
    image_number = (isinstance(types[0], ImageOf), types[1] == NUMBER)
    number_image = (types[0] == NUMBER, isinstance(types[1], ImageOf))
    if all(number_image) if image_first else all(image_number):
        return arguments[::-1], types[::-1]
    return arguments, types
