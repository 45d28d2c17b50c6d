"""Decorators that define a primitive from one Python function.

``@scalar``        numbers to a number, computed as written, in float64
``@voxelwise``     each voxel alone; the body is traced into an expression (``codegen/scalar.py``)
``@neighborhood``  a fixed box around each voxel; traced, inputs are read at offsets
``@reduction``     an image to a number; traced, with total, count, smallest, largest
``@whole_image``   anything else; the function is the reference, on NumPy arrays

For user-defined primitives, the text of the function and the modules it imports are part of its
meaning (``module_versions.py``), and it is called with the checks of ``guarded.py``. The types of
parameters are the annotations below. A function whose docstring is missing, or has no example, is
rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import getdoc
from itertools import product
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.codegen.integers import WHOLE
from voxgpu.codegen.interpreter import evaluate
from voxgpu.codegen.scalar import Element, Scalar, content_hash, parameter, read
from voxgpu.frozen import frozen
from voxgpu.ids import meaning_of
from voxgpu.image import Grid, Image
from voxgpu.primitives.annotations import parameter_names, type_hints
from voxgpu.primitives.primitive import (
    AccessPattern,
    Parameter,
    Primitive,
    Value,
    ValueWithWarning,
    empty_mask,
)
from voxgpu.types import (
    ANY_IMAGE,
    BOOLEAN,
    BOOLEAN_IMAGE,
    COLOR_IMAGE,
    NUMBER,
    NUMBER_IMAGE,
    TEXT,
    Content,
    ImageOf,
    SequenceOf,
    Type,
)

Array = npt.NDArray[Any]
Variant = tuple[Parameter, ...]


@frozen
class Role:
    """The types that a parameter may have, and whether its value must be known before running."""

    types: tuple[Type, ...]
    static: bool = False


# In traced bodies, per voxel (and Number, Truth: one for the whole image).
Voxel = Annotated[Scalar, Role((NUMBER_IMAGE,))]
Bool = Annotated[Scalar, Role((BOOLEAN_IMAGE,))]
Number = Annotated[Scalar, Role((NUMBER,))]
Truth = Annotated[Scalar, Role((BOOLEAN,))]
#: An image of numbers or a number: one definition yields an overload for every combination that
#: includes an image.
Operand = Annotated[Scalar, Role((NUMBER_IMAGE, NUMBER))]
#: An image of true/false or a truth value, likewise.
BoolOperand = Annotated[Scalar, Role((BOOLEAN_IMAGE, BOOLEAN))]

#: An image of any kind, of which only the grid is used.
Place = Annotated[Scalar, Role((ANY_IMAGE,))]

# In functions that compute as written.
NumberValue = Annotated[float, Role((NUMBER,))]
TruthValue = Annotated[bool, Role((BOOLEAN,))]
TextValue = Annotated[str, Role((TEXT,))]
StaticText = Annotated[str, Role((TEXT,), static=True)]
StaticNumber = Annotated[float, Role((NUMBER,), static=True)]
NumberValues = Annotated[tuple[float, ...], Role((SequenceOf(NUMBER),))]
NumberPairs = Annotated[tuple[tuple[float, ...], ...], Role((SequenceOf(SequenceOf(NUMBER)),))]
StaticNumbers = Annotated[tuple[float, ...], Role((SequenceOf(NUMBER),), static=True)]
NumberImage = Annotated[Array, Role((NUMBER_IMAGE,))]
BoolImage = Annotated[Array, Role((BOOLEAN_IMAGE,))]
#: In functions, an image of any kind, of which only the grid is used.
PlaceImage = Annotated[Array, Role((ANY_IMAGE,))]
ColorImage = Annotated[Array, Role((COLOR_IMAGE,))]


@frozen
class Definition:
    """The overloads defined by one decorated function; modules of primitives consist of these."""

    function: Callable[..., Any]
    overloads: tuple[Primitive, ...]


Decorator = Callable[[Callable[..., Any]], Definition]


def scalar(*names: str, version: int = 1, id: str = "") -> Decorator:
    """Numbers, truth values and strings to one of these.

    ``id`` (default: the function's name) and ``version`` identify the primitive in stored ids.
    """

    def define(function: Callable[..., Any]) -> Definition:
        def reference(arguments: list[Value], _: Grid | None) -> Value | ValueWithWarning:
            result: Value | ValueWithWarning = function(*arguments)
            return result

        meaning = meaning_of("scalar", id or function.__name__, version)
        build = lambda _: (meaning, reference, None)  # noqa: E731
        return _definition(function, names, AccessPattern.SCALAR, build, folds=True)

    return define


def voxelwise(*names: str, dotted: str = "", **options: Any) -> Decorator:
    """Each voxel alone. ``dotted``: stem of v1's forms, such as ``.+`` with a scalar first."""
    return _traced(AccessPattern.VOXELWISE, names, dotted, None, options)


def neighborhood(*names: str, outside: bool | float, **options: Any) -> Decorator:
    """A fixed box around each voxel; beyond the frame every input reads as ``outside``."""
    return _traced(AccessPattern.NEIGHBORHOOD, names, "", outside, options)


def reduction(*names: str, nonempty: str = "", **options: Any) -> Decorator:
    """An image to a number. ``nonempty`` names the mask that must have a true voxel."""
    return _traced(AccessPattern.REDUCTION, names, "", None, {"nonempty": nonempty, **options})


def whole_image(
    *names: str,
    version: int = 1,
    id: str = "",
    element: str = "",
    channels: int = 1,
    scratch: int = 16,
    dialect: str = "",
    grid_of: Callable[..., Grid] | None = None,
    grid_from: str = "",
    check: Callable[..., str | None] | None = None,
    element_from: Callable[..., str] | None = None,
    is_exact: bool = False,
) -> Decorator:
    """Anything that needs the whole image. The function gets arrays, (z, y, x) or (y, x).

    Images of numbers are passed as float32, of true/false as bool, colors with channels last; with
    ``is_exact``, integers of 32 and 64 bits are passed unconverted, for exact comparison. A
    parameter named ``grid`` receives the grid of the result, or of the first image if the result is
    not an image; ``grids`` those of all images, in order. ``grid_from`` names the argument whose
    grid the result has, if the others may lie on other grids. ``id`` (default: the function's name)
    identifies the primitive in stored ids, ``version`` must grow when the results change,
    ``element`` is the type of the result's voxels if it is not float32 or bool. ``element_from``
    derives it from the element of the first image and the static arguments; images of numbers are
    then passed unconverted. ``channels`` is the number of channels if numbers are combined to
    colors, and ``scratch`` the additional memory needed, in bytes per voxel.
    """

    def define(function: Callable[..., Any]) -> Definition:
        wanted = [each for each in parameter_names(function) if each in ("grid", "grids")]

        def build(variant: Variant) -> _Built:
            def reference(arguments: list[Value], grid: Grid | None) -> Value | ValueWithWarning:
                pairs = zip(arguments, variant, strict=True)
                form = _stored if element_from else to_kernel_dtype if is_exact else _rounded
                plain = [_prepared(v, p.type, form) for v, p in pairs]
                grids = tuple(each.grid for each in arguments if isinstance(each, Image))
                first = grid if grid is not None or not grids else grids[0]
                places = {"grid": first, "grids": grids}
                result = function(*plain, **{name: places[name] for name in wanted})
                return _wrapped(result, grid)

            kinds = [str(parameter.type) for parameter in variant]
            meaning = meaning_of("whole image", id or function.__name__, version, *kinds)
            return meaning, reference, None

        return _definition(
            function,
            names,
            AccessPattern.WHOLE_IMAGE,
            build,
            element=element,
            channels=channels,
            scratch=scratch,
            dialect=dialect,
            grid_of=grid_of,
            grid_from=grid_from,
            check=check,
            element_from=element_from,
            is_exact=is_exact,
        )

    return define


_TRACED = (NUMBER, BOOLEAN, NUMBER_IMAGE, BOOLEAN_IMAGE, ANY_IMAGE)

_Built = tuple[bytes, Callable[[list[Value], Grid | None], Value | ValueWithWarning], Scalar | None]


def _traced(
    shape: AccessPattern,
    names: tuple[str, ...],
    dotted: str,
    outside: bool | float | None,
    options: dict[str, Any],
) -> Decorator:
    version = options.pop("version", 1)
    element_from = options.get("element_from")

    def define(function: Callable[..., Any]) -> Definition:
        def build(variant: Variant) -> _Built:
            body = function(*_symbols(variant, outside))
            if shape is AccessPattern.REDUCTION and body.element != "f64":
                raise TypeError(
                    f"reduction `{function.__name__}` must return a number made of total(), "
                    "count(), smallest() or largest(); compare it in the program"
                )

            def reference(arguments: list[Value], grid: Grid | None) -> Value | ValueWithWarning:
                _refuse_empty(options.get("nonempty", ""), variant, arguments)
                return _evaluated(body, variant, arguments, grid, element_from)

            more = () if version == 1 else (version,)
            return meaning_of(shape.value, content_hash(body), *more), reference, body

        return _definition(function, names, shape, build, dotted=dotted, is_exact=True, **options)

    return define


def _symbols(variant: Variant, outside: bool | float | None) -> Iterator[Scalar]:
    images = scalars = 0
    for each in variant:
        if each.static or each.type not in _TRACED:
            raise TypeError(f"`{each.name}` of a body must be Number, Truth, Voxel, Bool or Place")
        element: Element = "bool" if each.type in (BOOLEAN, BOOLEAN_IMAGE) else "f32"
        if isinstance(each.type, ImageOf):
            yield read(images, element, outside)
            images += 1
        else:
            yield parameter(scalars, element)
            scalars += 1


def _refuse_empty(name: str, variant: Variant, arguments: list[Value]) -> None:
    for value, each in zip(arguments, variant, strict=True):
        if each.name == name and isinstance(value, Image) and not value.array.any():
            raise empty_mask(name)


def _evaluated(
    body: Scalar,
    variant: Variant,
    arguments: list[Value],
    grid: Grid | None,
    element_from: Callable[..., str] | None,
) -> Value | ValueWithWarning:
    pairs = list(zip(arguments, variant, strict=True))
    images = [_prepared(v, p.type, to_kernel_dtype) for v, p in pairs if isinstance(v, Image)]
    scalars = [v for v, p in pairs if not isinstance(p.type, ImageOf)]
    shape = grid.shape if grid else images[0].shape
    result = evaluate(body, images, scalars, shape)
    if isinstance(result, np.ndarray) and result.dtype != np.bool_:
        first = next((v for v in arguments if isinstance(v, Image)), None)
        element = "float32"
        if element_from is not None and first is not None:
            element = element_from(first.element.name)
        result = result.astype(element, copy=False)
    return _wrapped(result, grid)


def _stored(array: Array) -> Array:
    """The voxels unchanged."""
    return array


def _rounded(array: Array) -> Array:
    """The voxels as float32; read-only if the image itself is."""
    result = np.ascontiguousarray(array, dtype=np.float32)
    if not array.flags.writeable:
        result.flags.writeable = False  # whatever the element type of the file
    return result


def _prepared(value: Value, expected: Type, form: Callable[[Array], Array]) -> Any:
    """The arguments of a function: arrays (images of numbers in this form) and plain numbers."""
    if isinstance(value, Image):
        content = expected.content if isinstance(expected, ImageOf) else None
        return form(value.array) if content is Content.NUMBER else value.array
    return value


def kept_element(element: str, *_: object) -> str:
    """The result element of a part of an image of numbers: the image's own."""
    return element


def kept_integers(element: str, *_: object) -> str:
    """The result element that keeps the image's integers as they are; otherwise float32."""
    return "float32" if element.startswith("float") else element


def kept_whole(element: str, *_: object) -> str:
    """The same, but only for integers that float32 cannot represent."""
    return element if element in WHOLE else "float32"


def _wrapped(result: Any, grid: Grid | None) -> Value | ValueWithWarning:
    if isinstance(result, ValueWithWarning):
        return result
    if isinstance(result, np.ndarray) and grid is not None:
        if isinstance(result, np.ma.MaskedArray):
            raise TypeError("a masked array has voxels without a value; return `result.filled(…)`")
        return Image(np.ascontiguousarray(result), grid)
    if isinstance(result, np.bool_):
        return bool(result)
    return float(result) if isinstance(result, np.floating) else result


def _definition(
    function: Callable[..., Any],
    names: tuple[str, ...],
    shape: AccessPattern,
    build: Callable[[Variant], _Built],
    *,
    dotted: str = "",
    **options: Any,
) -> Definition:
    doc = getdoc(function)
    if not doc or ">>> " not in doc:
        raise TypeError(f"primitive `{function.__name__}` needs a docstring with an example")
    roles = type_hints(function)
    result = _role(function, roles, "return").types[0]
    inputs = [each for each in parameter_names(function) if each not in ("grid", "grids")]
    parameters = [(name, _role(function, roles, name)) for name in inputs]
    overloads = []
    for variant in _variants(parameters):
        meaning, reference, body = build(variant)
        spelled = names or (function.__name__,)
        kinds = ", ".join(str(each.type) for each in variant)
        overloads.append(
            Primitive(
                name=f"{function.__name__}({kinds})",
                names=_dotted(spelled, dotted, variant) if dotted else spelled,
                family=function.__module__.rpartition(".")[2],
                shape=shape,
                parameters=variant,
                result=result,
                meaning=meaning,
                doc=doc,
                reference=reference,
                body=body,
                **{"element": _element(result), **{k: v for k, v in options.items() if v}},
            )
        )
    return Definition(function, tuple(overloads))


def _role(function: Callable[..., Any], hints: dict[str, Any], name: str) -> Role:
    for extra in getattr(hints.get(name), "__metadata__", ()):
        if isinstance(extra, Role):
            return extra
    raise TypeError(f"`{name}` of primitive `{function.__name__}` has no type of the language")


def _variants(parameters: list[tuple[str, Role]]) -> Iterator[Variant]:
    """Every combination of types; if there is a choice, at least one of them is an image."""
    open_roles = [role for _, role in parameters if len(role.types) > 1]
    for types in product(*(role.types for _, role in parameters)):
        chosen = [t for t, (_, role) in zip(types, parameters, strict=True) if role in open_roles]
        if not open_roles or any(isinstance(each, ImageOf) for each in chosen):
            yield tuple(
                Parameter(name, each, role.static)
                for each, (name, role) in zip(types, parameters, strict=True)
            )


def _dotted(names: tuple[str, ...], stem: str, variant: Variant) -> tuple[str, ...]:
    """``+`` and, if one operand is a scalar, the v1 form that marks its side: ``.+`` ``+.``."""
    left, right = ["" if isinstance(each.type, ImageOf) else "." for each in variant]
    return names if left == right else (*names, f"{left}{stem}{right}")


def _element(result: Type) -> str:
    if not isinstance(result, ImageOf) or result.content is Content.COLOR:
        return ""
    return "bool" if result.content is Content.BOOLEAN else "float32"
