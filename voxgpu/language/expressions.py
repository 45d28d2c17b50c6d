"""What does an expression mean? Its steps, each with the primitive or function that it is."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostics, Note, Span, at_trace
from voxgpu.language.overloads import (
    Catalogue,
    PrimitiveLike,
    arities,
    fitting,
    misfit,
    remedy,
    wrong_types,
)
from voxgpu.language.program import (
    Apply,
    Block,
    Broken,
    Constant,
    Invoke,
    Outer,
    Sequence,
    Step,
)
from voxgpu.language.scope import Binding, FunctionBinding, Globals, ValueBinding, suggestion
from voxgpu.language.syntax import (
    Array,
    BooleanLiteral,
    Call,
    Expression,
    Local,
    Mistake,
    Name,
    NumberLiteral,
    TextLiteral,
    Variable,
)
from voxgpu.types import BOOLEAN, NUMBER, TEXT, UNKNOWN, SequenceOf, Type, Unknown

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)$")

#: Suggestions compare with every name in scope: after these many they are no help any more.
_SUGGESTIONS = 20


class Request(NamedTuple):
    """The block of a function for arguments of these types is needed; ``trace`` is who calls."""

    binding: FunctionBinding
    types: tuple[Type, ...]
    trace: tuple[Span, ...]


class Body:
    """A block being made: its steps, and what is bound in it.

    order  how many of the top level's bindings it sees; None: all there are by now
    trace  the calls that lead to it, innermost first
    """

    def __init__(
        self,
        order: int | None,
        types: tuple[Type, ...],
        trace: tuple[Span, ...],
        outside: Globals,
    ) -> None:
        self.steps: list[Step] = []
        self.names: dict[str, ValueBinding] = {}
        self.trace = trace
        self.types = types
        self._order = order
        self._outside = outside
        self._outer: dict[int, int] = {}

    def add(self, step: Step) -> int:
        """Appends a step; its number."""
        self.steps.append(step)
        return len(self.steps) - 1

    def find(self, name: str) -> Binding | None:
        """What a name is bound to here, a value by a step of this block."""
        local = self.names.get(name)
        if local is not None:
            return local
        order = self._outside.count if self._order is None else self._order
        found = self._outside.find(name, order)
        if self._order is None or not isinstance(found, ValueBinding):
            return found
        return replace(found, step=self._reference(found))

    def _reference(self, binding: ValueBinding) -> int:
        """The step of this block that refers to a step of the main block."""
        if binding.step not in self._outer:
            self._outer[binding.step] = self.add(Outer(binding.step, binding.type, binding.span))
        return self._outer[binding.step]


class _Finish(NamedTuple):
    """The arguments of a call are there: make the call."""

    call: Call


class _Close(NamedTuple):
    """The items of an array are there."""

    array: Array


class _Bind(NamedTuple):
    """The value of a local name is there: bind it."""

    local: Local


class _Unbind(NamedTuple):
    """The body of a local name is there: forget the name."""

    name: str
    shadowed: ValueBinding | None


class Checker:
    """Turns expressions into steps."""

    def __init__(
        self,
        catalogue: Catalogue,
        variables: Mapping[str, str],
        outside: Globals,
        diagnostics: Diagnostics,
    ) -> None:
        self._catalogue = catalogue
        self._variables = variables
        self._outside = outside
        self._diagnostics = diagnostics
        self._suggested = 0
        self._chosen: dict[tuple[str, tuple[Type, ...]], list[PrimitiveLike]] = {}

    def expression(self, root: Expression, body: Body) -> Generator[Request, Block, int]:
        """Adds the steps of an expression; the number of the one that has its value."""
        work: list[Expression | _Finish | _Close | _Bind | _Unbind] = [root]
        values: list[int] = []
        while work:
            item = work.pop()
            match item:
                case Call():
                    work.append(_Finish(item))
                    work.extend(reversed(item.arguments))
                case Name():
                    values.append(self._name(item, body))
                case _Finish(call):
                    step = self._call(call, _take(values, len(call.arguments)), body)
                    if isinstance(step, _Pending):
                        block = yield step.request
                        step = body.add(Invoke(block, step.arguments, block.type, call.span))
                    values.append(step)
                case Array():
                    work.append(_Close(item))
                    work.extend(reversed(item.items))
                case _Close(array):
                    values.append(self._array(array, _take(values, len(array.items)), body))
                case Local():
                    shadowed = body.names.get(item.name)
                    work += [_Unbind(item.name, shadowed), item.body, _Bind(item), item.value]
                case _Bind(local):
                    step = values.pop()
                    kind = body.steps[step].type
                    body.names[local.name] = ValueBinding(step, kind, local.declared)
                case _Unbind(name, shadowed):
                    _restore(body, name, shadowed)
                case _:
                    values.append(body.add(self._literal(item, body)))
        return values[0]

    def bound_at(self, expression: Expression, body: Body) -> tuple[Note, ...]:
        """``bound here``, where an expression is just a name."""
        if not isinstance(expression, Name):
            return ()
        binding = body.find(expression.name)
        if not isinstance(binding, ValueBinding) or binding.span.source.ours:
            return ()
        return (Note(f"bound here: {binding.type}", binding.span),)

    def _literal(self, item: object, body: Body) -> Step:
        match item:
            case NumberLiteral(value, span):
                return Constant(value, NUMBER, span)
            case BooleanLiteral(truth, span):
                return Constant(truth, BOOLEAN, span)
            case TextLiteral(parts, span):
                texts = [
                    part if isinstance(part, str) else self._variable(part, body) for part in parts
                ]
                if None in texts:
                    return Broken(TEXT, span)
                return Constant("".join(text or "" for text in texts), TEXT, span)
            case Mistake(span):
                return Broken(UNKNOWN, span)
            case Variable(_, span):
                return _typed(self._variable(item, body), span)
        raise AssertionError(item)

    def _variable(self, variable: Variable, body: Body) -> str | None:
        value = self._variables.get(variable.name)
        if value is None:
            defined = [name for name in self._variables if name not in _ALWAYS]
            hint = suggestion(variable.name, list(self._variables))
            self._report(
                "E104",
                f"the variable `${variable.name}` is not defined",
                variable.span,
                body,
                help=hint
                or f"define it: -D {variable.name}=VALUE"
                + (f"; defined are {', '.join(defined)}" if defined else ""),
            )
        return value

    def _name(self, name: Name, body: Body) -> int:
        binding = body.find(name.name)
        if isinstance(binding, ValueBinding):
            return binding.step
        if binding is not None:
            return self._function_as_value(name, list(binding.let.parameters or ()), body)
        overloads = self._catalogue.get(name.name)
        if not overloads:
            return self._unknown(name.name, name.span, body)
        constants = fitting(overloads, ())
        if constants:
            return body.add(Apply(constants[0], (), constants[0].result, name.span))
        return self._function_as_value(name, [p.name for p in overloads[0].parameters], body)

    def _function_as_value(self, name: Name, parameters: list[str], body: Body) -> int:
        message = f"`{name.name}` is a function and needs its arguments"
        shown = f"{name.name}({', '.join(parameters)})"
        self._report("E102", message, name.span, body, help=f"write {shown}")
        return body.add(Broken(UNKNOWN, name.span))

    def _unknown(self, name: str, span: Span, body: Body) -> int:
        self._suggested += 1
        hint = ""
        if self._suggested <= _SUGGESTIONS:
            hint = suggestion(name, [*body.names, *self._outside.names, *self._catalogue])
        self._report("E101", f"nothing is called `{name}`", span, body, help=hint)
        return body.add(Broken(UNKNOWN, span))

    def _call(self, call: Call, arguments: tuple[int, ...], body: Body) -> int | _Pending:
        binding = body.find(call.name)
        overloads = self._catalogue.get(call.name, ())
        takes = arities(overloads)
        if isinstance(binding, FunctionBinding) and binding.arity == len(arguments):
            types = tuple(body.steps[step].type for step in arguments)
            return _Pending(Request(binding, types, (call.span, *body.trace)), arguments)
        if binding is None and not overloads:
            return self._unknown(call.name, call.callee, body)
        # A sign bound anew as a prefix operator is still the infix one it was, and vice versa;
        # a name is bound as a whole.
        hides = binding is not None and call.name[0].isalpha()
        if isinstance(binding, ValueBinding) or hides or len(arguments) not in takes:
            self._wrong_number(call, binding, takes, body)
            return body.add(Broken(UNKNOWN, call.span))
        return self._apply(call, arguments, body)

    def _apply(self, call: Call, arguments: tuple[int, ...], body: Body) -> int:
        steps = body.steps
        types = tuple([steps[step].type for step in arguments])
        fits = self._chosen.get((call.name, types))
        if fits is None:
            fits = list(fitting(self._catalogue[call.name], types))
            self._chosen[call.name, types] = fits
        if not fits:
            self._wrong_types(call, types, body)
            return body.add(Broken(UNKNOWN, call.span))
        chosen = fits[0]
        if any(isinstance(kind, Unknown) for kind in types):
            results = {each.result for each in fits}
            return body.add(Broken(results.pop() if len(results) == 1 else UNKNOWN, call.span))
        return body.add(Apply(chosen, arguments, chosen.result, call.span))

    def _wrong_types(self, call: Call, types: tuple[Type, ...], body: Body) -> None:
        overloads = self._catalogue[call.name]
        index = misfit(overloads, types)
        blamed = call.arguments[index] if index is not None else None
        wanted = None
        if index is not None:
            fitting_arity = [each for each in overloads if len(each.parameters) == len(types)]
            wanted = fitting_arity[0].parameters[index].type
        every = (note for each in call.arguments for note in self.bound_at(each, body))
        notes = list(dict.fromkeys(every))
        if blamed is not None:
            notes = list(self.bound_at(blamed, body))
        self._report(
            "E102",
            wrong_types(call.name, overloads, types),
            blamed.span if blamed is not None else call.callee,
            body,
            tuple(notes),
            remedy(call.name, types, wanted, self._catalogue),
        )

    def _wrong_number(
        self, call: Call, binding: Binding | None, takes: list[int], body: Body
    ) -> None:
        given = len(call.arguments)
        if isinstance(binding, ValueBinding):
            message = f"`{call.name}` is a {binding.type}, not a function"
            self._report("E102", message, call.callee, body, (Note("bound here", binding.span),))
            return
        notes: tuple[Note, ...] = ()
        if isinstance(binding, FunctionBinding):
            takes = [binding.arity]
            if not binding.let.span.source.ours:
                notes = (Note("defined here", binding.let.declared),)
        wanted = " or ".join(str(each) for each in takes)
        plural = "" if takes == [1] else "s"
        message = f"`{call.name}` takes {wanted} argument{plural}, got {given}"
        self._report("E103", message, call.callee, body, notes)

    def _array(self, array: Array, items: tuple[int, ...], body: Body) -> int:
        types = {body.steps[step].type for step in items} - {UNKNOWN}
        if len(types) > 1:
            found = " and ".join(sorted(str(each) for each in types))
            self._report(
                "E102", f"an array holds values of one type, got {found}", array.span, body
            )
            return body.add(Broken(UNKNOWN, array.span))
        item = types.pop() if types else UNKNOWN
        return body.add(Sequence(items, SequenceOf(item), array.span))

    def _report(
        self,
        code: str,
        message: str,
        span: Span,
        body: Body,
        notes: tuple[Note, ...] = (),
        help: str = "",
    ) -> None:
        self._diagnostics.add(at_trace(code, message, (span, *body.trace), notes, help))


class _Pending(NamedTuple):
    """A call that waits for the block of its function."""

    request: Request
    arguments: tuple[int, ...]


#: Variables that every program has; not worth listing.
_ALWAYS = ("stem", "file", "filename", "dir", "cwd")


def _take(values: list[int], count: int) -> tuple[int, ...]:
    """Removes the last ``count`` values."""
    taken = tuple(values[len(values) - count :])
    del values[len(values) - count :]
    return taken


def _restore(body: Body, name: str, shadowed: ValueBinding | None) -> None:
    if shadowed is None:
        del body.names[name]
    else:
        body.names[name] = shadowed


def _typed(text: str | None, span: Span) -> Step:
    """A program variable's value: a number or truth value where its text reads as one."""
    if text is None:
        return Broken(UNKNOWN, span)
    if text in ("true", "false"):
        return Constant(text == "true", BOOLEAN, span)
    if _NUMBER.match(text):
        return Constant(float(text), NUMBER, span)
    return Constant(text, TEXT, span)
