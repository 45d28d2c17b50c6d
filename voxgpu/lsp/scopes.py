"""Names of a program at a place: what is bound there, where, and what may be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voxgpu.diagnostics import Source, Span
from voxgpu.frozen import frozen
from voxgpu.language.ast import (
    Call,
    Command,
    Expression,
    Filter,
    Fold,
    For,
    Let,
    Load,
    Local,
    Name,
    children,
    expressions_of,
)
from voxgpu.language.lexer import COMMANDS, Token
from voxgpu.language.parse import tokenize_source


@frozen(slots=True)
class Bound:
    """A name that is bound.

    span  where it is written as bound
    kind  what binds it: `let`, `load`, `parameter`, `for`, `filter`
    let   the command, if it is a binding of the top level
    """

    name: str
    span: Span
    kind: str
    let: Let | Load | None = None


@frozen(slots=True)
class Named:
    """A use of a name, or its binding, at a place."""

    name: str
    span: Span


def name_at(commands: Sequence[Command], source: Source, offset: int) -> Named | None:
    """Returns the name or operator at an offset, or just before it; None if there is none."""
    found: list[Named] = []
    for command in commands:
        if command.span.source is source and command.span.start <= offset <= command.span.stop:
            found += _named(command)
    around = [each for each in found if each.span.start <= offset <= each.span.stop]
    if around:
        return max(around, key=lambda each: (offset < each.span.stop, each.span.start))
    token = _token_at(source, offset)
    if token is None or token.type in ("TEXT", "NUMBER", "LPAR", "RPAR", "_COMMA"):
        return None
    return Named(str(token), Span(source, token.start_pos, token.end_pos))


def _named(command: Command) -> Iterator[Named]:
    if isinstance(command, Let | Load):
        yield Named(command.name, command.declared)
    for each in _expressions(command):
        match each:
            case Name(name, span):
                yield Named(name, span)
            case Call(name, _, callee):
                yield Named(name, callee)
            case Fold(name, _, _, callee):
                yield Named(name, callee)
            case For() | Filter() | Local():
                yield Named(each.name, each.declared)


def _token_at(source: Source, offset: int) -> Token | None:
    tokens = [each for each in tokenize_source(source) if each.start_pos <= offset <= each.end_pos]
    return tokens[-1] if tokens else None


def text_at(source: Source, offset: int) -> Token | None:
    """Returns the string around an offset, closed or not; None outside of strings."""
    for token in tokenize_source(source):
        opens = token.type == "TEXT" or (token.type == "BAD" and token.startswith('"'))
        if opens and token.start_pos < offset < token.end_pos + (token.type == "BAD"):
            return token
    return None


def command_before(source: Source, token: Token) -> str:
    """Returns the type of the command that a string belongs to, such as ``IMPORT``, or ``""``."""
    kind = ""
    for each in tokenize_source(source):
        if each.start_pos >= token.start_pos:
            break
        kind = each.type if each.type in COMMANDS else kind
    return kind


def binding_of(commands: Sequence[Command], named: Named) -> Bound | None:
    """Returns what binds a name where it is used; None if the program does not."""
    index = _index(commands, named.span)
    if index is None:
        index = len(commands)
    else:
        command = commands[index]
        if isinstance(command, Let | Load) and command.declared == named.span:
            return _of_command(command)
        local = _local(command, named)
        if local is not None:
            return local
    for command in reversed(commands[:index]):
        if isinstance(command, Let | Load) and command.name == named.name:
            return _of_command(command)
    return None


def _of_command(command: Let | Load) -> Bound:
    kind = "load" if isinstance(command, Load) else "let"
    return Bound(command.name, command.declared, kind, command)


def _index(commands: Sequence[Command], span: Span) -> int | None:
    for index, each in enumerate(commands):
        if each.span.source is span.source and each.span.start <= span.start < each.span.stop:
            return index
    return None


def _local(command: Command, named: Named) -> Bound | None:
    """The innermost binding of a name within a command that its use lies in."""
    found: list[tuple[int, Bound]] = []
    for each in _expressions(command):
        if not isinstance(each, For | Filter | Local) or each.name != named.name:
            continue
        body = each.body.span
        inside = body.start <= named.span.start < body.stop or each.declared == named.span
        if inside:
            kind = {For: "for", Filter: "filter", Local: "let"}[type(each)]
            found.append((body.stop - body.start, Bound(each.name, each.declared, kind)))
    if found:
        return min(found, key=lambda pair: pair[0])[1]
    if isinstance(command, Let) and named.name in (command.parameters or ()):
        return Bound(named.name, _parameter(command, named.name), "parameter")
    return None


def _parameter(let: Let, name: str) -> Span:
    """Where a parameter is written in the head of its function."""
    source = let.span.source
    for token in tokenize_source(source):
        if token.start_pos >= let.declared.stop and token == name:
            return Span(source, token.start_pos, token.end_pos)
    return let.declared


def _expressions(command: Command) -> Iterator[Expression]:
    stack = [*expressions_of(command)]
    while stack:
        expression = stack.pop()
        yield expression
        stack.extend(children(expression))


def visible_before(commands: Sequence[Command], source: Source, offset: int) -> list[Bound]:
    """Returns the bindings of the user that are visible at an offset, the latest of each name.

    The command at the offset may be unfinished: what it binds is seen from its words.
    """
    found: dict[str, Bound] = {}
    for command in commands:
        ends = command.span.source is source and command.span.stop > offset
        if isinstance(command, Let | Load) and not command.span.source.ours and not ends:
            found[command.name] = _of_command(command)
    found.update((each.name, each) for each in _locals_before(source, offset))
    return list(found.values())


def _locals_before(source: Source, offset: int) -> Iterator[Bound]:
    tokens = [each for each in tokenize_source(source) if each.end_pos < offset]
    start = next(
        (i for i in range(len(tokens) - 1, -1, -1) if _begins_line(source, tokens[i])), len(tokens)
    )
    command = tokens[start:]
    for index, token in enumerate(command[:-1]):
        following = command[index + 1]
        if following.type != "NAME":
            continue
        span = Span(source, following.start_pos, following.end_pos)
        if token.type == "FOR" or token == "filter":
            yield Bound(str(following), span, "for" if token.type == "FOR" else "filter")
        elif token.type == "LET" and index:
            yield Bound(str(following), span, "let")
    yield from _parameters(source, command)


def _begins_line(source: Source, token: Token) -> bool:
    """Whether a token is in the first column, where commands usually begin."""
    return token.start_pos == 0 or source.text[token.start_pos - 1] == "\n"


def _parameters(source: Source, command: Sequence[Token]) -> Iterator[Bound]:
    """The parameters of the function that a command begins to define."""
    head = command[1:] if command and command[0].type == "LET" else command
    if len(head) < 3 or head[1].type != "LPAR":
        return
    for index, token in enumerate(head[2:], 2):
        if token.type == "RPAR":
            if index + 1 < len(head) and head[index + 1].startswith("="):
                for each in head[2:index]:
                    if each.type == "NAME":
                        span = Span(source, each.start_pos, each.end_pos)
                        yield Bound(str(each), span, "parameter")
            return
