"""The commands of a program that a saved expression depends on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from voxgpu.diagnostics import Source, Span
from voxgpu.language.ast import (
    Call,
    Command,
    Expression,
    Fold,
    Let,
    Load,
    Name,
    Save,
    children,
)
from voxgpu.provenance.record import Line


class ProgramLines:
    """Finds the commands that expressions depend on, each lookup in time of what it finds.

    commands  those of the program and of all it imports, in order
    parts     the texts of the program itself, one after the other
    """

    def __init__(self, commands: Sequence[Command], parts: Sequence[Source]) -> None:
        self._commands = commands
        #: How many lines come before each part.
        self._before: dict[Source, int] = {}
        lines = 0
        for part in parts:
            self._before[part] = lines
            lines += part.text.count("\n") + 1
        #: For each name the numbers of the commands that bind it, in order.
        self._bound: dict[str, list[int]] = {}
        self._saves: dict[Span, int] = {}
        for number, command in enumerate(commands):
            if isinstance(command, Let | Load):
                self._bound.setdefault(command.name, []).append(number)
            elif isinstance(command, Save):
                self._saves[command.value.span] = number

    def of(self, value: Span) -> tuple[Line, ...]:
        """The lines of the ``save`` with this value, and of the commands that it depends on.

        The standard library is left out. Empty where the value is not one of a ``save``.
        """
        number = self._saves.get(value)
        if number is None:
            return ()
        found, waiting = {number}, [number]
        while waiting:
            place = waiting.pop()
            for needed in self._needed(place):
                if needed not in found:
                    found.add(needed)
                    waiting.append(needed)
        commands = [self._commands[each] for each in sorted(found)]
        return tuple(self._line(each) for each in commands if not each.span.source.ours)

    def _needed(self, place: int) -> Iterator[int]:
        """The numbers of the commands that one refers to: the last ones before it.

        Functions may have one name and different numbers of parameters, so all of them are taken.
        """
        for name in names_in(self._commands[place]):
            numbers = self._bound.get(name, ())
            for number in reversed(numbers[: bisect_left(numbers, place)]):
                yield number
                command = self._commands[number]
                if not (isinstance(command, Let) and command.parameters):
                    break

    def _line(self, command: Command) -> Line:
        span = command.span
        before = self._before.get(span.source)
        path = span.source.name if before is None else ""
        number, _ = span.source.line_and_column(span.start)
        return Line(number + (before or 0), span.source.text[span.start : span.stop].strip(), path)


def names_in(command: Command) -> set[str]:
    """The names that a command refers to, also those that it binds within its expressions."""
    found: set[str] = set()
    waiting: list[Expression] = []
    match command:
        case Load(_, path):
            waiting = [path]
        case Let(_, _, body):
            waiting = [body]
        case Save(target, value):
            waiting = [target, value]
    while waiting:
        expression = waiting.pop()
        match expression:
            case Name(name):
                found.add(name)
            case Call(name):
                found.add(name)
            case Fold(function):
                found.add(function)
        waiting += children(expression)
    if isinstance(command, Let):
        found -= set(command.parameters or ())
    return found
