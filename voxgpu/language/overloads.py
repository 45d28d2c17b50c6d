"""Overload resolution among the primitives of a name, with error messages and hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from voxgpu.language.wording import ordinal, with_article
from voxgpu.types import (
    BOOLEAN_IMAGE,
    COLOR_IMAGE,
    NUMBER,
    NUMBER_IMAGE,
    ImageOf,
    SequenceOf,
    Type,
    Unknown,
    may_be_used_as,
)


class ParameterLike(Protocol):
    """The properties of a parameter that overload resolution uses."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> Type: ...  # noqa: D102
    @property
    def optional(self) -> bool: ...  # noqa: D102


class PrimitiveLike(Protocol):
    """The properties of a primitive that overload resolution uses; its computation is opaque."""

    @property
    def parameters(self) -> Sequence[ParameterLike]: ...  # noqa: D102
    @property
    def result(self) -> Type: ...  # noqa: D102
    @property
    def signature(self) -> str: ...  # noqa: D102


Catalogue = Mapping[str, tuple[PrimitiveLike, ...]]


def fitting(overloads: Sequence[PrimitiveLike], types: Sequence[Type]) -> list[PrimitiveLike]:
    """Returns the overloads that accept arguments of these types."""
    return [
        overload
        for overload in overloads
        if accepts(overload, len(types))
        and all(
            may_be_used_as(given, parameter.type)
            for given, parameter in zip(types, overload.parameters, strict=False)
        )
    ]


def as_regions(types: Sequence[Type]) -> tuple[Type, ...]:
    """Returns the types with numeric masks replaced by regions."""
    return tuple(
        BOOLEAN_IMAGE if isinstance(each, ImageOf) and each.mask else each for each in types
    )


def accepts(overload: PrimitiveLike, count: int) -> bool:
    """Returns whether a primitive accepts this number of arguments."""
    parameters = overload.parameters
    if count == len(parameters):
        return True
    return count < len(parameters) and parameters[count].optional


def arities(overloads: Sequence[PrimitiveLike]) -> list[int]:
    """Returns the numbers of arguments that the overloads accept, ascending."""
    return list(_arities(tuple(overloads)))


@lru_cache(maxsize=1024)
def _arities(overloads: tuple[PrimitiveLike, ...]) -> tuple[int, ...]:
    counts = {
        count
        for overload in overloads
        for count in range(len(overload.parameters) + 1)
        if accepts(overload, count)
    }
    return tuple(sorted(counts))


def mismatched_argument(overloads: Sequence[PrimitiveLike], types: Sequence[Type]) -> int | None:
    """Returns the index of the single argument that prevents a match, or None if it is unclear."""
    candidates = [each for each in overloads if accepts(each, len(types))]
    blamed = {
        tuple(
            index
            for index, (given, parameter) in enumerate(zip(types, each.parameters, strict=False))
            if not may_be_used_as(given, parameter.type)
        )
        for each in candidates
    }
    best = min(blamed, key=len)
    return best[0] if len(candidates) == 1 or (len(best) == 1 and len(blamed) == 1) else None


def wrong_types(name: str, overloads: Sequence[PrimitiveLike], types: Sequence[Type]) -> str:
    """Returns the message for argument types that no overload accepts."""
    candidates = [each for each in overloads if accepts(each, len(types))]
    index = mismatched_argument(overloads, types)
    if index is not None:
        expected = " or ".join(
            dict.fromkeys(with_article(each.parameters[index].type) for each in candidates)
        )
        where = "" if len(types) == 1 else f" as its {ordinal(index)} argument"
        return f"`{name}` needs {expected}{where}, got {with_article(types[index])}"
    shown = [_tuple([p.type for p in each.parameters]) for each in candidates]
    accepted = " or ".join(dict.fromkeys(shown))
    return f"`{name}` takes {accepted}, got {_tuple(types)}"


