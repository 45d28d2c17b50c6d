"""Rules about how a text is read: operators, words, numbers and strings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxgpu.diagnostics import Span
from voxgpu.language.ambiguity import AmbiguousReading
from voxgpu.language.ast import Call, Name, NumberLiteral, TextLiteral, Variable
from voxgpu.language.scope import declarations
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import Sign, View

_LITERAL = re.compile(r"(?:true|false|inf|infinity|nan)(?=\w)", re.IGNORECASE)


@rule(
    "grouping",
    Kind.VALUE,
    (1, 2),
    'let a = 100 / 5\nprint "n" a - 7 - 2\nprint "m" 1 + 2 * 3\n',
    'print "n" (20 - 7) - 2\nprint "m" 1 + (2 * 3)\n',
)
def _grouping(view: View, version: int) -> Iterator[Found]:
    for each in view.diagnostics:
        if not isinstance(each, AmbiguousReading) or each.span is None:
            continue
        for other, text in each.readings:
            if other == version:
                yield Found(
                    each.span,
                    f"reads `{each.ours}`",
                    f"reads `{text}`",
                    f"write the parentheses: `{text}` for the meaning in VoxLogicA {version}, "
                    f"`{each.ours}` for that here; --dialect imgql{version} keeps all readings",
                )


@rule(
    "joined-operators",
    Kind.REFUSED_THERE,
    (1, 2),
    'let a = 3\nlet b = a+-1\nprint "b" a>-1\n',
    'let a = 3\nlet b = a + -1\nprint "b" a > -1\n',
)
def _joined(view: View, version: int) -> Iterator[Found]:
    for before, after in zip(view.signs, view.signs[1:], strict=False):
        first, second = before.span, after.span
        if first.source is not second.source or first.stop != second.start:
            continue
        text = first.source.text[first.start : second.stop]
        if version == 2 and any(char.isalpha() for char in text):
            continue  # names in capitals are no operators there, which another rule says
        yield Found(
            Span(first.source, first.start, second.stop),
            f"reads two operators, `{before.call.name}` and `{after.call.name}`",
            f"takes `{text}` for one operator, which nothing defines",
            f"write a blank between them: {before.call.name} {after.call.name}",
        )


@rule(
    "signed-number",
    Kind.REFUSED_THERE,
    (2,),
    'let a = 3\nprint "n" a+1\n',
    'let a = 3\nprint "n" a + 1\nprint "m" -1\n',
)
def _signed_number(view: View, version: int) -> Iterator[Found]:
    for sign in view.signs:
        if sign.is_prefix or sign.call.name not in ("+", "-"):
            continue
        operand = sign.call.arguments[1]
        if isinstance(operand, NumberLiteral | Call) and _begins_with_digit(sign.span):
            text = sign.span.source.text[sign.span.start : sign.span.stop + 1]
            yield Found(
                sign.span,
                "reads an operator and a number",
                f"takes `{text}…` for one number with a sign, and misses the operator",
                f"write a blank after the operator: {sign.call.name} {text[1:]}",
            )


def _begins_with_digit(span: Span) -> bool:
    return span.source.text[span.stop : span.stop + 1].isdigit()


@rule(
    "dot-after-number",
    Kind.REFUSED_THERE,
    (1,),
    'print "n" 2.*.3\n',
    'print "n" 2 .*. 3\n',
)
def _dot_after_number(view: View, version: int) -> Iterator[Found]:
    for sign in view.signs:
        if sign.is_prefix or not sign.call.name.startswith("."):
            continue
        left = sign.call.arguments[0]
        if isinstance(left, NumberLiteral) and left.span.stop == sign.span.start:
            yield Found(
                sign.span,
                f"reads the operator `{sign.call.name}`",
                "takes the dot for a part of the number before it",
                "write a blank before the operator",
            )


@rule(
    "word-in-a-name",
    Kind.REFUSED_THERE,
    (1,),
    'let infarct = 3\nprint "n" infarct\n',
    'let lesion = 3\nlet within = 2\nprint "n" lesion .+. within\n',
)
def _word_in_a_name(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        if isinstance(each, Name | Call) and each.name[0].isalpha() and _LITERAL.match(each.name):
            word = _LITERAL.match(each.name)
            assert word
            yield Found(
                each.callee if isinstance(each, Call) else each.span,
                f"reads the name `{each.name}`",
                f"reads `{word[0]}` and cannot go on",
                f"choose a name that does not begin with `{word[0]}`",
            )


@rule(
    "letters-of-a-name",
    Kind.REFUSED_THERE,
    (1, 2),
    'let grün_1 = 3\nprint "n" grün_1\n',
    'let green1 = 3\nprint "n" green1\n',
)
def _letters(view: View, version: int) -> Iterator[Found]:
    seen = set()
    for name, span in _bound_names(view):
        if not (name[0].isalpha() or name[0] == "_") or name in seen:
            continue
        seen.add(name)
        fits = r"[a-z][^\W_]*" if version == 1 else r"[a-zA-Z_][a-zA-Z0-9_]*"
        if name.isupper() and version == 1:
            continue  # an operator there, which `capitals` says
        if not re.fullmatch(fits, name):
            what = (
                "has names of letters and digits that begin with a small letter; `_` and capitals "
                "belong to operators"
                if version == 1
                else "has names of the letters a to z, digits and `_`"
            )
            yield Found(span, f"reads the name `{name}`", what, "choose another name")


def _bound_names(view: View) -> Iterator[tuple[str, Span]]:
    for each in declarations(view.commands):
        yield each.name, each.span


@rule(
    "capitals",
    Kind.REFUSED_THERE,
    (1,),
    'let HI = 3\nlet T(a, b) = a .+. b\nprint "n" HI .+. T(1, 2)\n',
    'let hi = 3\nlet T(a, b) = a .+. b\nprint "n" hi .+. (1 T 2)\n',
)
def _capitals(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        if not isinstance(each, Name | Call) or not each.name.isupper():
            continue
        if isinstance(each, Call) and not _is_written_as_call(view, each):
            continue
        span = each.callee if isinstance(each, Call) else each.span
        remedy = "begin the name with a small letter"
        if isinstance(each, Call) and each.name not in view.bound:
            one = len(each.arguments) == 1
            remedy = f"write {each.name} a" if one else f"write a {each.name} b"
        yield Found(
            span,
            f"reads the name `{each.name}`",
            "takes capitals for an operator, which cannot stand here",
            remedy,
        )


def _is_written_as_call(view: View, call: Call) -> bool:
    return all(sign.call is not call for sign in view.signs)


@rule(
    "capitals-between-operands",
    Kind.REFUSED_THERE,
    (2,),
    'load v = "v.nii.gz"\nlet a = N (v > 1)\nlet b = a T (v > 2)\nlet c = !N b\n'
    'print "n" volume(c)\n'
    "// file: v.nii.gz int16 4 4 3\n",
    'load v = "v.nii.gz"\nlet a = N(v > 1)\nlet b = T(a, v > 2)\nprint "n" volume(b)\n'
    "// file: v.nii.gz int16 4 4 3\n",
)
def _capitals_between(view: View, version: int) -> Iterator[Found]:
    for sign in view.signs:
        if sign.call.name[0].isalpha():
            yield Found(
                sign.span,
                f"reads the operator `{sign.call.name}`",
                "reads capitals as an ordinary name, which stands before arguments in parentheses",
                f"call it: {_as_call(sign)}",
            )


def _as_call(sign: Sign) -> str:
    name = sign.call.name
    return f"{name}(a)" if sign.is_prefix else f"{name}(a, b)"


@rule(
    "operator-arguments",
    Kind.REFUSED_THERE,
    (2,),
    'load v = "v.nii.gz"\nprint "n" max(v ~[2, 5] v)\n// file: v.nii.gz float32 4 4 3\n',
    'load v = "v.nii.gz"\nprint "n" max(~(v, v, 2, 5))\n// file: v.nii.gz float32 4 4 3\n',
)
def _operator_arguments(view: View, version: int) -> Iterator[Found]:
    for sign in view.signs:
        if len(sign.call.arguments) > 2:
            yield Found(
                sign.span,
                "takes further arguments of an operator in brackets",
                "has no brackets after operators",
                f"call it, with these arguments last: {sign.call.name}(a, b, …)",
            )


@rule(
    "escape",
    Kind.VALUE,
    (1, 2),
    'print "a\\tb" 1\n',
    'print "a/b" 1\n',
)
def _escape(view: View, version: int) -> Iterator[Found]:
    for each in view.texts:
        written = each.span.source.text[each.span.start : each.span.stop]
        if "\\" in written:
            there = "keeps the backslash and the letter after it"
            if version == 1 and '\\"' in written:
                there = "ends the string at the next quote; the backslash is a character"
            yield Found(
                each.span,
                'replaces a backslash and the letter after it: `\\n` `\\t` `\\"` `\\\\`',
                there,
                "write the string without backslashes; for paths use `/`",
            )


@rule(
    "program-variable",
    Kind.REFUSED_THERE,
    (1, 2),
    'print "n" $N\nprint "$N" 2\n',
    'let n = 3\nprint "n" n\n',
)
def _program_variable(view: View, version: int) -> Iterator[Found]:
    for each in view.expressions:
        inside = [each] if isinstance(each, Variable) else []
        if isinstance(each, TextLiteral):
            inside = [part for part in each.parts if isinstance(part, Variable)]
        for variable in inside:
            yield Found(
                variable.span,
                "puts the value that -D NAME=VALUE gave here",
                "has no program variables; in a string it keeps the text as it is",
                "write the value into the program, or make the program from a template",
            )
