"""What did someone mean whose text is not a program? The words around the mistake say it."""

from __future__ import annotations

from voxgpu.diagnostics import Diagnostic, Note, Source, Span
from voxgpu.language.lexer import COMMANDS, EXPRESSION_WORDS, Token

_SIGNS = {"and": "&", "or": "|", "not": "!"}
_WORDS = {
    "EQUAL": "`=`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "IN": "`in`",
    "THEN": "`then`",
    "ELSE": "`else`",
    "DO": "`do`",
    "FUNCTION": "a function or an operator, as in `fold + xs`",
    "NAME": "a name",
    "DECLARED": "a name",
    "TEXT": "a string",
}
#: What is found where a program lacks its end.
END = "the end of the program"
_CLOSING = {"LPAR": ("RPAR", ")"), "LSQB": ("RSQB", "]")}


def explain(source: Source, tokens: list[Token], at: int, wanted: frozenset[str]) -> Diagnostic:
    """The diagnostic for the word ``tokens[at]`` (or the end) where ``wanted`` could have stood."""
    token = tokens[at] if at < len(tokens) else None
    before = tokens[at - 1].type if at else ""
    if token is not None and before in ("PRINT", "SAVE") and "TEXT" in wanted:
        return _unnamed(before, token, _span(source, token))
    span = _span(source, token)
    found = f"`{_short(token)}`" if token is not None else END
    if token is not None and not (at and tokens[at - 1].type in EXPRESSION_WORDS):
        special = _special(token, span, wanted)
        if special:
            return special
    opened = _unclosed(tokens, at)
    if opened is not None and not wanted & {"NUMBER"}:
        closing = _CLOSING[opened.type][1]
        note = Note("opened here", _span(source, opened))
        return Diagnostic("E100", f"expected `{closing}`, found {found}", span, (note,))
    return Diagnostic("E100", f"expected {_expected(tokens, at, wanted)}, found {found}", span)


def _unnamed(command: str, token: Token, span: Span) -> Diagnostic:
    """What is printed or saved has no label or file name before it."""
    message = f"expected a string, or an expression in parentheses, found `{_short(token)}`"
    what, example = ("a label", '"label"') if command == "PRINT" else ("a name", '"name.nii.gz"')
    hint = f"{what} comes first: {command.lower()} {example} {_short(token)} …"
    return Diagnostic("E100", message, span, help=hint)


def _special(token: Token, span: Span, wanted: frozenset[str]) -> Diagnostic | None:
    """Mistakes that have a remedy of their own."""
    if token.type == "BAD":
        return _not_a_word(token, span)
    is_word = token.type in EXPRESSION_WORDS and "INFIX" not in wanted
    if is_word and wanted & {"NAME", "DECLARED", "NUMBER"}:
        message = f"`{token}` is a word of the language and cannot be a name"
        return Diagnostic("E100", message, span)
    if token in _SIGNS and "INFIX" in wanted:
        message = f"`{token}` cannot stand between two operands"
        hint = f"write `{_SIGNS[token]}`, or {token}(a, b)"
        return Diagnostic("E100", message, span, help=hint)
    if token.type == "EQUAL" and "INFIX" in wanted:
        hint = "to compare, write `==` (`.=.` for numbers, `=.` for an image and a number)"
        return Diagnostic("E100", "`=` binds a name and does not compare", span, help=hint)
    return None


def _not_a_word(token: Token, span: Span) -> Diagnostic:
    if token.startswith('"'):
        return Diagnostic(
            "E100",
            "this string is not closed",
            Span(span.source, span.start, span.start + 1),
            help='it must end with `"` on the same line',
        )
    first = Span(span.source, span.start, span.start + 1)
    return Diagnostic("E100", f"{token[0]!r} is not a character of the language", first)


def _expected(tokens: list[Token], at: int, wanted: frozenset[str]) -> str:
    inside = wanted & {"THEN", "ELSE", "DO", "IN"}
    if inside:
        return f"`{min(inside).lower()}`"
    if "INFIX" in wanted:
        return "an operator or the next command"
    if "NUMBER" in wanted:
        return "an expression"
    if "TEXT" in wanted and at and tokens[at - 1].type in ("SAVE", "PRINT"):
        return "a string, or an expression in parentheses"
    if wanted & COMMANDS:
        return "a command: load, let, save, print or import"
    names = sorted(_WORDS.get(kind, kind) for kind in wanted if kind in _WORDS)
    return " or ".join(names) if names else "something else"


def _unclosed(tokens: list[Token], at: int) -> Token | None:
    """The innermost bracket that is open before the word ``at``, in the same command."""
    depth = {"RPAR": 0, "RSQB": 0}
    for token in reversed(tokens[:at]):
        if token.type in depth:
            depth[token.type] += 1
        elif token.type in ("LPAR", "LSQB", "EXTRA", "INDEX"):
            closing = "RPAR" if token.type == "LPAR" else "RSQB"
            if not depth[closing]:
                return Token.at("LPAR" if closing == "RPAR" else "LSQB", token, token.start_pos)
            depth[closing] -= 1
        elif token.type in COMMANDS:
            return None
    return None


def _span(source: Source, token: Token | None) -> Span:
    if token is None:
        end = len(source.text.rstrip())
        return Span(source, end, end + 1)
    return Span(source, token.start_pos, token.end_pos)


def _short(token: Token) -> str:
    return str(token) if len(token) <= 40 else f"{token[:39]}…"
