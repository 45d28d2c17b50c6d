"""Rules about sequences, loops, choices, and the text of numbers in strings."""

from __future__ import annotations

from collections.abc import Iterator

from voxgpu.language.ast import (
    Array,
    Filter,
    Fold,
    For,
    If,
    Index,
    Local,
    Name,
    NumberLiteral,
    Slice,
)
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import View
from voxgpu.types import Number, SequenceOf

_NOT_IN_1: dict[type, str] = {
    Array: "sequences in brackets",
    Index: "items of sequences",
    Slice: "parts of sequences",
    For: "loops",
    Filter: "filters",
    Fold: "folds",
    If: "choices with `if`",
    Local: "`let … in` within expressions",
}


@rule(
    "expression",
    Kind.REFUSED_THERE,
    (1,),
    'let xs = [1, 2]\nprint "n" xs[0]\nprint "m" if true then 1 else 2\n',
    'let f(a) = a .+. 1\nprint "n" f(2)\n',
)
def _expression(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        what = _NOT_IN_1.get(type(each))
        if what is not None:
            remedy = "write each case out, as bindings of their own"
            if isinstance(each, Local):
                remedy = "bind the name by a command before, or by a parameter of a function"
            elif isinstance(each, If):
                remedy = "choose with ifB(c, a, b) and ifN(c, v, w), which work in both"
            yield Found(each.span, f"has {what}", f"has no {what}", remedy)


@rule(
    "function-as-value",
    Kind.REFUSED_THERE,
    (1,),
    'let twice(f, a) = f(f(a))\nlet inc(a) = a .+. 1\nprint "n" twice(inc, 2)\n',
    'let inc(a) = a .+. 1\nprint "n" inc(inc(2))\n',
)
def _function_as_value(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        if not isinstance(each, Name) or not view.uses_function(each):
            continue
        yield Found(
            each.span,
            "passes a function as a value",
            "has no functions as values",
            "call the function where it is used",
        )


@rule(
    "operator-in-a-loop",
    Kind.REFUSED_THERE,
    (2,),
    'print "n" for x in range(3) do (x > 1) && (x < 3)\nprint "m" for x in range(3) do -x\n',
    'print "n" for x in range(3) do 0 - x\nprint "b" true && false\n',
)
def _operator_in_a_loop(view: View, version: int) -> Iterator[Found]:
    bodies = view.repeated
    for sign in view.signs:
        name = sign.call.name
        if name not in ("&&", "||", "!") and not (name == "-" and sign.is_prefix):
            continue
        if name == "-" and isinstance(sign.call.arguments[0], NumberLiteral):
            continue
        if any(
            body.source is sign.span.source and body.start <= sign.span.start < body.stop
            for body in bodies
        ):
            remedy = {
                "&&": "write a & b, or if a then b else false",
                "||": "write a | b, or if a then true else b",
                "!": "write not(a)",
                "-": "write 0 - a",
            }[name]
            yield Found(
                sign.span,
                f"has `{name}` everywhere",
                f"fails: `{name}` is missing in the engine that evaluates bodies of loops",
                remedy,
            )


@rule(
    "negative",
    Kind.REFUSED_THERE,
    (2,),
    'let a = 3\nprint "n" -a\n',
    'print "n" -3\nlet a = 3\nprint "m" 0 - a\n',
)
def _negative(view: View, version: int) -> Iterator[Found]:
    bodies = view.repeated
    for sign in view.signs:
        if sign.call.name != "-" or not sign.is_prefix or "-" in view.bound:
            continue
        if isinstance(sign.call.arguments[0], NumberLiteral) or any(
            body.source is sign.span.source and body.start <= sign.span.start < body.stop
            for body in bodies
        ):
            continue
        yield Found(
            sign.span,
            "takes the negative",
            "asks for two operands of `-`",
            "write 0 - a; it differs for 0 alone, where −a is −0",
        )


_FOLDED_BY_2 = ("+", "-", "*", "/", "&&", "||", "min", "max")


@rule(
    "fold-function",
    Kind.REFUSED_THERE,
    (2,),
    'let f(a, b) = a * b + 1\nprint "n" fold f [1, 2, 3]\n',
    'print "n" fold + [1, 2, 3]\n',
)
def _fold_function(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        if isinstance(each, Fold) and (
            each.function in view.bound or each.function not in _FOLDED_BY_2
        ):
            yield Found(
                each.callee,
                "folds with any function of two parameters",
                f"folds with {' '.join(_FOLDED_BY_2)} alone",
                "use one of these, or write the calls out",
            )


@rule(
    "fold-start",
    Kind.VALUE,
    (2,),
    'let xs = range(5, 2)\nprint "n" fold - [5, 2]\nprint "m" fold + 0 xs\n',
    'print "n" fold - 0 [5, 2]\nprint "m" fold + [5, 2]\nprint "l" fold max [5, 2]\n',
)
def _fold_start(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        if not isinstance(each, Fold) or each.start is not None or each.function in view.bound:
            continue
        if each.function == "-":
            yield Found(
                each.span,
                "begins with the first item: fold - [5, 2] is 3",
                "begins with 0: fold - [5, 2] is −7",
                "give it a first value: fold - 0 xs, or fold - xs[0] xs[1:]",
            )
        elif each.function in ("+", "*", "&&", "||"):
            if all(use.arguments and use.arguments[-1].filled for use in view.uses(each)):
                continue
            neutral = {"+": "0", "*": "1", "&&": "true", "||": "false"}[each.function]
            yield Found(
                each.span,
                "has no value for an empty sequence",
                f"gives {neutral} for an empty sequence",
                f"give it a first value: fold {each.function} {neutral} xs",
            )


@rule(
    "range-with-a-step",
    Kind.REFUSED_THERE,
    (2,),
    'print "n" range(0, 10, 2)\nprint "m" range(0.5, 3)\n',
    'print "n" range(0, 10)\n',
)
def _range(view: View, version: int) -> Iterator[Found]:
    for each, uses in view.calls(("range",)):
        for use in uses:
            values = [fact.value for fact in use.arguments]
            fractions = any(isinstance(value, float) and value % 1 for value in values)
            if len(values) == 3 or fractions:
                yield Found(
                    each.span,
                    "counts in any steps, from any number",
                    "counts whole numbers in steps of 1",
                    "compute the numbers: for i in range(0, 5) do 0.5 + i * 2",
                )
                break


@rule(
    "number-in-a-string",
    Kind.FORM,
    (2,),
    'print "s" concat("case_", 3)\nprint "t" format_string("{}", 1 / 2)\n',
    'print "s" for i in range(3) do concat("case_", i)\nprint "t" format_string("{:.0f}", 3)\n',
)
def _number_in_a_string(view: View, version: int) -> Iterator[Found]:
    for each, uses in view.calls(("concat", "format_string")):
        for use in uses:
            if not use.arguments:
                continue
            given = use.arguments[1:] if each.name == "format_string" else use.arguments
            numbers = [fact for fact in given if isinstance(fact.type, Number)]
            template = use.arguments[0].value if each.name == "format_string" else "{}"
            if isinstance(template, str) and "{}" not in template and "{0}" not in template:
                continue
            if any(not fact.is_index for fact in numbers):
                yield Found(
                    each.span,
                    "writes the shortest text of a number: 3, 0.5",
                    "writes the text of Python: 3.0, 0.5; 3 only for items of `range`",
                    'say the form: format_string("{:.0f}", n)',
                )
                break


@rule(
    "function-of-a-sequence",
    Kind.REFUSED_THERE,
    (2,),
    'let xs = [1, 2]\nprint "n" max(xs)\n',
    'let xs = [1, 2]\nprint "n" fold max xs\nprint "m" mean(xs)\n',
)
def _function_of_a_sequence(view: View, version: int) -> Iterator[Found]:
    for each, uses in view.calls(("max", "min")):
        if any(use.arguments and isinstance(use.arguments[0].type, SequenceOf) for use in uses):
            yield Found(
                each.span,
                f"takes the {each.name} of a sequence, too",
                f"has `{each.name}` of images alone",
                f"write fold {each.name} xs",
            )
