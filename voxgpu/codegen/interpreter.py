"""The reference interpreter: evaluates a kernel body with NumPy on whole arrays, slow and obvious.

Numerics contract (``docs/numerics.md``): float32 arithmetic with IEEE rounding and no contraction;
sums in float64 over blocks of 4096 consecutive voxels, where first each block and then the row of
block sums is added up by halving, so that neither threads nor devices can change a bit. Integers of
32 and 64 bits are compared, selected and reduced unconverted; arithmetic rounds them to float32
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.codegen.integer_interpreter import Mixed, compared, is_whole
from voxgpu.codegen.integers import WHOLE, chosen_as, read_as
from voxgpu.codegen.scalar import COMPARISONS, HERE, Offset, Scalar, topological_order

Array = npt.NDArray[Any]

#: Voxels of a block, which is summed first; part of the definition of every sum.
BLOCK = 4096

_DTYPE = {"bool": np.bool_, "f32": np.float32, "f64": np.float64}

_OPERATIONS: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negate": np.negative,
    "absolute": np.abs,
    "square_root": np.sqrt,
    "floor": np.floor,
    "ceiling": np.ceil,
    "nearest_whole": np.rint,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
    "not": np.logical_not,
}


def evaluate(
    body: Scalar,
    inputs: Sequence[Array],
    parameters: Sequence[Any],
    shape: tuple[int, ...],
    known: Mapping[int, Any] | None = None,
) -> Any:
    """Returns the value of ``body``.

    inputs      arrays of ``shape``, converted by ``integer_interpreter.to_kernel_dtype``
    parameters  scalar arguments; numbers are rounded to float32 first, unless they are compared
                with integers
    shape       (z, y, x) or (y, x)
    known       values of subexpressions, by the ``id`` of the expression: these are not evaluated

    Returns an array of ``shape``: bool, float32, or integers if the body selects among these; or a
    NumPy number if the body is a reduction.
    """
    values = dict(known or {})
    order = topological_order([body], values)
    remaining = _uses(order)
    with np.errstate(all="ignore"):
        for expression in order:
            arguments = [values[id(argument)] for argument in expression.arguments]
            values[id(expression)] = _apply(expression, arguments, inputs, parameters, shape)
            for argument in expression.arguments:
                remaining[id(argument)] -= 1
                if not remaining[id(argument)]:
                    del values[id(argument)]
    result = values[id(body)]
    if isinstance(result, Mixed):
        result = result.rounded()
    if body.element != "f64" and np.ndim(result) == 0:
        return np.full(shape, result, dtype=_DTYPE[body.element])
    return result if body.element != "f32" or is_whole(result) else _single(result)


def _uses(order: Sequence[Scalar]) -> dict[int, int]:
    """How often each expression is an argument."""
    counts: dict[int, int] = {}
    for expression in order:
        for argument in expression.arguments:
            counts[id(argument)] = counts.get(id(argument), 0) + 1
    return counts


def _apply(
    expression: Scalar,
    arguments: list[Any],
    inputs: Sequence[Array],
    parameters: Sequence[Any],
    shape: tuple[int, ...],
) -> Any:
    match expression.operation:
        case "read":
            return _read(inputs[expression.number], expression.offset, expression.boundary_value)
        case "parameter":
            return _given(expression, parameters[expression.number])
        case "constant":
            return _given(expression, expression.value)
        case "position":
            return _position(expression.axis, shape)
        case "extent":
            axis = expression.axis
            return np.float32(shape[-1 - axis] if axis < len(shape) else 0)
        case "total":
            return tree_sum(np.broadcast_to(_reduced(arguments[0]), shape))
        case "count":
            return np.float64(np.count_nonzero(np.broadcast_to(arguments[0], shape)))
        case "smallest":
            return extreme(np.fmin, np.broadcast_to(_reduced(arguments[0]), shape))
        case "largest":
            return extreme(np.fmax, np.broadcast_to(_reduced(arguments[0]), shape))
        case "where":
            return _where(expression, *arguments)
        case operation if operation in COMPARISONS and any(map(is_whole, arguments)):
            return compared(operation, *arguments)
        case "single":
            return _single(arguments[0])
        case "convert":
            return _DTYPE[expression.element](_single(arguments[0]))
        case "exponent":
            bits = np.asarray(arguments[0], np.float64).view(np.int64)
            return ((bits >> 52) - 1023).astype(np.float64)
        case "scale":
            number, exponent = np.broadcast_arrays(*arguments)
            bits = (exponent.astype(np.int64) + 1023) << 52
            return number * bits.view(np.float64)
        case operation:
            operands = [
                _single(each) if source.element == "f32" else each
                for each, source in zip(arguments, expression.arguments, strict=True)
            ]
            return _OPERATIONS[operation](*operands)


def _given(expression: Scalar, value: Any) -> Any:
    """A parameter or constant: float64 as long as it may be compared with integers."""
    return np.bool_(value) if expression.element == "bool" else np.float64(value)


def _single(value: Any) -> Any:
    """Numbers rounded to float32."""
    if isinstance(value, Mixed):
        return value.rounded()
    return np.asarray(value, dtype=np.float32)[()]


def _read(array: Array, offset: Offset, boundary_value: bool | float | None) -> Array | Mixed:
    if offset == HERE:
        return array
    if is_whole(array) and read_as(array.dtype.name, offset, boundary_value) == "f32":
        inside = shifted(np.ones(array.shape, np.bool_), offset, False)
        return Mixed(inside, shifted(array, offset, 0), float(boundary_value or 0))
    # Without a value outside the image, no voxel outside is read.
    return shifted(array, offset, 0 if boundary_value is None else boundary_value)


def _reduced(value: Any) -> Any:
    """The operand of a reduction: integers, or numbers rounded to float32."""
    return value if is_whole(value) else _single(value)


def _where(expression: Scalar, condition: Any, then: Any, otherwise: Any) -> Any:
    """Integers if both sides have one element, or one is a constant the other can represent."""
    if expression.element != "f32":
        return np.where(condition, then, otherwise)
    sides = expression.arguments[1:]
    constants = [each.value for each in sides if each.operation == "constant"]
    then, otherwise = (
        _single(each) if isinstance(each, Mixed) else each for each in (then, otherwise)
    )
    kinds = [WHOLE.get(np.asarray(each).dtype.name, "f32") for each in (then, otherwise)]
    if chosen_as(kinds[0], kinds[1], constants) is None:
        return np.where(condition, _single(then), _single(otherwise))
    element = next(each.dtype for each in (then, otherwise) if is_whole(each))
    both = (np.asarray(each).astype(element) for each in (then, otherwise))
    return np.where(condition, *both)


def shifted(array: Array, offset: Offset, boundary_value: Any) -> Array:
    """The array whose voxel p is ``array[p + offset]``, ``boundary_value`` beyond the frame."""
    moves = offset[-array.ndim :]
    if any(offset[: 3 - array.ndim]):
        return np.full_like(array, boundary_value)
    result = np.full_like(array, boundary_value)
    target, source = [], []
    for move, size in zip(moves, array.shape, strict=True):
        if abs(move) >= size:
            return result
        target.append(slice(max(0, -move), min(size, size - move)))
        source.append(slice(max(0, move), min(size, size + move)))
    result[tuple(target)] = array[tuple(source)]
    return result


def tree_sum(values: Array) -> np.float64:
    """The float64 sum in the order that defines it: blocks of 4096, then halves."""
    flat = values.astype(np.float64).ravel()
    blocks = max(1, -(-flat.size // BLOCK))
    padded = np.zeros(blocks * BLOCK)
    padded[: flat.size] = flat
    return tree_of_blocks(halve(padded.reshape(blocks, BLOCK)))


def tree_of_blocks(sums: Array) -> np.float64:
    """The sum of the block sums, in the order that defines it: by halving."""
    row = np.zeros((1, 1 << (len(sums) - 1).bit_length()))
    row[0, : len(sums)] = sums
    return np.float64(halve(row)[0])


def halve(rows: Array) -> Array:
    """Adds the second half of each row to the first until one column is left."""
    while rows.shape[1] > 1:
        half = rows.shape[1] // 2
        rows = rows[:, :half] + rows[:, half:]
    return rows[:, 0]


def extreme(choose: np.ufunc, values: Array) -> np.float64:
    """The least or greatest value, NaN ignored (NaN if all values are NaN); never −0.

    Integers are compared exactly; the result is rounded to float64.
    """
    return np.float64(choose.reduce(values, axis=None)) + 0.0


def _position(axis: int, shape: tuple[int, ...]) -> Array:
    if axis >= len(shape):
        return np.zeros(shape, dtype=np.float32)
    sizes = [1] * len(shape)
    sizes[-1 - axis] = shape[-1 - axis]
    indices = np.arange(shape[-1 - axis], dtype=np.float32).reshape(sizes)
    return np.broadcast_to(indices, shape)
