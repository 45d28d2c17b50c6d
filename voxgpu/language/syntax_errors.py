"""Messages for syntax errors, derived from the tokens around the error."""

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
#: Description of an unexpected end of the program.
END = "the end of the program"
_CLOSING = {"LPAR": ("RPAR", ")"), "LSQB": ("RSQB", "]")}


def explain(source: Source, tokens: list[Token], at: int, expected: frozenset[str]) -> Diagnostic:
    """Returns the diagnostic for ``tokens[at]`` (or the end) where ``expected`` may stand."""
    token = tokens[at] if at < len(tokens) else None
    before = tokens[at - 1].type if at else ""
    if token is not None and before in ("PRINT", "SAVE") and "TEXT" in expected:
        return _unnamed(before, token, _span(source, token))
    span = _span(source, token)
    found = f"`{_short(token)}`" if token is not None else END
    if token is not None and not (at and tokens[at - 1].type in EXPRESSION_WORDS):
        special = _special(token, span, expected)
        if special:
            return special
    unclosed = _unclosed(tokens, at)
    if unclosed is not None and not expected & {"NUMBER"}:
        closing = _CLOSING[unclosed.type][1]
        note = Note("opened here", _span(source, unclosed))
        return Diagnostic("E100", f"expected `{closing}`, found {found}", span, (note,))
    return Diagnostic("E100", f"expected {_expected(tokens, at, expected)}, found {found}", span)


def _unnamed(command: str, token: Token, span: Span) -> Diagnostic:
    """Reports a ``print`` or ``save`` without label or file name."""
    message = f"expected a string, or an expression in parentheses, found `{_short(token)}`"
    what, example = ("a label", '"label"') if command == "PRINT" else ("a name", '"name.nii.gz"')
    hint = f"{what} comes first: {command.lower()} {example} {_short(token)} …"
    return Diagnostic("E100", message, span, help=hint)


def _special(token: Token, span: Span, expected: frozenset[str]) -> Diagnostic | None:
    """Returns the diagnostic for an error with a specific remedy, or None."""
    if token.type == "BAD":
        return _not_a_word(token, span)
    is_word = token.type in EXPRESSION_WORDS and "INFIX" not in expected
    if is_word and expected & {"NAME", "DECLARED", "NUMBER"}:
        message = f"`{token}` is a word of the language and cannot be a name"
        return Diagnostic("E100", message, span)
    if token in _SIGNS and "INFIX" in expected:
        message = f"`{token}` cannot stand between two operands"
        hint = f"write `{_SIGNS[token]}`, or {token}(a, b)"
        return Diagnostic("E100", message, span, help=hint)
    if token.type == "EQUAL" and "INFIX" in expected:
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


def _expected(tokens: list[Token], at: int, expected: frozenset[str]) -> str:
    inside = expected & {"THEN", "ELSE", "DO", "IN"}
    if inside:
        return f"`{min(inside).lower()}`"
    if "INFIX" in expected:
        return "an operator or the next command"
    if "NUMBER" in expected:
        return "an expression"
    if "TEXT" in expected and at and tokens[at - 1].type in ("SAVE", "PRINT"):
        return "a string, or an expression in parentheses"
    if expected & COMMANDS:
        return "a command: load, let, save, print or import"
    names = sorted(_WORDS.get(kind, kind) for kind in expected if kind in _WORDS)
    return " or ".join(names) if names else "something else"


def _unclosed(tokens: list[Token], at: int) -> Token | None:
    """Returns the innermost unclosed bracket before the token ``at`` in its command, or None."""
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
