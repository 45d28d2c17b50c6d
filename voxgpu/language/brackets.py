"""Which bracket closes which?"""

from __future__ import annotations

from voxgpu.language.words import COMMANDS, Token

#: The type of a word that opens brackets, and of the one that closes them.
OPENING = {"LPAR": "RPAR", "LSQB": "RSQB"}


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
