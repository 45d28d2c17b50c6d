"""Calls of SimpleITK's functions with values of the language, and their result types."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from voxgpu.image import ROUNDING, Grid, Image
from voxgpu.itk.images import element_of, from_itk, grid_of, place, to_itk
from voxgpu.itk.process import quiet, simpleitk
from voxgpu.primitives.primitive import UndefinedValueError, Value
from voxgpu.primitives.simpleitk_bounds import size_problem
from voxgpu.primitives.simpleitk_filter import way_of
from voxgpu.primitives.simpleitk_fit import Unfit, fitting
from voxgpu.primitives.simpleitk_histogram import histogram_problem
from voxgpu.primitives.simpleitk_signature import INTEGERS, Argument, Signature
from voxgpu.types import Content, ImageOf, Type

#: Voxels of the images used for trial calls, (x, y, z): odd, so that nothing fits by accident.
_PROBE = (13, 11, 9)

#: Parameters that count voxels from the edges of an image: their effect on the small image of a
#: trial call says nothing about their effect on the real one.
_PLACES = {"index", "outputSize", "size", "start", "step", "stop"}


def caller(signature: Signature) -> Callable[[list[Value], Grid | None], Value]:
    """The reference of a function; it raises UndefinedValueError if SimpleITK raises an error."""

    def reference(arguments: list[Value], grid: Grid | None) -> Value:
        images = [each for each in arguments if isinstance(each, Image)]
        known = [grid] if grid is not None else [each.grid for each in images]
        with quiet():
            try:
                result = _called(signature, _given(signature, arguments, images))
            except UndefinedValueError as refused:
                return _called_on_slices(signature, arguments, images, grid, refused)
            if signature.result != "image":
                return _plain(result, signature)
            made = _image(result, signature, known)
        if grid is not None and made.grid is not grid:
            raise UndefinedValueError(
                f"`{signature.name}` gave an image on another grid than expected"
            )
        return made

    return reference


def _given(signature: Signature, arguments: list[Value], images: Sequence[Image]) -> list[Any]:
    return [
        _to_itk(_on_one_grid(value, images), each)
        for value, each in zip(arguments, signature.arguments, strict=False)
    ]


def _called_on_slices(
    signature: Signature,
    arguments: list[Value],
    images: Sequence[Image],
    grid: Grid | None,
    refused: UndefinedValueError,
) -> Value:
    """Calls a function that rejects images one voxel thick with 2-D images instead.

    Some filters, such as recursive Gaussians, need several voxels along every axis. Raises the
    original error if the images are not all on the grid of one slice, or the filter rejects 2-D.
    """
    axis = images[0].grid.thin_axis if images else None
    if axis is None or any(each.grid.shape != images[0].grid.shape for each in images):
        raise refused
    whole, plane = images[0].grid, images[0].grid.without_axis(axis)
    flat = [
        Image(np.ascontiguousarray(each.array.squeeze(axis)), plane)
        if isinstance(each, Image)
        else each
        for each in arguments
    ]
    try:
        result = _called(signature, _given(signature, flat, [Image(images[0].array, plane)]))
    except UndefinedValueError:
        raise refused from None
    if signature.result != "image":
        return _plain(result, signature)
    made = _image(result, signature, [plane])
    if made.grid is not plane:
        raise UndefinedValueError(f"`{signature.name}` gave an image on another grid than expected")
    return Image(np.expand_dims(made.array, axis), whole)


def _on_one_grid(value: Value, images: Sequence[Image]) -> Value:
    """The value on the first image's grid if both agree: ITK's comparison is stricter than ours."""
    if isinstance(value, Image) and value.grid.agrees_with(images[0].grid):
        return Image(value.array, images[0].grid)
    return value


def inference(signature: Signature) -> Callable[[Sequence[Type], Sequence[Value | None]], Any]:
    """The result type of a function, determined by a trial call on small images; None if that
    fails.

    Raises Unfit for numbers that no image of the given element can represent.
    """

    def infer(types: Sequence[Type], values: Sequence[Value | None]) -> Type | None:
        images = [each for each in types if isinstance(each, ImageOf)]
        first = images[0] if images else None
        if first is None or first.grid is None:
            return None
        plain: list[Any] = []
        for kind, value, each in zip(types, values, signature.arguments, strict=False):
            if each.kind == "images" or (each.kind != "image" and value is None):
                return None
            if each.name in _PLACES:
                return None
            is_image = isinstance(kind, ImageOf)
            plain.append((kind.element, kind.channels) if is_image else value)  # type: ignore[union-attr]
        place = (first.grid.spacing, first.grid.origin, first.grid.direction)
        found = _tried(signature, tuple(plain), place)
        if found is None:
            return None
        element, channels = found
        content = Content.COLOR if channels > 1 else Content.NUMBER
        return ImageOf(content, element, channels, first.grid)

    return infer


@lru_cache(maxsize=4096)
def _tried(signature: Signature, given: tuple[Any, ...], where: Any) -> tuple[str, int] | None:
    """Element and channels of the result, if it lies on the grid of the arguments."""
    spacing, origin, direction = where
    shape = tuple(reversed(_PROBE[: len(spacing)]))
    grid = Grid(shape, spacing, origin, direction)
    with quiet():
        try:
            arguments = [
                _probe(value, grid) if each.kind == "image" else _to_itk(value, each)
                for value, each in zip(given, signature.arguments, strict=False)
            ]
            result = _called(signature, arguments)
        except Unfit:
            raise
        except UndefinedValueError:
            return None
        channels = result.GetNumberOfComponentsPerPixel()
        element = element_of(result)
        if (
            not grid.agrees_with(grid_of(result), ROUNDING)
            or channels not in (1, 3, 4)
            or not element
        ):
            return None
    return element, channels


def _probe(kind: tuple[str, int], grid: Grid) -> Any:
    """A small image that is not constant."""
    element, channels = kind
    shape = grid.shape if channels == 1 else (*grid.shape, channels)
    count = int(np.prod(shape))
    most = 2 if element in ("bool", "uint8", "int8") else 50
    ramp = (np.arange(count) * most // count).reshape(shape)
    array = ramp.astype(np.uint8 if element == "bool" else element)
    itk = simpleitk().GetImageFromArray(array, isVector=channels > 1)
    place(itk, grid)
    return itk


def _called(signature: Signature, arguments: list[Any]) -> Any:
    problem = size_problem(signature, arguments) or histogram_problem(signature, arguments)
    if problem:
        raise UndefinedValueError(f"`simpleitk.{signature.name}` {problem}")
    try:
        return fitting(signature, way_of(signature), arguments)
    except (RuntimeError, TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise UndefinedValueError(
            f"`simpleitk.{signature.name}` failed: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    """ITK's error message in one line, without source files and addresses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception thrown", "Possible"))]
    line = (said or lines or ["no reason given"])[0]
    for clutter in ("sitk::ERROR: ", "itk::ERROR: ", "ITK ERROR: "):
        line = line.replace(clutter, "")
    unsupported = re.search(r"Pixel type: (.+) is not supported", line)
    if unsupported:
        return (
            f"it has no {unsupported[1]} voxels; simpleitk.Cast(v, simpleitk.sitkUInt16), "
            "for example, makes others of them"
        )
    if "(0x" in line:
        line = line.partition("): ")[2] or line
    return line if len(line) <= 200 else line[:199] + "…"


