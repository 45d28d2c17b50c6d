"""Flat tables of expressions: what is pickled in place of them.

A table keeps each expression once, so that expressions with common parts are small and still share
these parts when they are built again, and it is not nested, so that the depth of an expression is
not limited by the depth of recursion.
"""

from __future__ import annotations

from collections.abc import Sequence

from voxgpu.codegen.scalar import Element, Scalar, topological_order

#: Operation, places of the arguments in the table, detail and element of each expression, after
#: those of its arguments; then the places of the roots.
Table = tuple[tuple[tuple[str, tuple[int, ...], tuple[object, ...], Element], ...], tuple[int, ...]]


def table_of(roots: Sequence[Scalar]) -> Table:
    """The table of all expressions below ``roots``."""
    places: dict[int, int] = {}
    rows: list[tuple[str, tuple[int, ...], tuple[object, ...], Element]] = []
    for each in topological_order(roots):
        arguments = tuple(places[id(argument)] for argument in each.arguments)
        places[id(each)] = len(rows)
        rows.append((each.operation, arguments, each.detail, each.element))
    return tuple(rows), tuple(places[id(root)] for root in roots)


def expressions_of(table: Table) -> tuple[Scalar, ...]:
    """The roots of a table, built again; what is one row is one object."""
    rows, roots = table
    made: list[Scalar] = []
    for operation, arguments, detail, element in rows:
        made.append(Scalar(operation, tuple(made[each] for each in arguments), detail, element))
    return tuple(made[each] for each in roots)


def only_expression(table: Table) -> Scalar:
    """The expression of a table with one root."""
    (root,) = expressions_of(table)
    return root
