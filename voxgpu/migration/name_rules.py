"""Rules about names of libraries: what an ancestor does not have, and what only it has."""

from __future__ import annotations

from collections.abc import Iterator

from voxgpu.language.ast import Call, Fold, Name
from voxgpu.migration.ancestor_names import (
    DEFAULT_OF_2,
    NAMES_OF_1,
    NAMES_OF_2,
    NAMESPACES,
    NOT_REPLACED,
    REPLACED,
    VOX1_OF_2,
)
from voxgpu.migration.rule import Found, Kind, rule
from voxgpu.migration.view import View
from voxgpu.types import Boolean, ImageOf, Number

_IMAGE = "// file: v.nii.gz int16 4 4 3\n"
_LOAD = 'load v = "v.nii.gz"\n'


def _library_names(view: View) -> Iterator[Call | Name]:
    """Yields the uses of names that are not the program's own and that voxgpu knows."""
    unknown = {
        (each.span.source, each.span.start)
        for each in view.diagnostics
        if each.span and (each.code == "E101")
    }
    for each in view.expressions:
        if not isinstance(each, Call | Name) or each.name in view.bound:
            continue
        span = each.callee if isinstance(each, Call) else each.span
        if (span.source, span.start) not in unknown:
            yield each


@rule(
    "only-here",
    Kind.REFUSED_THERE,
    (1, 2),
    f'{_LOAD}print "n" median(v, v > 3)\nprint "m" dice(v > 3, v > 4)\n{_IMAGE}',
    f'{_LOAD}print "n" volume(v .>= 3)\n{_IMAGE}'.replace("v .>= 3", "3 .<= v"),
)
def _only_here(view: View, version: int) -> Iterator[Found]:
    names = NAMES_OF_1 if version == 1 else NAMES_OF_2
    imports_simpleitk = view.imports_any(("simpleitk",))
    for each in _library_names(view):
        plain = each.name.rpartition(".")[2] if each.name[0].isalpha() else each.name
        foreign = ("." in each.name and each.name[0].isalpha()) or (
            imports_simpleitk and (plain[0].isupper() or plain.startswith(("sitk", "vector_")))
        )
        if (version == 2 and foreign) or each.name in names or _is_value(view, each):
            continue
        yield Found(
            each.callee if isinstance(each, Call) else each.span,
            f"has `{each.name}`",
            f"has no `{each.name}`",
            _instead(each.name, version),
        )


def _is_value(view: View, each: Call | Name) -> bool:
    """Whether a name may be a parameter or an unknown name, and thus nothing of a library."""
    return isinstance(each, Name) and not view.uses(each)


def _instead(name: str, version: int) -> str:
    if version == 1 and name in _DOTTED:
        return f"write {_DOTTED[name]}"
    if version == 2 and name == "length":
        return "write fold + (for x in xs do 1)"
    return "define a function of this name at the beginning of the program, from what both have"


#: How VoxLogicA 1 writes comparisons of an image and a number, and of numbers.
_DOTTED = {
    "<": "v <. n for an image, or n .<. k for numbers",
    "<=": "v <=. n for an image, or n .<=. k for numbers",
    ">": "v >. n for an image, or n .>. k for numbers",
    ">=": "v >=. n for an image, or n .>=. k for numbers",
    "==": "v =. n for an image, or n .=. k for numbers",
    "!=": "!(v =. n) for an image, or !.(n .=. k) for numbers",
    "&&": "a & b for regions, or p .&. q for truth values",
    "||": "a | b for regions, or p .|. q for truth values",
}


@rule(
    "without-dots",
    Kind.REFUSED_THERE,
    (1,),
    f'{_LOAD}print "n" max(v + 1)\nprint "m" 2 * 3\n{_IMAGE}',
    f'{_LOAD}print "n" max(v + v)\nprint "m" 2 .*. 3\n{_IMAGE}',
)
def _without_dots(view: View, version: int) -> Iterator[Found]:
    for call, uses in view.calls(("+", "-", "*", "/", "&", "|", "!", "and", "or", "not")):
        for use in uses:
            scalars = [isinstance(each.type, Number | Boolean) for each in use.arguments]
            if not any(scalars) or not isinstance(call, Call):
                continue
            if isinstance(call.arguments[0], Name | Call) is None:
                continue
            if len(scalars) == 1:
                if call.name == "-":
                    break
                sign = "!."
            elif all(scalars):
                sign = f".{_SIGNS.get(call.name, call.name)}."
            else:
                sign = f".{call.name}" if scalars[0] else f"{call.name}."
            yield Found(
                call.callee,
                "chooses the operation by the types",
                f"has `{call.name}` for images alone; a dot stands on the side of a number",
                f"write {sign}",
            )
            break


