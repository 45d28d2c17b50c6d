"""What does a step of a program come to while it is lowered?

A node's id, an image without a grid yet, a lazy sequence, a function, a value still to be found
(``Thunk``), or ``None`` for a mistake that has been told. A number or truth value that follows
from the program's text alone is just that, and becomes a node where a node needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voxgpu.ids import ValueId
from voxgpu.language.ir import Block
from voxgpu.plan.graph import Gridless, Trace


class FunctionMarker:
    """What a function comes to: which one it is has been decided by types already."""


FUNCTION = FunctionMarker()


class Thunk:
    """A value that is found when something needs it, once.

    Finding it may take running a part of the program: ``if`` by a computed number, for example.
    """

    __slots__ = ("is_found", "value", "work")

    def __init__(self, work: Callable[[], Work]) -> None:
        self.work = work
        self.value: Lowered = None
        self.is_found = False


@dataclass(slots=True, eq=False)
class LazySequence:
    """A sequence whose items are lowered when they are asked for, once.

    make     the item of a number from 0
    node     the node that has the whole sequence as its value, if one does
    numbers  all items, where they are numbers that follow from the program's text alone
    """

    length: int
    make: Callable[[int], Work]
    node: ValueId | None = None
    numbers: Sequence[float] | None = None
    made: dict[int, Lowered] = field(default_factory=dict)


Lowered = ValueId | float | bool | Gridless | LazySequence | Thunk | FunctionMarker | None


class CallBlock(NamedTuple):
    """The value of a block for these arguments is needed."""

    block: Block
    arguments: tuple[Lowered, ...]
    trace: Trace


class GetItem(NamedTuple):
    """An item of a sequence is needed; it may be pending."""

    sequence: LazySequence
    number: int


class TryStatic(NamedTuple):
    """The value is wanted if it can be found without running anything, else it stays pending."""

    pending: Thunk


class SideEffect(NamedTuple):
    """Something is about to be asked of the world, which is no matter for an attempt."""


class EvaluateNodes(NamedTuple):
    """What these nodes come to must be known to go on: they are run."""

    ids: tuple[ValueId, ...]


#: What is done with pauses: it asks for one of the above or for the value of a ``Thunk``.
Work = Generator[CallBlock | GetItem | TryStatic | SideEffect | EvaluateNodes | Thunk, Any, Any]


class RequiresExecution(Exception):
    """Going on takes running a part of the program, and nothing may run now."""


class LoweringError(Exception):
    """A mistake that was found only after a part of the program had run; args: the diagnostic."""


def done(value: Lowered) -> Work:
    """Work that is done."""
    return value
    yield


def force(value: Lowered) -> Work:
    """The value, found if it was pending."""
    while isinstance(value, Thunk):
        value = yield value
    return value
