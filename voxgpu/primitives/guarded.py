"""Isolation of user-defined primitives from the engine's values.

Arguments are read-only views that cannot be made writable. Results are copied and then checked, so
an array that the function retains, or an input that it returns, is never shared with the engine.
Any exception becomes an UndefinedValueError of the goals that need the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import Primitive, UndefinedValueError, Value, ValueWithWarning
from voxgpu.types import BOOLEAN, NUMBER, TEXT, Content, ImageOf, SequenceOf, Type


def guarded(primitive: Primitive) -> Primitive:
    """The primitive with its reference guarded; unchanged if it has a traced body."""
    if primitive.body is not None:
        return primitive
    reference = primitive.reference

    def call(arguments: list[Value], grid: Grid | None) -> Value | ValueWithWarning:
        given = [_read_only(each) for each in arguments]
        found = _called(primitive, lambda: reference(given, grid))
        if isinstance(found, ValueWithWarning):
            return replace(found, value=_checked(primitive, found.value, arguments, grid))
        return _checked(primitive, found, arguments, grid)

    grid_of, check = primitive.grid_of, primitive.check
    return replace(
        primitive,
        reference=call,
        scratch=primitive.scratch + _copied(primitive),
        grid_of=None if grid_of is None else _guarded_grid(primitive, grid_of),
        check=None if check is None else _guarded_check(primitive, check),
    )


def _guarded_grid(primitive: Primitive, function: Callable[..., Grid]) -> Callable[..., Grid]:
    def grid_of(*arguments: Any) -> Grid:
        found = _called(primitive, lambda: function(*arguments))
        if not isinstance(found, Grid):
            raise _problem(primitive, f"`grid_of` gives {_kind(found)}, not a grid")
        return found

    return grid_of


def _guarded_check(
    primitive: Primitive, function: Callable[..., str | None]
) -> Callable[..., str | None]:
    def check(*arguments: Any) -> str | None:
        try:
            found = _called(primitive, lambda: function(*arguments))
        except UndefinedValueError as problem:
            return str(problem)
        return None if found is None else str(found)

    return check


def _called(primitive: Primitive, function: Callable[[], Any]) -> Any:
    """Returns the result of a user's function. Raises UndefinedValueError for any exception.

    MemoryError propagates, because the engine frees memory and retries, and so does the user's own
    KeyboardInterrupt.
    """
    try:
        return function()
    except (UndefinedValueError, MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, ValueError) and "read-only" in str(error):
            reason += "; what a primitive is given cannot be changed: change a copy of it"
        # The traceback's frames would keep arrays alive.
        raise _problem(primitive, f"fails: {reason}") from error.with_traceback(None)


def _read_only(value: Value) -> Value:
    if not isinstance(value, Image):
        return value
    # Unlike an array's flag, a read-only memory view cannot be made writable again.
    return Image(np.asarray(memoryview(value.array).toreadonly()), value.grid)  # type: ignore[arg-type]


def _checked(
    primitive: Primitive, result: Any, arguments: Sequence[Value], grid: Grid | None
) -> Value:
    """A copy of a primitive's result. Raises UndefinedValueError if it does not match the declared
    type.
    """
    if not isinstance(primitive.result, ImageOf):
        return _plain(primitive, result, primitive.result)
    if not isinstance(result, Image):
        raise _problem(primitive, f"gives {_kind(result)}, not an array")
    if grid is None or result.grid is not grid:
        raise _problem(primitive, "gives an image on a grid of its own; return its array")
    images = [each for each in arguments if isinstance(each, Image)]
    shape = _shape(primitive, images, grid)
    given = result.array
    if given.shape != shape:
        raise _problem(primitive, f"gives an array of shape {given.shape}, not {shape}")
    element = _element(primitive, images, arguments)
    if element and given.dtype.name != element:
        hint = f"return `result.astype(np.{'bool_' if element == 'bool' else element})`"
        raise _problem(primitive, f"gives {given.dtype.name} voxels, not {element}; {hint}")
    array = np.array(given, dtype=given.dtype.newbyteorder("="), order="C", copy=True, subok=False)
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        hint = "return `result.view(np.uint8) != 0`"
        raise _problem(primitive, f"gives truth values with bytes other than 0 and 1; {hint}")
    return Image(array, grid)


def _shape(primitive: Primitive, images: Sequence[Image], grid: Grid) -> tuple[int, ...]:
    assert isinstance(primitive.result, ImageOf)
    if primitive.result.content is not Content.COLOR:
        return grid.shape
    first = images[0].channels if images else 3
    return (*grid.shape, primitive.channels if primitive.channels > 1 else first)


def _element(primitive: Primitive, images: Sequence[Image], arguments: Sequence[Value]) -> str:
    """NumPy's name of the declared voxel type; empty if it is known only after running."""
    if primitive.infer is not None:
        return ""
    first = images[0].element.name if images else ""
    if primitive.element_from is not None and first:
        pairs = zip(arguments, primitive.parameters, strict=False)
        static = [value for value, each in pairs if each.static]
        function = primitive.element_from
        return str(_called(primitive, lambda: function(first, *static)))
    return primitive.element or first


def _plain(primitive: Primitive, result: Any, expected: Type) -> Value:
    """Numbers, truth values, strings and sequences of them, as Python's own types."""
    if isinstance(result, np.ndarray) and result.ndim == 0:
        result = result[()]
    if isinstance(expected, SequenceOf) and isinstance(result, tuple | list | np.ndarray):
        return tuple(_plain(primitive, each, expected.item) for each in result)
    truth = isinstance(result, bool | np.bool_)
    if expected == BOOLEAN and truth:
        return bool(result)
    if expected == NUMBER and not truth and isinstance(result, Real | Integral | np.floating):
        try:
            return float(result)
        except OverflowError:
            raise _problem(primitive, "gives a number beyond those of 64 bits") from None
    if expected == TEXT and isinstance(result, str):
        return str(result)
    raise _problem(primitive, f"gives {_kind(result)}, not a {expected}")


def _copied(primitive: Primitive) -> int:
    """Bytes per voxel of the copy of a result."""
    if not isinstance(primitive.result, ImageOf):
        return 0
    element = np.dtype(primitive.element or "float32").itemsize
    return element * max(1, primitive.channels)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a value of type `{type(value).__name__}`"


def _problem(primitive: Primitive, reason: str) -> UndefinedValueError:
    return UndefinedValueError(f"the primitive `{primitive.names[0]}` {reason}")
