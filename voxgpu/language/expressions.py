"""Type checking of expressions: translation from syntax to IR steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from voxgpu.diagnostics import Diagnostics, Span
from voxgpu.language.ast import (
    Array,
    BooleanLiteral,
    Call,
    Expression,
    Filter,
    Fold,
    For,
    If,
    Index,
    Local,
    Mistake,
    Name,
    NumberLiteral,
    Slice,
    TextLiteral,
    Variable,
    children,
)
from voxgpu.language.block_builder import BlockBuilder, NestedBlock, Work
from voxgpu.language.builtins import Mistyped, item_of
from voxgpu.language.call_errors import Callee, bound_at
from voxgpu.language.calls import Calls, ReadFile
from voxgpu.language.ir import (
    Broken,
    Choose,
    Constant,
    ForEach,
    Sequence,
    Step,
)
from voxgpu.language.names import Names
from voxgpu.language.scope import Globals, ValueBinding, suggestion
from voxgpu.types import (
    BOOLEAN,
    NUMBER,
    TEXT,
    UNKNOWN,
    Boolean,
    Function,
    SequenceOf,
    Type,
    Unknown,
    common,
)

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)$")


class _Finish(NamedTuple):
    """Work item: add the step of an expression whose subexpressions are done."""

    expression: Call | Array | Index | Slice | For | Filter | Fold | If


class _Bind(NamedTuple):
    """Work item: bind a local name whose value is done."""

    local: Local


class _Unbind(NamedTuple):
    """Work item: remove a local name whose body is done."""

    local: Local
    shadowed: ValueBinding | None


class Checker:
    """Translates expressions to IR steps."""

    def __init__(
        self,
        names: Names,
        variables: Mapping[str, str],
        outside: Globals,
        diagnostics: Diagnostics,
        read_file: ReadFile,
    ) -> None:
        self._names = names
        self._variables = variables
        #: The program variables that were referenced.
        self.used: set[str] = set()
        self._calls = Calls(names, outside, diagnostics, read_file)
        self._errors = self._calls.errors

    def expression(self, root: Expression, body: BlockBuilder) -> Work:
        """Adds the steps of an expression and returns the index of the step with its value."""
        work: list[Expression | _Finish | _Bind | _Unbind] = [root]
        values: list[int] = []
        operands: dict[int, int] = {}  # value steps of the operands of chains, by expression id
        while work:
            item = work.pop()
            match item:
                case Call() | Array() | Index() | Slice() | Fold():
                    if isinstance(item, Call) and item.chain is not None:
                        operands.update((id(each), -1) for each in item.chain.operands)
                    work.append(_Finish(item))
                    work.extend(reversed(children(item)))
                case Name():
                    values.append(self._calls.value(item, body))
                    _note(operands, item, values[-1])
                case _Finish(expression):
                    inputs = _take(values, _count(expression))
                    step = self._finish_expression(expression, inputs, body)
                    values.append(step if isinstance(step, int) else (yield from step))
                    _note(operands, expression, values[-1])
                    if isinstance(expression, Call) and expression.chain is not None:
                        self._calls.compare_readings(expression.chain, operands, body)
                case For() | Filter():
                    work += [_Finish(item), item.sequence]
                case If():
                    work += [_Finish(item), item.condition]
                case Local():
                    shadowed = body.names.get(item.name)
                    work += [_Unbind(item, shadowed), item.body, _Bind(item), item.value]
                case _Bind(local):
                    step = values.pop()
                    kind = body.steps[step].type
                    body.names[local.name] = ValueBinding(step, kind, local.declared)
                case _Unbind(local, shadowed):
                    _restore(body, local.name, shadowed)
                    _note(operands, local, values[-1])
                case _:
                    values.append(body.add(self._literal(item, body)))
                    _note(operands, item, values[-1])
        return values[0]

    def needs_arguments(self, expression: Expression, kind: Type, body: BlockBuilder) -> bool:
        """Reports a function used where a value is required; returns whether it did."""
        if not isinstance(kind, Function):
            return False
        callee = Callee(kind.name, expression.span, expression.span, (expression,))
        self._errors.needs_arguments(callee, (kind,), body)
        return True

    def _finish_expression(
        self, item: Expression, inputs: tuple[int, ...], body: BlockBuilder
    ) -> int | Work:
        match item:
            case Call(name, arguments, where, span):
                return self._calls.call(Callee(name, where, span, arguments), inputs, body)
            case Array():
                return self._array_literal(item, inputs, body)
            case Index(sequence, position, span):
                callee = Callee("[…]", span, span, (sequence, position))
                return self._calls.operate("index", inputs, callee, body)
            case Slice():
                return self._slice(item, inputs, body)
            case For() | Filter():
                return self._loop(item, inputs[0], body)
            case Fold():
                return self._fold(item, inputs, body)
            case If():
                return self._if(item, inputs[0], body)
        raise AssertionError(item)

    def _slice(self, item: Slice, inputs: tuple[int, ...], body: BlockBuilder) -> int:
        operation = {
            (True, True): "slice",
            (True, False): "slice_from",
            (False, True): "slice_to",
            (False, False): "slice_all",
        }[item.start is not None, item.stop is not None]
        callee = Callee("[…:…]", item.span, item.span, children(item))
        return self._calls.operate(operation, inputs, callee, body)

    def _loop(self, loop: For | Filter, sequence: int, body: BlockBuilder) -> Work:
        word = "for" if isinstance(loop, For) else "filter"
        callee = Callee(word, loop.sequence.span, loop.span, (loop.sequence,))
        kinds = (body.steps[sequence].type,)
        item: Type = UNKNOWN
        is_sequence = True
        try:
            item = item_of(word, kinds, 0)
        except Mistyped as mistake:
            is_sequence = False
            self._errors.mistyped(mistake, callee, kinds, body)
        # The body is still checked, since it may contain errors of its own.
        inner = NestedBlock(loop.body, ((loop.name, item, loop.declared),), body)
        block, captures = yield inner
        if not is_sequence:
            return body.add(Broken(SequenceOf(block.type), loop.span))
        if isinstance(loop, Filter):
            where = callee._replace(span=loop.body.span)
            return self._calls.select(block, sequence, captures, where, body)
        mapped = SequenceOf(block.type)
        return body.add(ForEach(block, sequence, captures, mapped, loop.span))

    def _fold(self, fold: Fold, inputs: tuple[int, ...], body: BlockBuilder) -> int | Work:
        name = Name(fold.function, fold.callee)
        function = body.steps[self._calls.value(name, body)].type
        callee = Callee(fold.function, fold.callee, fold.span, (fold.sequence,))
        if isinstance(function, Unknown):
            return body.add(Broken(UNKNOWN, fold.span))
        if not isinstance(function, Function):
            message = f"`fold` needs a function or an operator, `{fold.function}` is a {function}"
            return self._errors.mistyped(Mistyped(message), callee, (), body)
        start = inputs[0] if fold.start is not None else None
        return self._calls.over_items("fold", function, start, inputs[-1], callee, body)

    def _if(self, choice: If, condition: int, body: BlockBuilder) -> Work:
        kind = body.steps[condition].type
        callee = Callee("if", choice.condition.span, choice.span, (choice.condition,))
        if not isinstance(kind, Boolean | Unknown):
            message = f"`if` needs a truth value, got {kind}"
            self._errors.report(
                "E102",
                message,
                choice.condition.span,
                body,
                bound_at(choice.condition, body),
                "of images, ifB(c, a, b) and ifN(c, a, b) choose by a truth value, "
                "and mask(v, b) by voxel"
                if kind != NUMBER
                else "compare it, e.g. with `> 0`",
            )
        yes, yes_captures = yield NestedBlock(choice.yes, (), body)
        no, no_captures = yield NestedBlock(choice.no, (), body)
        result = common(yes.type, no.type)
        if result is None and isinstance(yes.type, Function):
            message = "`if` cannot choose between functions; choose between what they give"
            return self._errors.mistyped(
                Mistyped(message), callee._replace(span=choice.no.span), (), body
            )
        if result is None:
            message = f"`then` gives a {yes.type} and `else` a {no.type}: they must be alike"
            return self._errors.mistyped(
                Mistyped(message), callee._replace(span=choice.no.span), (), body
            )
        return body.add(Choose(condition, yes, yes_captures, no, no_captures, result, choice.span))

    def _array_literal(self, array: Array, items: tuple[int, ...], body: BlockBuilder) -> int:
        types = [body.steps[step].type for step in items]
        for item, kind in zip(array.items, types, strict=True):
            if self.needs_arguments(item, kind, body):
                return body.add(Broken(UNKNOWN, array.span))
        held: Type | None = UNKNOWN
        for kind in types:
            held = None if held is None else common(held, kind)
        if held is None:
            found = " and ".join(sorted({str(each) for each in types}))
            message = f"an array holds values of one type, got {found}"
            self._errors.report("E102", message, array.span, body)
            return body.add(Broken(UNKNOWN, array.span))
        return body.add(Sequence(items, SequenceOf(held), array.span))

    def _literal(self, item: object, body: BlockBuilder) -> Step:
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

    def _variable(self, variable: Variable, body: BlockBuilder) -> str | None:
        self.used.add(variable.name)
        value = self._variables.get(variable.name)
        if value is None:
            defined = [name for name in self._variables if name not in _ALWAYS]
            hint = suggestion(variable.name, list(self._variables))
            self._errors.report(
                "E104",
                f"the variable `${variable.name}` is not defined",
                variable.span,
                body,
                help=hint
                or f"define it: -D {variable.name}=VALUE"
                + (f"; defined are {', '.join(defined)}" if defined else ""),
            )
        return value


#: Variables that every program has, which error messages do not list.
_ALWAYS = ("stem", "file", "filename", "dir", "cwd")


def _count(expression: Expression) -> int:
    """Returns the number of subexpression values that the step of an expression consumes."""
    if isinstance(expression, For | Filter | If):
        return 1
    return len(children(expression))


def _note(operands: dict[int, int], expression: Expression, step: int) -> None:
    """Records the step of an expression if it is an operand of a chain."""
    if id(expression) in operands:
        operands[id(expression)] = step


def _take(values: list[int], count: int) -> tuple[int, ...]:
    """Removes and returns the last ``count`` values."""
    taken = tuple(values[len(values) - count :])
    del values[len(values) - count :]
    return taken


def _restore(body: BlockBuilder, name: str, shadowed: ValueBinding | None) -> None:
    if shadowed is None:
        del body.names[name]
    else:
        body.names[name] = shadowed


def _typed(text: str | None, span: Span) -> Step:
    """Converts a program variable to a number, truth value or string constant, by its text."""
    if text is None:
        return Broken(UNKNOWN, span)
    if text in ("true", "false"):
        return Constant(text == "true", BOOLEAN, span)
    if _NUMBER.match(text):
        return Constant(float(text), NUMBER, span)
    return Constant(text, TEXT, span)
