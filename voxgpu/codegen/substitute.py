"""Substitution of the leaves of expressions, and sharing of equal expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_

from voxgpu.codegen.scalar import LEAVES, Scalar, topological_order

#: Returns what replaces a leaf; None if the expressions that contain it are to be dropped.
Leaf = Callable[[Scalar], Scalar | None]


class SharedExpressions:
    """Hash-consing: one object for all equal expressions with the same arguments."""

    def __init__(self) -> None:
        self._same: dict[tuple[object, ...], Scalar] = {}

    def __call__(self, expression: Scalar) -> Scalar:
        """Returns the canonical object; its arguments must be canonical themselves."""
        arguments = tuple(map(id, expression.arguments))
        # By text, since 1, 1.0 and True are equal, and NaN is not.
        detail = repr(expression.detail) if expression.detail else ""
        key = (expression.operation, arguments, detail, expression.element)
        return self._same.setdefault(key, expression)


def substitute(
    roots: Sequence[Scalar], leaf: Leaf, shared: SharedExpressions | None = None
) -> list[Scalar | None]:
    """Returns the roots with each leaf replaced by ``leaf`` of it; None where one is dropped.

    Expressions that are one object remain one object. With ``shared``, so do equal ones.
    """
    results: dict[int, Scalar | None] = {}
    for each in topological_order(roots):
        if each.operation in LEAVES:
            results[id(each)] = leaf(each)
            continue
        kept = [a for argument in each.arguments if (a := results[id(argument)]) is not None]
        if len(kept) < len(each.arguments):
            results[id(each)] = None
            continue
        result = with_arguments(each, kept)
        results[id(each)] = result if shared is None else shared(result)
    return [results[id(root)] for root in roots]


def substitute_all(
    root: Scalar, leaf: Callable[[Scalar], Scalar], shared: SharedExpressions
) -> Scalar:
    """Returns the root with each leaf replaced by ``leaf`` of it; none may be dropped."""
    (result,) = substitute([root], leaf, shared)
    assert result is not None
    return result


def with_arguments(expression: Scalar, arguments: Sequence[Scalar]) -> Scalar:
    """Returns the expression with other arguments; the same object if they are unchanged."""
    if all(map(is_, arguments, expression.arguments)):
        return expression
    return Scalar(expression.operation, tuple(arguments), expression.detail, expression.element)
