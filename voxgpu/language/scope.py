"""What does a name stand for at a place in a program?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from voxgpu.diagnostics import Span
from voxgpu.language.ast import (
    Command,
    Expression,
    Filter,
    For,
    Let,
    Load,
    Local,
    Print,
    Save,
    Value,
    children,
)
from voxgpu.types import Type


@dataclass(frozen=True, slots=True)
class ValueBinding:
    """A name for the value of a step; ``position`` is the step's number in its block."""

    step: int
    type: Type
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class FunctionBinding:
    """A name for a function; its body sees what was bound before ``order``."""

    let: Let
    order: int

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(self.let.parameters or ())


Binding = ValueBinding | FunctionBinding


@dataclass
class Globals:
    """Everything bound at the top level, with the order in which it was.

    A function's body must see the names as they were where it was defined, although a later
    binding may shadow them: so every name keeps its history.
    """

    _history: dict[str, tuple[list[int], list[Binding]]] = field(default_factory=dict)
    count: int = 0
    #: The whole program, for what is told of names that are bound elsewhere in it.
    commands: Sequence[Command] = ()

    def bind(self, name: str, binding: Binding) -> None:
        """Binds a name from here on."""
        orders, bindings = self._history.setdefault(name, ([], []))
        orders.append(self.count)
        bindings.append(binding)
        self.count += 1

    def find(self, name: str, before: int) -> Binding | None:
        """What the name was bound to before the binding number ``before``, if anything."""
        history = self._history.get(name)
        if history is None:
            return None
        orders, bindings = history
        place = bisect_left(orders, before)
        return bindings[place - 1] if place else None

    def elsewhere(self, name: str) -> Elsewhere | None:
        """Where in the program a name is bound that is not in scope; the first place."""
        return next((each for each in declarations(self.commands) if each.name == name), None)

    @property
    def names(self) -> list[str]:
        """All names that are bound somewhere."""
        return list(self._history)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A name that is bound somewhere in a program.

    whole   the command that binds it
    within  where alone it is known; empty for all that follows
    """

    name: str
    span: Span
    whole: Span
    within: str = ""

    @property
    def later(self) -> bool:
        """Whether it is bound for the rest of the program."""
        return not self.within

    def recursive(self, use: Span) -> bool:
        """Whether a place is within what it is bound to."""
        whole = self.whole
        inside = use.source is whole.source and whole.start <= use.start < whole.stop
        return self.later and inside


def declarations(commands: Iterable[Command]) -> Iterator[Elsewhere]:
    """Every name that a program binds, with those of parameters, loops and inner `let`."""
    for command in commands:
        if isinstance(command, Let | Load):
            yield Elsewhere(command.name, command.declared, command.span)
        if command.span.source.ours:
            continue
        if isinstance(command, Let) and command.parameters:
            within = f"it is a parameter of `{command.name}`, known within its body alone"
            for name in command.parameters:
                yield Elsewhere(name, command.declared, command.span, within)
        stack: list[Expression] = list(_expressions(command))
        while stack:
            expression = stack.pop()
            if isinstance(expression, For | Filter | Local):
                within = "it is known within this expression alone"
                yield Elsewhere(expression.name, expression.declared, command.span, within)
            stack.extend(children(expression))


def _expressions(command: Command) -> tuple[Expression, ...]:
    match command:
        case Let(body=body):
            return (body,)
        case Load(path=path):
            return (path,)
        case Save(target, value) | Print(target, value):
            return (target, value)
        case Value(value):
            return (value,)
        case _:
            return ()


def suggestion(name: str, known: list[str]) -> str:
    """``did you mean `near`?``, or nothing."""
    by_case = [other for other in known if other.lower() == name.lower()]
    close = by_case or get_close_matches(name, known, n=3, cutoff=0.65)
    if not close:
        return ""
    # Of several overloads there may be several of a name.
    return f"did you mean {' or '.join(f'`{each}`' for each in list(dict.fromkeys(close))[:2])}?"