_SIGNS = {"and": "&", "or": "|", "not": "!"}


@rule(
    "sign-of-a-value",
    Kind.REFUSED_THERE,
    (1,),
    'let a = 3\nprint "n" -a\n',
    'print "n" -3\n',
)
def _sign(view: View, version: int) -> Iterator[Found]:
    from voxgpu.language.ast import NumberLiteral

    for sign in view.signs:
        if sign.call.name == "-" and sign.is_prefix and "-" not in view.bound:
            if isinstance(sign.call.arguments[0], NumberLiteral):
                continue
            kind = view.type_of(sign.call.arguments[0])
            write = "0 .- v" if isinstance(kind, ImageOf) else "0 .-. n"
            yield Found(
                sign.span, "takes the negative", "has `-` between operands alone", f"write {write}"
            )


@rule(
    "vox1",
    Kind.REFUSED_THERE,
    (2,),
    f'{_LOAD}print "n" volume(near(3 .<= v))\n{_IMAGE}',
    f'import "vox1"\n{_LOAD}print "n" volume(near(3 .<= v))\n{_IMAGE}',
)
def _vox1(view: View, version: int) -> Iterator[Found]:
    if view.imports_any(("vox1",)):
        return
    for each in _library_names(view):
        if each.name in VOX1_OF_2 - DEFAULT_OF_2 and not _is_value(view, each):
            yield Found(
                each.callee if isinstance(each, Call) else each.span,
                "has all names of `vox1` without an import",
                f"has `{each.name}` in its namespace `vox1`",
                'write import "vox1" at the beginning; here it changes nothing',
            )
            return  # one import mends all of them


@rule(
    "only-there",
    Kind.REFUSED_HERE,
    (2,),
    f'{_LOAD}print "n" avg0(v, v > 3)\nprint "m" volume(add_vs(v, 3) > 5)\n'
    f'print "o" overlay(v, v)\nprint "p" nnunet.predict(v)\n{_IMAGE}',
    f"{_LOAD}let avg0(v, m) = if volume(m) == 0 then 0 else avg(v, m)\n"
    f'print "n" avg0(v, v > 3)\n{_IMAGE}',
)
def _only_there(view: View, version: int) -> Iterator[Found]:
    named = {
        (span.source, span.start): name
        for name, span in (
            (each.function, each.callee)
            if isinstance(each, Fold)
            else (each.name, each.callee if isinstance(each, Call) else each.span)
            for each in view.expressions
            if isinstance(each, Call | Name | Fold)
        )
    }
    for each in view.diagnostics:
        if each.code not in ("E101", "E103") or each.span is None:
            continue
        name = named.get((each.span.source, each.span.start), "")
        space, dot, plain = name.rpartition(".")
        if space in NAMESPACES and plain not in REPLACED:
            remedy = NAMESPACES[space]
        elif plain in REPLACED:
            remedy = f"write {REPLACED[plain]}"
        elif plain in NOT_REPLACED:
            remedy = NOT_REPLACED[plain]
        else:
            continue
        where = f"in its namespace `{space}`" if dot else "in its libraries"
        yield Found(each.span, f"has no `{name}`", f"has `{plain}` {where}", remedy)


@rule(
    "import-of-a-namespace",
    Kind.REFUSED_HERE,
    (2,),
    'import "arrays"\nprint "n" 3\n',
    'import "vox1"\nprint "n" 3\n',
)
def _import_of_a_namespace(view: View, version: int) -> Iterator[Found]:
    refused = {each.span for each in view.diagnostics if each.code == "E108"}
    for name, span in view.imports:
        if span in refused and name in NAMESPACES:
            yield Found(span, f"has no `{name}`", "has this namespace", NAMESPACES[name])
