"""Primitives that are defined in Python, where they are used, as in files of primitives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args, get_type_hints, overload

from voxgpu.codegen.scalar import Scalar
from voxgpu.diagnostics import Span
from voxgpu.primitives.define import (
    Definition,
    neighborhood,
    reduction,
    scalar,
    voxelwise,
    whole_image,
)
from voxgpu.primitives.documentation import entries
from voxgpu.primitives.extension import of_text
from voxgpu.primitives.primitive import Extension, Primitive
from voxgpu.python.lazy.function_objects import function_of
from voxgpu.python.lazy.function_text import text_of
from voxgpu.python.lazy.names import entries_of
from voxgpu.python.lazy.terms import PrimitiveCall, Term
from voxgpu.python.lazy.value import LazyValue
from voxgpu.types import ImageOf

LazyFunction = Callable[..., LazyValue]


@overload
def primitive(function: Callable[..., Any] | Definition, /) -> LazyFunction: ...
@overload
def primitive(**options: Any) -> Callable[[Callable[..., Any]], LazyFunction]: ...
def primitive(
    function: Callable[..., Any] | Definition | None = None, /, **options: Any
) -> LazyFunction | Callable[[Callable[..., Any]], LazyFunction]:
    """Make a function a primitive: it then takes and gives lazy values.

        from voxgpu.primitives.define import Number, Voxel

        @vx.primitive
        def scaled(factor: Number, v: Voxel) -> Voxel:
            \"\"\"The voxel times a number.

            >>> scaled(2, [1, 3])
            [2, 6]
            \"\"\"
            return factor * v

    The function is written as in files of primitives, of which docs/tutorials/own-primitive.md
    tells. Its annotations say what it is: of ``Voxel`` or ``Bool`` an expression for each voxel,
    with ``outside=`` for a box around each; an expression that gives a ``Number`` or ``Truth`` a
    reduction; of arrays, ``NumberImage`` and the like, whatever the function does with the whole
    image; otherwise a function of numbers. A function that one of the decorators of
    ``voxgpu.primitives.define`` has made a primitive is taken as it is.

    options  those of the decorators in ``voxgpu.primitives.define``

    Functions that compute as written are identified by their text, by the functions and constants
    that they use and by the versions of modules. Raises TypeError where that does not say what they
    compute, because they use other global objects, and for functions that are no primitive.
    """
    if function is None:
        return partial(_made, options)
    return _made(options, function)


def _made(options: dict[str, Any], function: Callable[..., Any] | Definition) -> LazyFunction:
    if isinstance(function, Definition):
        definition = function
    elif callable(function):
        definition = _decorator(function, options)(function)
    else:
        raise TypeError(f"a primitive is a function, not {function!r}")
    plain = definition.function
    overloads = tuple(_identified(each, plain) for each in definition.overloads)
    (entry,) = entries_of(entries(overloads))
    made = function_of(entry, partial(_call, overloads))
    made.__module__ = plain.__module__
    made.__wrapped__ = plain  # type: ignore[attr-defined]
    return made


def _decorator(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """The decorator for the annotations of a function."""
    hints = get_type_hints(function, include_extras=True)
    result = hints.pop("return", None)
    kinds = [get_args(each)[0] for each in hints.values() if get_args(each)]
    if Scalar in kinds:
        if "outside" in options:
            return neighborhood(**options)
        return voxelwise(**options) if _is_image(result) else reduction(**options)
    is_image = any(_is_image(each) for each in (*hints.values(), result))
    return (whole_image if is_image else scalar)(**options)


def _is_image(annotation: Any) -> bool:
    """Whether a parameter or result with this annotation may be an image."""
    roles = getattr(annotation, "__metadata__", ())
    return any(isinstance(kind, ImageOf) for role in roles for kind in getattr(role, "types", ()))


def _identified(primitive: Primitive, function: Callable[..., Any]) -> Primitive:
    """The primitive with everything in its meaning that it depends on."""
    if primitive.body is not None:
        return primitive
    text = text_of(function)
    return of_text(primitive, text.modules, Extension("", "", text.digest))


def _call(overloads: tuple[Primitive, ...], name: str, terms: Sequence[Term], span: Span) -> Term:
    return PrimitiveCall(name, tuple(terms), span, span, overloads=overloads)  # type: ignore[arg-type]
