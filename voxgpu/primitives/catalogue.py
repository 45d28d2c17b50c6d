"""The catalogue: all primitives by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType

from voxgpu.primitives.define import Definition
from voxgpu.primitives.primitive import Primitive

#: The families, in the order of the documentation.
FAMILIES = (
    "logic",
    "comparison",
    "arithmetic",
    "functions",
    "position",
    "morphology",
    "components",
    "distance",
    "reductions",
    "masked_statistics",
    "shape",
    "filters",
    "sequence_statistics",
    "overlap",
    "surface",
    "ranked",
    "bias_field",
    "resampling",
    "intensity_ranks",
    "texture",
    "color",
    "region",
)

Catalogue = Mapping[str, tuple[Primitive, ...]]


def standard_primitives() -> tuple[Primitive, ...]:
    """All built-in primitives, in the order of the documentation."""
    modules = (import_module(f"voxgpu.primitives.{family}") for family in FAMILIES)
    return tuple(primitive for module in modules for primitive in primitives_of(module))


def primitives_of(module: ModuleType) -> Iterable[Primitive]:
    """The overloads that a module defines, in order."""
    for value in vars(module).values():
        if isinstance(value, Definition) and value.function.__module__ == module.__name__:
            yield from value.overloads


def catalogue(primitives: Iterable[Primitive], dialect: str = "") -> Catalogue:
    """The overloads under each name in a dialect; a dialect's own replace the general ones.

    Raises ValueError if two primitives have the same name and types.
    """
    chosen: dict[str, dict[tuple[str, ...], Primitive]] = {}
    general_first = sorted(primitives, key=lambda primitive: bool(primitive.dialect))
    for primitive in general_first:
        if primitive.dialect not in ("", dialect):
            continue
        types = tuple(str(parameter.type) for parameter in primitive.parameters)
        for name in primitive.names:
            taken = chosen.setdefault(name, {}).get(types)
            if taken and (taken.dialect or not primitive.dialect):
                raise ValueError(f"`{name}({', '.join(types)})` is defined twice")
            chosen[name][types] = primitive
    return {name: tuple(overloads.values()) for name, overloads in chosen.items()}
