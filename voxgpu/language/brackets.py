"""Bracket matching and the limit on nesting depth."""

from __future__ import annotations

from voxgpu.language.lexer import COMMANDS, Token

#: Opening bracket token types and their closing counterparts.
OPENING = {"LPAR": "RPAR", "LSQB": "RSQB"}

#: Maximum nesting of brackets, prefix operators, loops and conditionals. Deeper programs could
#: exhaust Python's stack in recursive stages.
DEEPEST = 256
_NESTING = frozenset(("FOR", "FILTER", "IF", "LOCAL"))


def too_deep(tokens: list[Token]) -> Token | None:
    """Returns the first token nested more than ``DEEPEST`` levels deep, or None."""
    depth = run = 0
    outside: list[int] = []
    for token in tokens:
        kind = token.type
        run = run + 1 if kind == "PREFIX" else 0
        if kind in _NESTING:
            depth += 1
        elif kind in OPENING or kind in ("INDEX", "EXTRA"):
            outside.append(depth)
            depth += 1
        elif kind in OPENING.values():
            depth = outside.pop() if outside else 0
        elif kind == "_COMMA":
            depth = outside[-1] + 1 if outside else 0
        elif kind in COMMANDS:
            depth, outside = 0, []
        if depth + run > DEEPEST:
            return token
    return None


def matching(tokens: list[Token]) -> dict[int, int]:
    """Returns the index of the closing bracket by the index of its opening bracket."""
    closing: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in OPENING:
            stack.append(index)
        elif token.type in OPENING.values():
            if stack and OPENING[tokens[stack[-1]].type] == token.type:
                closing[stack.pop()] = index
        elif token.type in COMMANDS and token.type != "LET":
            # A command cannot start inside brackets, so brackets still open here are unclosed.
            stack.clear()
    return closing
