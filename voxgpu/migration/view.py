"""A checked program as rules look at it: what is written, and what is known of its values."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

from voxgpu.compile import Compiled
from voxgpu.diagnostics import Diagnostic, Source, Span
from voxgpu.frozen import frozen
from voxgpu.language.ast import (
    Call,
    Command,
    Expression,
    Filter,
    Fold,
    For,
    Name,
    NumberLiteral,
    Print,
    Save,
    TextLiteral,
    children,
    expressions_of,
)
from voxgpu.language.builtins import OPERATIONS
from voxgpu.language.ir import (
    Apply,
    FoldLeft,
    FunctionValue,
    Invoke,
    LoadFile,
    Operate,
    ProgramGoal,
)
from voxgpu.language.lexer import Token, imported_names
from voxgpu.language.parse import tokenize_source
from voxgpu.language.scope import declarations
from voxgpu.migration.facts import Fact, Followed, Use
from voxgpu.types import NUMBER, Type


@frozen(slots=True)
class Sign:
    """An operator between or before its operands; ``call`` is what the parser made of it."""

    call: Call
    is_prefix: bool

    @property
    def span(self) -> Span:
        """Where the operator itself is written."""
        return self.call.callee


class View:
    """The user's part of a program: that of voxgpu's own libraries is left out."""

    def __init__(self, compiled: Compiled) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = compiled.diagnostics
        self.program = compiled.program
        self.commands: list[Command] = [
            each for each in compiled.commands if not each.span.source.ours
        ]
        self.source = compiled.source
        #: The names that the program binds anywhere; they hide those of libraries.
        self.bound = {each.name for each in declarations(self.commands)}

    @cached_property
    def sources(self) -> list[Source]:
        """The program and the files that it imports."""
        return list(dict.fromkeys([self.source, *(each.span.source for each in self.commands)]))

    @cached_property
    def tokens(self) -> list[tuple[Source, Token]]:
        """The tokens of all sources, before operators are told apart."""
        return [(source, token) for source in self.sources for token in tokenize_source(source)]

    @cached_property
    def imports(self) -> list[tuple[str, Span]]:
        """The imported names and where they are written."""
        return [
            (token[1:-1], Span(source, token.start_pos, token.end_pos))
            for source in self.sources
            for token in imported_names(tokenize_source(source))
        ]

    def imports_any(self, names: Collection[str]) -> bool:
        """Whether one of these is imported, with or without its suffix."""
        return any(name.removesuffix(".imgql") in names for name, _ in self.imports)

    @cached_property
    def expressions(self) -> list[Expression]:
        """All expressions of the program and their parts, in the order of the text."""
        found = []
        stack = [root for command in self.commands for root in expressions_of(command)]
        while stack:
            expression = stack.pop()
            found.append(expression)
            stack.extend(children(expression))
        return sorted(found, key=lambda each: self.sort_key(each.span))

    def sort_key(self, span: Span) -> tuple[int, int, int]:
        """The order of places: by file, then by position."""
        known = self.sources.index(span.source) if span.source in self.sources else -1
        return known, span.start, span.stop

    @cached_property
    def signs(self) -> list[Sign]:
        """The operators that stand between or before their operands, in the order of the text."""
        found = []
        for each in self.expressions:
            if isinstance(each, Call) and not is_called(each):
                found.append(Sign(each, len(each.arguments) == 1))
        return sorted(found, key=lambda sign: self.sort_key(sign.span))

    @cached_property
    def _followed(self) -> Followed:
        return Followed(self.program.main)

    def goals(self, action: str) -> Iterator[tuple[Print | Save, ProgramGoal, Fact]]:
        """Yields the valid commands ``print`` or ``save`` with the facts about their values."""
        of = Print if action == "print" else Save
        commands = {each.value.span: each for each in self.commands if isinstance(each, of)}
        for goal in self.program.goals:
            if goal.action == action and goal.span in commands:
                yield commands[goal.span], goal, self._followed.facts[goal.step]

    def uses(self, expression: Expression) -> list[Use]:
        """The steps of an expression: one for each combination of types that it is used with."""
        every = self._followed.uses.get(expression.span, [])
        if isinstance(expression, Call | Name):
            return [each for each in every if _is_of(each, expression.name)]
        if isinstance(expression, Fold):
            return [each for each in every if isinstance(each.step, FoldLeft)]
        return every

    def type_of(self, expression: Expression) -> Type | None:
        """Returns the type of a value; None if it is not known, or if there are several."""
        types = {use.result.type for use in self.uses(expression)}
        if isinstance(expression, NumberLiteral):
            types = {NUMBER}
        elif isinstance(expression, Name) and not types:
            steps = self.program.main.steps
            names = self.program.names.items()
            types = {steps[step].type for step, name in names if name == expression.name}
        return types.pop() if len(types) == 1 else None

    def calls(self, names: Collection[str]) -> Iterator[tuple[Call | Name, list[Use]]]:
        """Yields the uses of functions and operators of libraries with these names."""
        for each in self.expressions:
            if isinstance(each, Call | Name) and each.name in names and each.name not in self.bound:
                yield each, self.uses(each)

    def uses_function(self, name: Name) -> bool:
        """Whether a name stands for a function that is not called."""
        return any(
            isinstance(use.step, FunctionValue) for use in self._followed.uses.get(name.span, ())
        )

    @cached_property
    def loads(self) -> list[LoadFile]:
        """The files that are loaded by a path that the text determines, each place once."""
        found = [
            use.step
            for uses in self._followed.uses.values()
            for use in uses
            if isinstance(use.step, LoadFile)
        ]
        return sorted(found, key=lambda each: self.sort_key(each.span))

    @cached_property
    def repeated(self) -> list[Span]:
        """The bodies of loops, filters and functions, where VoxLogicA 2 has another evaluator."""
        return [each.body.span for each in self.expressions if isinstance(each, For | Filter)]

    @cached_property
    def texts(self) -> list[TextLiteral]:
        """The strings."""
        return [each for each in self.expressions if isinstance(each, TextLiteral)]


def is_called(call: Call) -> bool:
    """Whether a function or operator is written before its arguments in parentheses."""
    first = call.callee.source.text[call.callee.start : call.callee.start + 1]
    after = call.callee.source.text[call.callee.stop :].lstrip()
    if not after.startswith("("):
        return False
    if len(call.arguments) == 1:
        return first.isalpha() or first == "_"
    return all(each.span.start >= call.callee.stop for each in call.arguments)


def _is_of(use: Use, name: str) -> bool:
    plain = name.rpartition(".")[2] if name[0].isalpha() else name
    match use.step:
        case Apply(primitive):
            return name in primitive.names or any(
                each.rpartition(".")[2] == plain for each in primitive.names if each[0].isalpha()
            )
        case Invoke(function):
            return bool(function.name == name)
        case Operate(operation):
            known = OPERATIONS.get(name) or OPERATIONS.get(f"simpleitk.{name}")
            return known is not None and known[0] == operation
        case LoadFile():
            return plain == "ReadImage"
    return True
