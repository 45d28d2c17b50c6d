"""Scopes: what a name is bound to at a given point of a program."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from voxgpu.diagnostics import Span
from voxgpu.frozen import frozen
from voxgpu.language.ast import (
    Command,
    Expression,
    Filter,
    For,
    Let,
    Load,
    Local,
    children,
    expressions_of,
)
from voxgpu.types import Type


@frozen(slots=True)
class ValueBinding:
    """A name bound to a value; ``step`` is the index of its step in its block."""

    step: int
    type: Type
    span: Span


@frozen(slots=True, eq=False)
class FunctionBinding:
    """A name bound to a function; its body sees the bindings made before ``order``."""

    let: Let
    order: int

    @property
    def arity(self) -> int:
        """The number of parameters."""
        return len(self.let.parameters or ())


Binding = ValueBinding | FunctionBinding


@dataclass
class Globals:
    """All top-level bindings, in order.

    A function's body sees the names as they were at its definition, even if a later binding shadows
    them, so every name keeps its history.
    """

    _history: dict[str, tuple[list[int], list[Binding]]] = field(default_factory=dict)
    count: int = 0
    #: The whole program, to explain names that are bound elsewhere in it.
    commands: Sequence[Command] = ()

    def bind(self, name: str, binding: Binding) -> None:
        """Binds a name from now on."""
        orders, bindings = self._history.setdefault(name, ([], []))
        orders.append(self.count)
        bindings.append(binding)
        self.count += 1

    def find(self, name: str, before: int) -> Binding | None:
        """Returns the binding of a name before binding number ``before``, or None."""
        history = self._history.get(name)
        if history is None:
            return None
        orders, bindings = history
        index = bisect_left(orders, before)
        return bindings[index - 1] if index else None

    def find_declaration(self, name: str) -> Declaration | None:
        """Returns the first place in the program that binds a name, or None."""
        return next((each for each in declarations(self.commands) if each.name == name), None)

    @property
    def names(self) -> list[str]:
        """Returns all names bound at the top level."""
        return list(self._history)


@frozen(slots=True)
class Declaration:
    """A binding of a name somewhere in a program.

    whole   the command that binds it
    within  description of the only region where it is visible; empty if it is visible from here on
    """

    name: str
    span: Span
    whole: Span
    within: str = ""

    @property
    def later(self) -> bool:
        """Whether the name is visible for the rest of the program."""
        return not self.within

    def recursive(self, use: Span) -> bool:
        """Returns whether a use of the name lies within its own definition."""
        whole = self.whole
        inside = use.source is whole.source and whole.start <= use.start < whole.stop
        return self.later and inside


def declarations(commands: Iterable[Command]) -> Iterator[Declaration]:
    """Yields every name that a program binds, including parameters, loops and inner `let`."""
    for command in commands:
        if isinstance(command, Let | Load):
            yield Declaration(command.name, command.declared, command.span)
        if command.span.source.ours:
            continue
        if isinstance(command, Let) and command.parameters:
            within = f"it is a parameter of `{command.name}`, known within its body alone"
            for name in command.parameters:
                yield Declaration(name, command.declared, command.span, within)
        stack: list[Expression] = list(expressions_of(command))
        while stack:
            expression = stack.pop()
            if isinstance(expression, For | Filter | Local):
                within = "it is known within this expression alone"
                yield Declaration(expression.name, expression.declared, command.span, within)
            stack.extend(children(expression))


def suggestion(name: str, known: list[str]) -> str:
    """Returns ``did you mean `near`?``, or an empty string."""
    by_case = [other for other in known if other.lower() == name.lower()]
    from difflib import get_close_matches

    close = by_case or get_close_matches(name, known, n=3, cutoff=0.65)
    if not close:
        return ""
    # Overloaded names occur more than once.
    return f"did you mean {' or '.join(f'`{each}`' for each in list(dict.fromkeys(close))[:2])}?"
