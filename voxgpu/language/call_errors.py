"""What is told of a call that means nothing?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostic, Diagnostics, Note, Span, at_trace
from voxgpu.language.ast import Expression, Name
from voxgpu.language.block_builder import BlockBuilder
from voxgpu.language.builtins import HIGHER_ORDER, OPERATIONS, Mistyped
from voxgpu.language.ir import Broken
from voxgpu.language.library_help import import_of, signatures_of
from voxgpu.language.names import Names
from voxgpu.language.overloads import PrimitiveLike, accepts, misfit, remedy, wrong_types
from voxgpu.language.scope import Binding, FunctionBinding, Globals, ValueBinding, suggestion
from voxgpu.types import UNKNOWN, Function, Type

#: Suggestions compare with every name in scope: after these many they are no help any more.
_SUGGESTIONS = 20
#: So many ways to call a function are told.
_SIGNATURES = 3


class Callee(NamedTuple):
    """A call: the name called, where it and the whole call stand, and its arguments' places."""

    name: str
    span: Span
    whole: Span
    arguments: tuple[Expression, ...]


class CallErrors:
    """Tells the mistakes in calls; each method of a mistake returns a step that stands for it."""

    def __init__(self, names: Names, outside: Globals, diagnostics: Diagnostics) -> None:
        self._names = names
        self._outside = outside
        self._diagnostics = diagnostics
        self._suggested = 0

    def unknown(self, name: str, span: Span, body: BlockBuilder) -> int:
        """Nothing has this name."""
        refusal = self._names.refusal(name)
        if refusal:
            self.report("E101", f"`{name}` cannot be used: {refusal}", span, body)
            return body.add(Broken(UNKNOWN, span))
        message, notes, hint = self._elsewhere(name, span)
        self._suggested += 1
        if not message and self._suggested <= _SUGGESTIONS:
            known = [*body.names, *self._outside.names, *self._names.catalogue]
            hint = suggestion(name, [*known, *OPERATIONS, *HIGHER_ORDER])
        self.report("E101", message or f"nothing is called `{name}`", span, body, notes, hint)
        return body.add(Broken(UNKNOWN, span))

    def _elsewhere(self, name: str, span: Span) -> tuple[str, tuple[Note, ...], str]:
        """What is told of a name that is bound, but not here; an empty message where none is."""
        message = f"`{name}` is not in scope here"
        declared = self._outside.elsewhere(name)
        if declared is not None and declared.recursive(span):
            hint = "nothing is defined by itself; `for` and `fold` go over sequences"
            return f"`{name}` is not bound yet within itself", (), hint
        if declared is not None:
            hint = "a name is bound for what follows it" if declared.later else declared.within
            return message, (Note("bound here", declared.span),), hint
        importing = import_of(name)
        if importing:
            return message, (), f"write {importing} before it"
        elsewhere = (
            self._names.elsewhere(name, OPERATIONS) if self._suggested < _SUGGESTIONS else []
        )
        if elsewhere:
            space, _, plain = elsewhere[0].partition(".")
            hint = f'write `{elsewhere[0]}`, or `{plain}` after import "{space}"'
            return message, (), hint
        return "", (), ""

    def mistyped(
        self, mistake: Mistyped, callee: Callee, types: Sequence[Type], body: BlockBuilder
    ) -> int:
        """An operation does not take these arguments."""
        blamed = None
        if mistake.argument is not None and mistake.argument < len(callee.arguments):
            blamed = callee.arguments[mistake.argument]
        if mistake.argument is not None and isinstance(types[mistake.argument], Function):
            self.needs_arguments(callee, types, body)
        else:
            notes = bound_at(blamed, body) if blamed is not None else ()
            span = blamed.span if blamed is not None else callee.span
            self.report("E102", str(mistake), span, body, notes, mistake.help)
        return body.add(Broken(UNKNOWN, callee.whole))

    def needs_arguments(self, callee: Callee, types: Sequence[Type], body: BlockBuilder) -> None:
        """A function stands where a value must."""
        places = [each.span for each in callee.arguments]
        for index, kind in enumerate(types):
            if isinstance(kind, Function):
                span = places[index] if index < len(places) else callee.span
                message, hint = needs_arguments(kind, self._names)
                self.report("E102", message, span, body, help=hint)
                return

    def wrong_types(
        self,
        overloads: tuple[PrimitiveLike, ...],
        callee: Callee,
        types: tuple[Type, ...],
        body: BlockBuilder,
    ) -> None:
        """No overload takes arguments of these types."""
        if any(isinstance(each, Function) for each in types):
            self.needs_arguments(callee, types, body)
            return
        index = misfit(overloads, types)
        places = callee.arguments
        blamed = places[index] if index is not None and index < len(places) else None
        wanted = wanted_at(overloads, types, index)
        every = (note for each in places for note in bound_at(each, body))
        notes = list(dict.fromkeys(every))
        if blamed is not None:
            notes = list(bound_at(blamed, body))
        self.report(
            "E102",
            wrong_types(callee.name, overloads, types),
            blamed.span if blamed is not None else callee.span,
            body,
            tuple(notes),
            remedy(callee.name, types, wanted, self._names.catalogue),
        )

    def wrong_number(
        self,
        callee: Callee,
        given: int,
        binding: Binding | None,
        takes: list[int],
        body: BlockBuilder,
    ) -> int:
        """There are too many arguments, or too few."""
        notes: tuple[Note, ...] = ()
        if isinstance(binding, ValueBinding):
            message = f"`{callee.name}` is a {binding.type}, not a function"
            notes = (Note("bound here", binding.span),)
            self.report("E102", message, callee.span, body, notes)
            return body.add(Broken(UNKNOWN, callee.whole))
        if isinstance(binding, FunctionBinding):
            takes = [binding.arity]
            if not binding.let.span.source.ours:
                notes = (Note("defined here", binding.let.declared),)
        wanted = " or ".join(str(each) for each in takes)
        plural = "" if takes == [1] else "s"
        message = f"`{callee.name}` takes {wanted} argument{plural}, got {given}"
        hint = self._signatures(callee.name, binding)
        self.report("E103", message, callee.span, body, notes, hint)
        return body.add(Broken(UNKNOWN, callee.whole))

    def _signatures(self, name: str, binding: Binding | None) -> str:
        """How a function is called: of overloads the first for each number of arguments."""
        if isinstance(binding, FunctionBinding):
            let = binding.let
            own = f"{let.name}({', '.join(let.parameters or ())})"
            found = list(signatures_of(let.name)) if let.span.source.ours else [own]
        else:
            overloads = self._names.overloads(name)
            by_count = {len(each.parameters): each.signature for each in reversed(overloads)}
            found = [by_count[count] for count in sorted(by_count)]
            found += signatures_of(self._names.qualified(name, OPERATIONS))
        return f"write {' or '.join(found[:_SIGNATURES])}" if found else ""

    def add(self, diagnostic: Diagnostic) -> None:
        """Tells something of one place, whoever calls it."""
        self._diagnostics.add(diagnostic)

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        body: BlockBuilder,
        notes: tuple[Note, ...] = (),
        help: str = "",
    ) -> None:
        """Tells a mistake, with the calls that lead to it."""
        self._diagnostics.add(at_trace(code, message, (span, *body.trace), notes, help))


def needs_arguments(kind: Function, names: Names) -> tuple[str, str]:
    """Message and help for a function where a value must stand."""
    target = kind.target
    if isinstance(target, FunctionBinding):
        parameters = list(target.let.parameters or ())
    else:
        overloads = names.overloads(kind.name)
        parameters = [each.name for each in overloads[0].parameters] if overloads else ["…"]
    message = f"`{kind.name}` is a function and needs its arguments"
    return message, f"write {kind.name}({', '.join(parameters)})"


def wanted_at(
    overloads: Sequence[PrimitiveLike], types: Sequence[Type], index: int | None
) -> Type | None:
    """The type of the argument that is to blame, as the first overload that could fit has it."""
    if index is None:
        return None

    fitting_number = [each for each in overloads if accepts(each, len(types))]
    return fitting_number[0].parameters[index].type


def bound_at(expression: Expression, body: BlockBuilder) -> tuple[Note, ...]:
    """``bound here``, where an expression is just a name."""
    if not isinstance(expression, Name):
        return ()
    binding = body.find(expression.name)
    if not isinstance(binding, ValueBinding) or binding.span.source.ours:
        return ()
    return (Note(f"bound here: {binding.type}", binding.span),)
