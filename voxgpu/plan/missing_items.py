"""Which items of a printed sequence are missing, and what stands in their places?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from voxgpu.diagnostics import Diagnostic
from voxgpu.ids import ValueId
from voxgpu.types import NUMBER, SequenceOf, Type

#: The place of an item: its number from 0, then the number in that item, and so on.
Place = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Stands for an item that failed.

    node   the node that failed, and why; None where no node did
    told   what is to be told instead; None beside it where that has been told already
    """

    node: ValueId | None = None
    error: Exception | None = None
    told: Diagnostic | None = None


#: A text whose file was not written, which has been told by the goal that should have.
UNWRITTEN = Gap()


def with_missing(value: Any, missing: Sequence[tuple[Place, Diagnostic]]) -> Any:
    """A sequence with gaps put where items had been left out; ``missing`` is in order."""
    if not missing:
        return value
    items = list(value)
    inside: dict[int, list[tuple[Place, Diagnostic]]] = {}
    for place, told in missing:
        if len(place) == 1:
            items.insert(place[0], Gap(told=told))
        else:
            inside.setdefault(place[0], []).append((place[1:], told))
    for number, rest in inside.items():
        items[number] = with_missing(items[number], rest)
    return tuple(items)


def without_texts(value: Any, lost: Collection[str]) -> Any:
    """The value with gaps for these texts."""
    if isinstance(value, tuple):
        return tuple(without_texts(each, lost) for each in value)
    return UNWRITTEN if isinstance(value, str) and value in lost else value


def gaps_of(value: Any, place: Place = ()) -> Iterator[tuple[Place, Gap]]:
    """The gaps of a value and their places, in order."""
    if isinstance(value, Gap):
        yield place, value
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from gaps_of(each, (*place, number))


def is_anything_left(value: Any) -> bool:
    """Whether there is something in a value that is no gap; an empty sequence is."""
    if isinstance(value, tuple) and value:
        return any(map(is_anything_left, value))
    return not isinstance(value, Gap)


def filled(value: Any, kind: Type | None) -> Any:
    """The value with NaN for numbers that are missing, and None for anything else."""
    if isinstance(value, Gap):
        return nan if kind == NUMBER else None
    if isinstance(value, tuple):
        item = kind.item if isinstance(kind, SequenceOf) else None
        return tuple(filled(each, item) for each in value)
    return value
