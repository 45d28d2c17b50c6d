"""Placeholders for items of a printed sequence that could not be computed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import nan
from typing import Any

from voxgpu.diagnostics import Diagnostic
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.types import NUMBER, SequenceOf, Type

#: The indices that lead to an item: in the sequence, then in that item, and so on.
Position = tuple[int, ...]


@frozen(slots=True, eq=False)
class Gap:
    """A placeholder for a failed item.

    node        the node that failed; None if no node is responsible
    error       why the node failed
    diagnostic  what to report if there is no node; None if it has already been reported
    """

    node: ValueId | None = None
    error: Exception | None = None
    diagnostic: Diagnostic | None = None


#: A path whose file was not written; the goal that should have written it reports that.
UNWRITTEN = Gap()


def with_missing(value: Any, missing: Sequence[tuple[Position, Diagnostic]]) -> Any:
    """Returns a sequence with gaps inserted for omitted items; ``missing`` is in order."""
    if not missing:
        return value
    items = list(value)
    inside: dict[int, list[tuple[Position, Diagnostic]]] = {}
    for position, diagnostic in missing:
        if len(position) == 1:
            items.insert(position[0], Gap(diagnostic=diagnostic))
        else:
            inside.setdefault(position[0], []).append((position[1:], diagnostic))
    for number, rest in inside.items():
        items[number] = with_missing(items[number], rest)
    return tuple(items)


def without_texts(value: Any, lost: Collection[str]) -> Any:
    """Returns the value with gaps in place of these strings."""
    if isinstance(value, tuple):
        return tuple(without_texts(each, lost) for each in value)
    return UNWRITTEN if isinstance(value, str) and value in lost else value


def gaps_of(value: Any, position: Position = ()) -> Iterator[tuple[Position, Gap]]:
    """Yields the gaps of a value and their positions, in order."""
    if isinstance(value, Gap):
        yield position, value
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from gaps_of(each, (*position, number))


def is_anything_left(value: Any) -> bool:
    """Returns whether a value contains anything but gaps; an empty sequence counts."""
    if isinstance(value, tuple) and value:
        return any(map(is_anything_left, value))
    return not isinstance(value, Gap)


def filled(value: Any, kind: Type | None) -> Any:
    """Returns the value with NaN for missing numbers and None for other missing items."""
    if isinstance(value, Gap):
        return nan if kind == NUMBER else None
    if isinstance(value, tuple):
        item = kind.item if isinstance(kind, SequenceOf) else None
        return tuple(filled(each, item) for each in value)
    return value
