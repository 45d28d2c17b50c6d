"""What does a step of a program come to while it is lowered?

A node's id, an image without a grid yet, a lazy sequence, a function, a value still to be found
(``Pending``), or ``None`` for a mistake that has been told. A number or truth value that follows
from the program's text alone is just that, and becomes a node where a node needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voxgpu.ids import ValueId
from voxgpu.language.program import Block
from voxgpu.plan.graph import Floating, Trace


class FunctionMarker:
    """What a function comes to: which one it is has been decided by types already."""


FUNCTION = FunctionMarker()


class Pending:
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


Lowered = ValueId | float | bool | Floating | LazySequence | Pending | FunctionMarker | None


class Invocation(NamedTuple):
    """The value of a block for these arguments is needed."""

    block: Block
    arguments: tuple[Lowered, ...]
    trace: Trace


class Item(NamedTuple):
    """An item of a sequence is needed; it may be pending."""

    sequence: LazySequence
    number: int


class Attempt(NamedTuple):
    """The value is wanted if it can be found without running anything, else it stays pending."""

    pending: Pending


class Effect(NamedTuple):
    """Something is about to be asked of the world, which is no matter for an attempt."""


class Values(NamedTuple):
    """What these nodes come to must be known to go on: they are run."""

    ids: tuple[ValueId, ...]


#: What is done with pauses: it asks for one of the above or for the value of a ``Pending``.
Work = Generator[Invocation | Item | Attempt | Effect | Values | Pending, Any, Any]


class NeedsRun(Exception):
    """Going on takes running a part of the program, and nothing may run now."""


class Failed(Exception):
    """A mistake that was found only after a part of the program had run; args: the diagnostic."""


def ready(value: Lowered) -> Work:
    """Work that is done."""
    return value
    yield


def forced(value: Lowered) -> Work:
    """The value, found if it was pending."""
    while isinstance(value, Pending):
        value = yield value
    return value
