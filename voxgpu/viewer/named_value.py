"""One value of a program by its name: only what it needs is computed, and all of that is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voxgpu.compile import Compiled, Options, compile_more, known_primitives, reader_of
from voxgpu.diagnostics import Diagnostic, Diagnostics, Source, Span
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.language.ast import Dialect
from voxgpu.language.parse import declared_dialect
from voxgpu.primitives.catalogue import catalogue
from voxgpu.primitives.primitive import Value
from voxgpu.session import Session
from voxgpu.types import Content, Function, ImageOf, SequenceOf, Type, innermost
from voxgpu.viewer.checking import Program


@frozen
class NamedValue:
    """A value with its type; of one that has none, the reasons.

    value  None for a sequence of images, of which none is computed unless it is asked for
    """

    value: Value | None = None
    id: ValueId = ValueId("")
    type: Type | None = None
    is_region: bool = False
    diagnostics: Sequence[Diagnostic] = ()


#: What may follow the last operand of a command and still belong to it.
_CLOSING = re.compile(r"(?:\s|//[^\n]*|[)\]])*")


def value_of(
    program: Program, name: str, line: int | None, options: Options, session: Session
) -> NamedValue:
    """The value of a name, or of any expression, as it is after a line of a program.

    line  from 1; None: at the end of the program

    Commands after the line may be unfinished. The session keeps what was computed: where the text
    has changed since, only what depends on the change is computed again.
    """
    before = _until(program, line, options)
    asked = Source("the value asked for", name)
    folders = {before: program.path.parent} if program.path else {}
    compiled = compile_more(
        [before, asked],
        options,
        session.digests.of,
        session.evaluate,
        folders,
        program.path,
        session.headers,
    )
    kind = _type(compiled)
    place = _place(before, name, line)
    if compiled.errors:
        return NamedValue(diagnostics=[_at(each, asked, place, name) for each in compiled.errors])
    if kind is None or isinstance(kind, Function):
        message = f"`{name}` is {'a function' if kind else 'no expression'}, which has no value"
        hint = "ask for a name that is bound to a value, or for a call of the function"
        return NamedValue(diagnostics=[Diagnostic("E402", message, place, help=hint)])
    if isinstance(kind, SequenceOf) and isinstance(innermost(kind), ImageOf):
        return NamedValue(type=kind)
    result = session.execute(compiled)
    if result.errors or not result.found:
        return NamedValue(diagnostics=[_at(each, asked, place, name) for each in result.errors])
    (goal,) = compiled.plan.goals
    lowered = compiled.plan.types.get(goal.value, kind)
    shown = lowered if isinstance(lowered, ImageOf) else kind
    is_region = isinstance(shown, ImageOf) and (shown.content is Content.BOOLEAN or shown.mask)
    return NamedValue(result.found[0][1], goal.value, shown, is_region)


def _until(program: Program, line: int | None, options: Options) -> Source:
    """The commands of a program that begin up to a line; all of it if its syntax is wrong."""
    source = program.source
    if line is None:
        return source
    dialect = options.dialect or declared_dialect(source.text) or Dialect.IMGQL
    names = catalogue(known_primitives(options.primitives, Diagnostics()), dialect.value)
    reader = reader_of(names, dialect, options, Diagnostics())
    folder = program.path.parent if program.path else Path()
    ends = [
        each.span.stop
        for each in reader.read_more(source, folder)
        if each.span.source is source and source.line_and_column(each.span.start)[0] <= line
    ]
    if not ends:
        return source
    # The place of a command ends where its last operand does: brackets around that follow.
    closed = _CLOSING.match(source.text, max(ends))
    return Source(source.name, source.text[: closed.end() if closed else max(ends)])


def _type(compiled: Compiled) -> Type | None:
    goals = [each for each in compiled.program.goals if each.action == "find"]
    return compiled.program.main.steps[goals[-1].step].type if goals else None


def _place(source: Source, name: str, line: int | None) -> Span | None:
    """Where a name stands in a line of a program."""
    count = source.text.count("\n") + 1
    if line is None or not 1 <= line <= count:
        return None
    start = source.line_start(line) + max(0, source.line(line).find(name))
    return Span(source, start, min(start + len(name), len(source.text)))


def _at(each: Diagnostic, asked: Source, place: Span | None, name: str) -> Diagnostic:
    """A diagnostic about the name that was asked for, at its place in the program."""
    if each.span is None or each.span.source is not asked:
        return each
    hint = each.help
    if each.code == "E101":
        hint = hint or f"parameters and local names, such as `{name}` may be, have no value alone"
    return replace(each, span=place, help=hint)
