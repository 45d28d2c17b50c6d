"""Typed intermediate representation of a checked program: straight-line code without names.

A step refers to earlier steps of its block by index. A function is compiled to one block for each
combination of argument types it is called with; its body refers to steps of the main block for
values bound at the top level.
"""

from __future__ import annotations

from typing import Any

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen
from voxgpu.types import Type


@frozen(slots=True)
class Constant:
    """A number, truth value or string literal."""

    value: float | bool | str
    type: Type
    span: Span


@frozen(slots=True)
class LoadFile:
    """An image file; ``header`` is what its reader knows before the voxels are read."""

    path: str
    header: Any
    type: Type
    span: Span


@frozen(slots=True)
class Apply:
    """A primitive applied to earlier steps."""

    primitive: Any
    arguments: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class Sequence:
    """A sequence of the values of earlier steps."""

    items: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class FunctionValue:
    """A function used as a value; its type identifies the function."""

    type: Type
    span: Span


@frozen(slots=True)
class Operate:
    """A polymorphic built-in on sequences, strings or files (see ``builtins.py``)."""

    operation: str
    arguments: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class ForEach:
    """Evaluates a block for every item of a sequence.

    The block's first parameter is the item; the others are the captured steps ``captures``.
    """

    block: Block
    sequence: int
    captures: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class Select:
    """Selects the items for which the block is true; parameters as in ``ForEach``."""

    block: Block
    sequence: int
    captures: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class FoldLeft:
    """A left fold with a block of two parameters.

    start  the step of the initial value, if any
    name   the name of the function in the program
    """

    block: Block
    start: int | None
    sequence: int
    type: Type
    span: Span
    name: str = "fold"


@frozen(slots=True)
class Choose:
    """A conditional between two blocks, each with the steps passed as its parameters."""

    condition: int
    yes: Block
    yes_captures: tuple[int, ...]
    no: Block
    no_captures: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class Invoke:
    """A user-defined function applied to earlier steps."""

    function: Block
    arguments: tuple[int, ...]
    type: Type
    span: Span


@frozen(slots=True)
class Parameter:
    """A parameter of a block, by index."""

    number: int
    type: Type
    span: Span


@frozen(slots=True)
class Outer:
    """A reference from a function's block to a step of the main block."""

    step: int
    type: Type
    span: Span


@frozen(slots=True)
class Broken:
    """A placeholder for a step whose error has already been reported."""

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


@frozen(slots=True, eq=False)
class Block:
    """A list of steps, and the index of the one that is the block's value.

    is_broken  whether the block or a function it calls contains an error
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
    """Returns the blocks that a step evaluates."""
    match step:
        case Invoke(function=block):
            return (block,)
        case ForEach(block=block) | Select(block=block) | FoldLeft(block=block):
            return (block,)
        case Choose(yes=yes, no=no):
            return (yes, no)
    return ()


@frozen(slots=True)
class ProgramGoal:
    """A ``save`` or ``print`` command: its label and the step of its value.

    label_step  the step of the label if it must be computed, else None
    """

    action: str
    label: str
    step: int
    span: Span
    label_span: Span
    label_step: int | None = None


@frozen(slots=True)
class Program:
    """The main block, display names for its steps, and the goals in program order."""

    main: Block
    names: dict[int, str]
    goals: tuple[ProgramGoal, ...]
