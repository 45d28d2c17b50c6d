"""Lowered values: what a step of a program evaluates to during lowering.

A lowered value is a node id, an image without a grid, a lazy sequence, a function, a deferred
value (``Thunk``), or ``None`` after an error that has been reported. Numbers and truth values that
are constants of the program's text are represented by themselves and become nodes on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voxgpu.ids import ValueId
from voxgpu.language.ir import Block
from voxgpu.plan.graph import Gridless, Trace


class FunctionMarker:
    """The lowered value of a function; type checking has already resolved which one it is."""


FUNCTION = FunctionMarker()


class Thunk:
    """A value that is computed on first use, and only once.

    Computing it may require running part of the program, for example for an ``if`` whose condition
    is a computed number.
    """

    __slots__ = ("is_evaluated", "value", "work")

    def __init__(self, work: Callable[[], Work]) -> None:
        self.work = work
        self.value: Lowered = None
        self.is_evaluated = False


@dataclass(slots=True, eq=False)
class LazySequence:
    """A sequence whose items are lowered on demand, and only once.

    make     returns the item with an index, from 0
    node     the node whose value is the whole sequence, if there is one
    numbers  all items, if they are numbers known from the program's text
    """

    length: int
    make: Callable[[int], Work]
    node: ValueId | None = None
    numbers: Sequence[float] | None = None
    cache: dict[int, Lowered] = field(default_factory=dict)


Lowered = ValueId | float | bool | Gridless | LazySequence | Thunk | FunctionMarker | None


class CallBlock(NamedTuple):
    """Request for the value of a block applied to these arguments."""

    block: Block
    arguments: tuple[Lowered, ...]
    trace: Trace


class GetItem(NamedTuple):
    """Request for an item of a sequence; the result may be a thunk."""

    sequence: LazySequence
    number: int


class TryStatic(NamedTuple):
    """Request for a value if it can be determined without execution; else a thunk remains."""

    pending: Thunk


class SideEffect(NamedTuple):
    """Signals a side effect (writing a file). Speculative lowering stops here."""


class EvaluateNodes(NamedTuple):
    """Request for the values of these nodes, which are executed."""

    ids: tuple[ValueId, ...]


#: A coroutine that yields requests (the classes above, or a ``Thunk``) and receives the results.
Work = Generator[CallBlock | GetItem | TryStatic | SideEffect | EvaluateNodes | Thunk, Any, Any]


class RequiresExecution(Exception):
    """Raised when lowering needs to run part of the program, but execution is not allowed now."""


class LoweringError(Exception):
    """An error found after part of the program had run; its argument is the diagnostic."""


def done(value: Lowered) -> Work:
    """Returns a completed coroutine with this value."""
    return value
    yield


def force(value: Lowered) -> Work:
    """Returns the value, computing it if it is a thunk."""
    while isinstance(value, Thunk):
        value = yield value
    return value
