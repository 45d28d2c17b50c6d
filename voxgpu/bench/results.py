"""What a program delivered, in a form that two processes can compare."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.equality import same_values
from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.plan.node import Plan
from voxgpu.session import Result


@frozen
class Delivered:
    """What one goal gave.

    action  ``print`` or ``save``
    label   as the program has it
    span    its place in the program
    value   of a print
    digest  of the voxels of a save
    number  of a save among the saves, from 0
    """

    action: str
    label: str
    span: Span
    value: Any = None
    digest: str = ""
    number: int = 0


def delivered(plan: Plan, result: Result) -> tuple[Delivered, ...]:
    """What each goal of a plan gave; a file of several volumes counts once."""
    prints = [goal for goal in plan.goals if goal.action == "print"]
    saves = [
        goal for goal in plan.goals if goal.action == "save" and goal.part == max(goal.parts - 1, 0)
    ]
    found = [
        Delivered("print", printed.label, goal.label_span, printed.value)
        for goal, printed in zip(prints, result.prints, strict=True)
    ]
    for number, (goal, saved) in enumerate(zip(saves, result.saved, strict=True)):
        digest, span = _digest([each.array for each in saved.images]), goal.label_span
        found.append(Delivered("save", _text(span), span, digest=digest, number=number))
    return tuple(found)


def first_difference(
    ours: Sequence[Delivered], theirs: Sequence[Delivered]
) -> tuple[Delivered, Delivered] | None:
    """The first two results of one goal that differ; None if all are the same."""
    for one, other in zip(ours, theirs, strict=True):
        if one.digest != other.digest or not same_values(one.value, other.value):
            return one, other
    return None


def differing(one: Sequence[npt.NDArray[Any]], other: Sequence[npt.NDArray[Any]]) -> list[Image]:
    """The first pair of differing arrays of two sequences, as images."""
    for first, second in zip(one, other, strict=True):
        pair = [Image(each, Grid.regular(each.shape[:3])) for each in (first, second)]
        if not same_values(*pair):
            return pair
    raise ValueError("the images are the same")


def _text(span: Span) -> str:
    """What the program has there, without quotes."""
    return span.source.text[span.start : span.stop].strip('"')


def _digest(arrays: Sequence[npt.NDArray[Any]]) -> str:
    """The digest of elements, shapes and voxels; NaN has many representations, which are one."""
    hashed = sha256()
    for array in arrays:
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        if plain.dtype.kind == "f" and np.isnan(plain).any():
            plain = np.where(np.isnan(plain), np.array(np.nan, plain.dtype), plain)
        hashed.update(f"{plain.dtype.str} {plain.shape}".encode())
        hashed.update(plain.reshape(-1).view(np.uint8).data)
    return hashed.hexdigest()