def _to_itk(value: Any, argument: Argument) -> Any:
    match argument.kind:
        case "image":
            return to_itk(value)
        case "images":
            return [to_itk(each) for each in value]
        case "number":
            return _number(value, argument)
        case "numbers":
            items = value if isinstance(value, tuple) else (value,) * 3
            return [_number(each, argument) for each in items]
        case "lists":
            return [[_number(each, argument) for each in row] for row in value]
        case "pairs":
            return _pairs(value, argument)
    return value


def _pairs(value: tuple[tuple[float, ...], ...], argument: Argument) -> dict[float, float]:
    if any(len(pair) != 2 for pair in value):
        raise UndefinedValueError(
            f"`{argument.name}` must be pairs of numbers, such as [[1, 5], [2, 7]]"
        )
    return {float(old): float(new) for old, new in value}


def _number(value: float, argument: Argument) -> float | int | bool:
    if argument.cpp == "bool":
        return bool(value)
    if argument.cpp not in INTEGERS:
        return float(value)
    least, most = INTEGERS[argument.cpp]
    if not float(value).is_integer() or not least <= value <= most:
        wanted = "a whole number" if not float(value).is_integer() else f"{least} to {most}"
        raise UndefinedValueError(f"`{argument.name}` must be {wanted}, got {value:g}")
    return int(value)


def _plain(result: Any, signature: Signature) -> Value:
    match signature.result:
        case "number":
            return float(result)
        case "numbers":
            return tuple(float(each) for each in result)
        case "texts":
            return tuple(str(each) for each in result)
        case "boolean":
            return bool(result)
    return str(result)


def _image(result: Any, signature: Signature, known: Sequence[Grid]) -> Image:
    channels = result.GetNumberOfComponentsPerPixel()
    if not element_of(result) or result.GetDimension() not in (2, 3):
        what = simpleitk().GetPixelIDValueAsString(result.GetPixelID())
        raise UndefinedValueError(
            f"`simpleitk.{signature.name}` gives a {result.GetDimension()}-D image of "
            f"{what.lower()}, which the language does not have"
        )
    if channels not in (1, 3, 4):
        raise UndefinedValueError(
            f"`simpleitk.{signature.name}` gives an image of {channels} channels, and the language "
            "has images of numbers and of 3 or 4 channels"
        )
    return from_itk(result, *known)
