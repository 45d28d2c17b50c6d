"""What is a checked program? Straight-line code without names, every step of a known type.

A step refers to earlier steps of its block by their number. A function is one block for every
combination of argument types that it is called with; its body refers to steps of the main block
where it uses what was bound outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voxgpu.diagnostics import Span
from voxgpu.types import Type


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, truth value or string that stands in the program."""

    value: float | bool | str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class LoadFile:
    """An image file; ``header`` is what its reader knows of it before the voxels are read."""

    path: str
    header: Any
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Apply:
    """A primitive applied to the values of earlier steps."""

    primitive: Any
    arguments: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """The values of earlier steps in a row."""

    items: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function as a value: which one is in its type."""

    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Operate:
    """An operation on sequences, strings or files, which lowering does: see ``operations.py``."""

    operation: str
    arguments: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class ForEach:
    """The block's value for every item of a sequence.

    The block's first parameter is the item; the others are the steps ``captures``.
    """

    block: Block
    sequence: int
    captures: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Select:
    """The items of a sequence for which the block is true; parameters as in ``ForEach``."""

    block: Block
    sequence: int
    captures: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class FoldLeft:
    """A function of two parameters put between the items, from the left.

    start  the step whose value comes before the first item, if any
    name   what the program calls it
    """

    block: Block
    start: int | None
    sequence: int
    type: Type
    span: Span
    name: str = "fold"


@dataclass(frozen=True, slots=True)
class Choose:
    """One of two blocks, by a truth value; each with the steps that are its parameters."""

    condition: int
    yes: Block
    yes_captures: tuple[int, ...]
    no: Block
    no_captures: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Invoke:
    """A function of the program applied to the values of earlier steps."""

    function: Block
    arguments: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """In the block of a function: its parameter of that number."""

    number: int
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Outer:
    """In the block of a function: a step of the main block."""

    step: int
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Broken:
    """Something with a mistake that has been reported."""

    type: Type
    span: Span


Step = (
    Constant
    | LoadFile
    | Apply
    | Sequence
    | FunctionValue
    | Operate
    | ForEach
    | Select
    | FoldLeft
    | Choose
    | Invoke
    | Parameter
    | Outer
    | Broken
)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Steps in order, and the one whose value is the block's.

    is_broken  whether there is a mistake in it, or in a function it calls
    """

    name: str
    steps: tuple[Step, ...]
    result: int
    is_broken: bool = False

    @property
    def type(self) -> Type:
        """The type of the block's value."""
        return self.steps[self.result].type


def blocks_of(step: Step) -> tuple[Block, ...]:
    """The blocks that a step runs."""
    match step:
        case Invoke(function=block):
            return (block,)
        case ForEach(block=block) | Select(block=block) | FoldLeft(block=block):
            return (block,)
        case Choose(yes=yes, no=no):
            return (yes, no)
    return ()


@dataclass(frozen=True, slots=True)
class ProgramGoal:
    """``save`` or ``print``: what is asked for, under which name, and the step that has it.

    label_step  the step that has the name, where it must be computed
    """

    action: str
    label: str
    step: int
    span: Span
    label_span: Span
    label_step: int | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """The main block, the names of its steps for people, and the goals in order."""

    main: Block
    names: dict[int, str]
    goals: tuple[ProgramGoal, ...]