def suggest_remedy(
    name: str, types: Sequence[Type], expected: Type | None, catalogue: Catalogue
) -> str:
    """Returns a suggestion for a call of ``name`` whose argument types no overload accepts."""
    sibling = _operator_with_other_dots(name, types, catalogue)
    if sibling:
        return f"the dots mark the sides that are numbers: write `{sibling}`"
    over = _suggest_loop(name, types, catalogue) or _suggest_measure(name, types, catalogue)
    if over:
        return over
    given = [each for each in types if isinstance(each, ImageOf)]
    if expected == BOOLEAN_IMAGE and NUMBER_IMAGE in given:
        return (
            f"compare it first, e.g. {name}(v > 0.5)"
            if name[0].isalpha()
            else ("compare the numbers first, e.g. with `> 0.5`")
        )
    if expected == NUMBER_IMAGE and BOOLEAN_IMAGE in given:
        return "booleanToNumber(1, b) makes numbers of true/false"
    if COLOR_IMAGE in given:
        return "take one channel first: red(v), green(v), blue(v), alpha(v), or intensity(v)"
    if expected == NUMBER and given:
        return "an image becomes a number by min(v), max(v), avg(v, mask) or volume(mask)"
    return ""


#: What to write for functions of numbers that are called with images: by name and kinds of
#: arguments, v for an image of numbers, b for a region, n for a number.
_MEASURES = {
    ("max", "vb"): "percentile(v, mask, 100) is the greatest voxel in a mask, max(v) that of all",
    ("min", "vb"): "percentile(v, mask, 0) is the least voxel in a mask, min(v) that of all",
    ("max", "vv"): "overlayB(v < w, v, w) has the greater voxel of two images",
    ("min", "vv"): "overlayB(v > w, v, w) has the lesser voxel of two images",
    ("max", "vn"): "clamp(v, n, inf) has n where the voxel is less",
    ("min", "vn"): "clamp(v, -inf, n) has n where the voxel is greater",
    ("mean", "v"): "avg(v, mask) is the mean of an image in a mask; the mask tt is all of it",
}


def _suggest_measure(name: str, types: Sequence[Type], catalogue: Catalogue) -> str:
    """Suggests the measure of an image that a call with images seems to mean."""
    kinds = {NUMBER_IMAGE: "v", BOOLEAN_IMAGE: "b", NUMBER: "n"}
    given = "".join(kinds.get(each, "?") for each in types)
    found = _MEASURES.get((name, "vn" if given == "nv" else given), "")
    if not found and given == "v" and fitting(catalogue.get(name, ()), [*types, BOOLEAN_IMAGE]):
        return f"give it a mask: {name}(v, mask); the mask tt is all of the image"
    return found


def _suggest_loop(name: str, types: Sequence[Type], catalogue: Catalogue) -> str:
    """Suggests a loop over sequences if their items would be accepted."""
    items = [each.item if isinstance(each, SequenceOf) else each for each in types]
    if items == list(types):
        return ""
    if not fitting(catalogue.get(name, ()), items):
        return ""
    count = sum(isinstance(each, SequenceOf) for each in types)
    names = ["v"] if count == 1 else [f"{each}[i]" for each in ("xs", "ys", "zs", "us")[:count]]
    remaining = iter(names)
    arguments = [next(remaining, "…") if isinstance(each, SequenceOf) else "…" for each in types]
    call = f"{name}({', '.join(arguments)})"
    if not name[0].isalpha():
        call = f" {name} ".join(arguments) if len(arguments) == 2 else name + arguments[0]
    over = "v in xs" if count == 1 else "i in range(length(xs))"
    return f"take an item, such as xs[0], or go over all: for {over} do {call}"


def _operator_with_other_dots(name: str, types: Sequence[Type], catalogue: Catalogue) -> str | None:
    """Returns the operator with the same sign and other dots that accepts these types, or None."""
    if name[0].isalpha() or any(isinstance(each, Unknown) for each in types):
        return None
    # Dotted operators have priority, since they mark their scalar sides.
    for other, overloads in sorted(catalogue.items(), key=lambda item: "." not in item[0]):
        same = other.strip(".") == name.strip(".")
        equality = {other.strip("."), name.strip(".")} == {"=", "=="}
        if other != name and (same or equality) and fitting(overloads, types):
            return other
    return None


def _tuple(types: Sequence[Type]) -> str:
    return f"({', '.join(str(each) for each in types)})"
