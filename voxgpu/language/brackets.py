"""Which bracket closes which, and how deep are things nested?"""

from __future__ import annotations

from voxgpu.language.lexer import COMMANDS, Token

#: The type of a word that opens brackets, and of the one that closes them.
OPENING = {"LPAR": "RPAR", "LSQB": "RSQB"}

#: Brackets, prefix operators, loops and choices may be inside one another so deep; stages that
#: follow the syntax would else run out of Python's stack.
DEEPEST = 256
_NESTING = frozenset(("FOR", "FILTER", "IF", "LOCAL"))


def too_deep(tokens: list[Token]) -> Token | None:
    """The first word that is nested more than ``DEEPEST`` deep; None if there is none."""
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
    """From the index of every opening bracket to that of its closing one."""
    closing: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in OPENING:
            stack.append(index)
        elif token.type in OPENING.values():
            if stack and OPENING[tokens[stack[-1]].type] == token.type:
                closing[stack.pop()] = index
        elif token.type in COMMANDS and token.type != "LET":
            # A command cannot begin inside brackets: what is open here was never closed.
            stack.clear()
    return closing
