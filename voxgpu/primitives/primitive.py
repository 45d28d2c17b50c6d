"""A primitive: a name, a signature, a meaning that enters ids, and a reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from voxgpu.codegen.scalar import Scalar
from voxgpu.deferred import DeferredValue
from voxgpu.frozen import frozen
from voxgpu.image import Grid, Image
from voxgpu.types import ImageOf, Type

#: The values that flow between primitives. Deferred ones are fetched before a reference runs.
Value = Image | float | bool | str | tuple[Any, ...] | DeferredValue

#: From types and known values of the arguments to the type of the result, if they determine it.
Infer = Callable[[Sequence[Type], Sequence[Value | None]], Type | None]


class AccessPattern(Enum):
    """The access pattern of a computation: the part of its inputs that one result voxel reads."""

    SCALAR = "scalar"
    VOXELWISE = "voxelwise"
    NEIGHBORHOOD = "neighborhood"
    REDUCTION = "reduction"
    WHOLE_IMAGE = "whole image"
    SOURCE = "source"


class UndefinedValueError(Exception):
    """Inputs for which a primitive has no value, such as the average over an empty mask."""


def empty_mask(name: str) -> UndefinedValueError:
    """The error for a mask that must have a true voxel and has none."""
    return UndefinedValueError(f"`{name}` has no true voxel, so there is no value")


@frozen(slots=True)
class ValueWithWarning:
    """A value with a warning, such as ``nan`` for the overlap of two empty masks.

    A reference returns it in place of the value; the warning is reported with its source location.
    """

    value: Value
    reason: str


@frozen(slots=True)
class Parameter:
    """One parameter of a primitive.

    static    the argument must be known before running: it determines the shape of the result
    optional  it may be omitted, with all that follow; the reference then gets fewer arguments
    default   the documented notation of the value used if it is omitted
    """

    name: str
    type: Type
    static: bool = False
    optional: bool = False
    default: str = ""


@frozen(slots=True)
class Extension:
    """The user's file or the installed package that a primitive comes from.

    file    absolute path of the Python file; empty for a package
    entry   what the entry point of the package names, such as ``lab.filters``; empty for a file;
            both are empty where no other process finds it, as in a notebook
    digest  SHA-256 of the text
    """

    file: str
    entry: str
    digest: str


@frozen(slots=True, eq=False)
class Primitive:
    """One overload of one operation of the language.

    name          unique, such as ``add(image of numbers, number)``
    names         as programs write it: ``+``, ``.+``, ``between``
    family        the module that defines it, such as ``arithmetic``
    meaning       canonical bytes of what it computes; part of every id that uses it
    reference     the values of all arguments and the grid of the result (None for scalars) to the
                  value of the result; raises UndefinedValueError
    element       NumPy name of the voxels of an image result; empty: that of the first image
    channels      of a color result; 1: as many as the first image has
    element_from  element of an image result from that of the first image and the static arguments;
                  None: ``element`` applies
    is_exact      whether integers of 32 and 64 bits are not rounded to float32 first
    grid_of       grid of the result from the grid of the images and the static arguments; raises
                  UndefinedValueError; None if the result has the grid of its images
    grid_from     the argument whose grid the result has, if the others may lie on other grids;
                  empty: all images lie on one grid
    check         from the arguments known before running (None for others) to an error message
    nonempty      the argument, a mask, that must have a true voxel; empty: none
    scratch       bytes per voxel needed in addition to inputs and result
    dialect       the only dialect that has this overload; empty: all of them
    infer         for results whose grid or element is not that of the first image: from the
                  types of the arguments and their values, where these are known (None for others),
                  to the complete type of the result; None if only running determines it
    folds         it is evaluated during lowering if its arguments are constants: it is cheap and
                  has no side effects
    extension     the user's file or the package that defines it; None for built-in primitives
    """

    name: str
    names: tuple[str, ...]
    family: str
    shape: AccessPattern
    parameters: tuple[Parameter, ...]
    result: Type
    meaning: bytes
    doc: str
    reference: Callable[[list[Value], Grid | None], Value | ValueWithWarning]
    element: str = ""
    channels: int = 1
    grid_of: Callable[..., Grid] | None = None
    check: Callable[..., str | None] | None = None
    nonempty: str = ""
    scratch: int = 0
    dialect: str = ""
    body: Scalar | None = None
    infer: Infer | None = None
    grid_from: str = ""
    element_from: Callable[..., str] | None = None
    folds: bool = False
    is_exact: bool = False
    extension: Extension | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as the place where another process finds it.

        Raises pickle.PicklingError where that is nowhere.
        """
        from voxgpu.primitives.locate import locate, location_of

        return locate, location_of(self)

    def element_of(self, first: str, *static: object) -> str:
        """The element of an image result, from that of the first image and static arguments."""
        if self.element_from is not None:
            return self.element_from(first, *static)
        return self.element or first

    @property
    def makes_image(self) -> bool:
        """Whether the result is an image."""
        return isinstance(self.result, ImageOf)

    @property
    def has_free_grid(self) -> bool:
        """Whether the result is an image whose grid no input determines, such as ``tt``."""
        return self.makes_image and not any(
            isinstance(parameter.type, ImageOf) for parameter in self.parameters
        )

    @property
    def signature(self) -> str:
        """``between(low: number, high: number, v: image of numbers) -> image of true/false``."""
        inside = ", ".join(
            f"{p.name}: {p.type}" + (f" = {p.default}" if p.optional else "")
            for p in self.parameters
        )
        return f"{self.names[0]}({inside}) -> {self.result}"
