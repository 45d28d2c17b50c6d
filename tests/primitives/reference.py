"""Application of a primitive to plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from voxgpu.image import Grid, Image
from voxgpu.primitives.define import Definition
from voxgpu.primitives.primitive import Primitive, Value
from voxgpu.types import BOOLEAN, NUMBER, Content, ImageOf


def computed(definition: Definition, *arguments: Any, spacing: Any = None) -> Any:
    """The result of a primitive for arrays, numbers, truth values and tuples.

    Arrays of bool are images of true/false, others of numbers, or, if only that matches, of colors
    (channels last). All lie on a grid at the origin with ``spacing`` mm, in (z, y, x) order.
    """
    for primitive in definition.overloads:
        pairs = list(zip(arguments, primitive.parameters, strict=False))
        if len(arguments) == len(primitive.parameters) and all(
            _fits(argument, parameter.type) for argument, parameter in pairs
        ):
            return plain(applied(primitive, [_value(a, p.type, spacing) for a, p in pairs]))
    raise TypeError(f"no overload of {definition.function.__name__} takes these arguments")


def applied(primitive: Primitive, arguments: list[Value], default: Grid | None = None) -> Value:
    """The reference's result, on the grid that lowering would give it."""
    grids = [each.grid for each in arguments if isinstance(each, Image)]
    grid = grids[0] if grids else default
    if not primitive.makes_image:
        return primitive.reference(arguments, None)
    if primitive.grid_from:
        names = [each.name for each in primitive.parameters]
        like = arguments[names.index(primitive.grid_from)]
        assert isinstance(like, Image)
        grid = like.grid
    if primitive.grid_of is not None:
        pairs = zip(arguments, primitive.parameters, strict=True)
        grid = primitive.grid_of(grid, *(value for value, each in pairs if each.static))
    result = primitive.reference(arguments, grid)
    assert isinstance(result, Image)
    assert result.array.shape[: grid.dimensions] == grid.shape
    assert primitive.element in ("", result.array.dtype.name)
    return result


def plain(value: Value) -> Any:
    return value.array if isinstance(value, Image) else value


def _fits(argument: Any, wanted: Any) -> bool:
    if isinstance(wanted, ImageOf):
        is_truth = isinstance(argument, np.ndarray) and argument.dtype == np.bool_
        return isinstance(argument, np.ndarray) and is_truth == (wanted.content is Content.BOOLEAN)
    if isinstance(argument, np.ndarray):
        return False
    if wanted == BOOLEAN:
        return isinstance(argument, bool)
    if wanted == NUMBER:
        return isinstance(argument, int | float) and not isinstance(argument, bool)
    return isinstance(argument, tuple | str)


def _value(argument: Any, wanted: Any, spacing: Any) -> Value:
    if not isinstance(argument, np.ndarray):
        return float(argument) if wanted == NUMBER else argument
    colors = wanted.content is Content.COLOR
    shape = argument.shape[:-1] if colors else argument.shape
    return Image(argument, Grid.regular(shape, tuple(spacing) if spacing else None))
