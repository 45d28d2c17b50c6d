"""Diagnostics for invalid calls: unknown names, wrong arity and wrong argument types."""

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
from voxgpu.language.overloads import (
    PrimitiveLike,
    accepts,
    mismatched_argument,
    suggest_remedy,
    wrong_types,
)
from voxgpu.language.scope import Binding, FunctionBinding, Globals, ValueBinding, suggestion
from voxgpu.types import UNKNOWN, Function, Type

#: Suggestions compare a name with all names in scope; after this many they are no longer made.
_SUGGESTIONS = 20
#: Maximum number of signatures listed in a help text.
_SIGNATURES = 3

#: What to write for measures with one argument too many, or too few.
_COUNTS = {
    ("mean", 2): "avg(v, mask) is the mean of an image in a mask",
    ("avg", 1): "avg(v, mask) is the mean in a mask; the mask tt is all of the image",
    ("volume", 2): "volume(mask) is the number of voxels in a mask",
}


class Callee(NamedTuple):
    """A call: the called name, the spans of the name and of the call, and the arguments' syntax."""

    name: str
    span: Span
    whole: Span
    arguments: tuple[Expression, ...]


class CallErrors:
    """Reports errors in calls. Methods that return an int add a Broken step."""

    def __init__(self, names: Names, outside: Globals, diagnostics: Diagnostics) -> None:
        self._names = names
        self._outside = outside
        self._diagnostics = diagnostics
        self._suggested = 0

    def unknown(self, name: str, span: Span, body: BlockBuilder) -> int:
        """Reports a name that is not bound to anything."""
        refusal = self._names.refusal(name)
        if refusal:
            self.report("E101", f"`{name}` cannot be used: {refusal}", span, body)
            return body.add(Broken(UNKNOWN, span))
        message, notes, hint = self._explain_unbound(name, span)
        self._suggested += 1
        if not message and self._suggested <= _SUGGESTIONS:
            known = [*body.names, *self._outside.names, *self._names.catalogue]
            hint = suggestion(name, [*known, *OPERATIONS, *HIGHER_ORDER])
        self.report("E101", message or f"nothing is called `{name}`", span, body, notes, hint)
        return body.add(Broken(UNKNOWN, span))

    def _explain_unbound(self, name: str, span: Span) -> tuple[str, tuple[Note, ...], str]:
        """Explains a name that is bound but not in scope; the message is empty if it is unbound."""
        message = f"`{name}` is not in scope here"
        declared = self._outside.find_declaration(name)
        if declared is not None and declared.recursive(span):
            hint = "nothing is defined by itself; `for` and `fold` go over sequences"
            return f"`{name}` is not bound yet within itself", (), hint
        if declared is not None:
            hint = "a name is bound for what follows it" if declared.later else declared.within
            return message, (Note("bound here", declared.span),), hint
        importing = import_of(name)
        if importing:
            return message, (), f"write {importing} before it"
        similar = (
            self._names.similar_names(name, OPERATIONS) if self._suggested < _SUGGESTIONS else []
        )
        if similar:
            space, _, plain = similar[0].partition(".")
            hint = f'write `{similar[0]}`, or `{plain}` after import "{space}"'
            return message, (), hint
        return "", (), ""

    def mistyped(
        self, mistake: Mistyped, callee: Callee, types: Sequence[Type], body: BlockBuilder
    ) -> int:
        """Reports a built-in operation that rejects its arguments."""
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
        """Reports a function used where a value is required."""
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
        """Reports arguments that no overload accepts."""
        if any(isinstance(each, Function) for each in types):
            self.needs_arguments(callee, types, body)
            return
        index = mismatched_argument(overloads, types)
        places = callee.arguments
        blamed = places[index] if index is not None and index < len(places) else None
        expected = expected_at(overloads, types, index)
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
            suggest_remedy(callee.name, types, expected, self._names.catalogue),
        )

    def wrong_number(
        self,
        callee: Callee,
        count: int,
        binding: Binding | None,
        takes: list[int],
        body: BlockBuilder,
    ) -> int:
        """Reports a wrong number of arguments."""
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
        expected = " or ".join(str(each) for each in takes)
        plural = "" if takes == [1] else "s"
        message = f"`{callee.name}` takes {expected} argument{plural}, got {count}"
        hint = _COUNTS.get((callee.name, count), "") if binding is None else ""
        hint = hint or self._signatures(callee.name, binding)
        self.report("E103", message, callee.span, body, notes, hint)
        return body.add(Broken(UNKNOWN, callee.whole))

    def _signatures(self, name: str, binding: Binding | None) -> str:
        """Returns the signatures of a function, one overload for each number of arguments."""
        if isinstance(binding, FunctionBinding):
            let = binding.let
            own = f"{let.name}({', '.join(let.parameters or ())})"
            signatures = list(signatures_of(let.name)) if let.span.source.ours else [own]
        else:
            overloads = self._names.overloads(name)
            by_count = {len(each.parameters): each.signature for each in reversed(overloads)}
            signatures = [by_count[count] for count in sorted(by_count)]
            signatures += signatures_of(self._names.qualified(name, OPERATIONS))
        return f"write {' or '.join(signatures[:_SIGNATURES])}" if signatures else ""

    def add(self, diagnostic: Diagnostic) -> None:
        """Reports a diagnostic that does not depend on the calls leading to it."""
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
        """Reports an error together with the calls that lead to it."""
        self._diagnostics.add(at_trace(code, message, (span, *body.trace), notes, help))


def needs_arguments(kind: Function, names: Names) -> tuple[str, str]:
    """Returns message and help for a function used where a value is required."""
    target = kind.target
    if isinstance(target, FunctionBinding):
        parameters = list(target.let.parameters or ())
    else:
        overloads = names.overloads(kind.name)
        parameters = [each.name for each in overloads[0].parameters] if overloads else ["…"]
    message = f"`{kind.name}` is a function and needs its arguments"
    return message, f"write {kind.name}({', '.join(parameters)})"


def expected_at(
    overloads: Sequence[PrimitiveLike], types: Sequence[Type], index: int | None
) -> Type | None:
    """Returns the expected type of the offending argument, taken from the first candidate."""
    if index is None:
        return None

    fitting_number = [each for each in overloads if accepts(each, len(types))]
    return fitting_number[0].parameters[index].type


def bound_at(expression: Expression, body: BlockBuilder) -> tuple[Note, ...]:
    """Returns a ``bound here`` note if the expression is a bare name."""
    if not isinstance(expression, Name):
        return ()
    binding = body.find(expression.name)
    if not isinstance(binding, ValueBinding) or binding.span.source.ours:
        return ()
    return (Note(f"bound here: {binding.type}", binding.span),)
