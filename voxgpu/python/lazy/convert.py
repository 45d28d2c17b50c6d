"""Terms of Python's values: numbers, texts, sequences, and images of several libraries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from voxgpu.diagnostics import Span
from voxgpu.files.in_memory import in_memory_header
from voxgpu.image import Image
from voxgpu.language.ast import Array, BooleanLiteral, Call, NumberLiteral, TextLiteral
from voxgpu.python.inputs import copied_image
from voxgpu.python.lazy.terms import Input, Term
from voxgpu.python.nibabel import is_nibabel
from voxgpu.python.sitk import is_sitk

_MAKE_IMAGE = "vx.from_array(array, like=image) puts it on the grid of an image"


class Unconvertible(TypeError):
    """A value that lazy values cannot be combined with."""


def literal(value: object, span: Span) -> Term:
    """The term of a value that is not lazy. Raises Unconvertible, a TypeError, for others.

    Images of voxgpu, nibabel and SimpleITK are copied; arrays need a grid first.
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and not value.ndim):
        value = value.item()
    if isinstance(value, bool):
        return BooleanLiteral(value, span)
    if isinstance(value, Number):
        return _number(value, span)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        return TextLiteral((value,), span)
    if isinstance(value, Image) or is_nibabel(value) or is_sitk(value):
        return image_term(copied_image(value), span)
    if isinstance(value, np.ndarray) or hasattr(value, "__cuda_array_interface__"):
        shape = "×".join(map(str, getattr(value, "shape", ())))
        raise Unconvertible(f"an array ({shape}) has no grid: {_MAKE_IMAGE}")
    raise Unconvertible(f"{type(value).__name__} is no image, number, truth value, text or list")


def image_term(image: Image, span: Span) -> Input:
    """The term of an image in memory, which must not change any more."""
    return Input("image", "", in_memory_header("image", image), span)


def sequence(items: Sequence[Term], span: Span) -> Array:
    """The sequence of these terms."""
    return Array(tuple(items), span)  # type: ignore[arg-type]


def call(name: str, arguments: Sequence[Term], span: Span) -> Call:
    """The call of a function or operator of ImgQL."""
    return Call(name, tuple(arguments), span, span)  # type: ignore[arg-type]


def _number(value: Any, span: Span) -> Term:
    if isinstance(value, complex):
        raise Unconvertible(f"{value} is complex: numbers are real")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if isinstance(value, int) and number != value:
        raise Unconvertible(f"{value} is not a float64 exactly: numbers are, up to 2**53")
    if number < 0 or str(number) == "-0.0":
        return call("-", [NumberLiteral(-number, span)], span)
    return NumberLiteral(number, span)
