"""Makes the TextMate grammar of editors of the tokens of the language.

Run ``python -m voxgpu.language.make_textmate > editors/vscode/syntaxes/imgql.tmLanguage.json`` when
tokens or keywords have changed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from voxgpu.language.lalr import read_tables
from voxgpu.language.lexer import COMMANDS, EXPRESSION_WORDS, KEYWORDS

#: A word ends here, and is not the first part of a qualified name.
_END = r"(?![\w]|\.[^\W\d])"
_ESCAPE = r"\\[\"\\nt]"
_IN_TEXT = r"\$\{[^\W\d]\w*\}|\$[^\W\d]\w*"


def textmate_grammar() -> dict[str, Any]:
    """The grammar as plain data: flat rules, of which the first that matches earliest is taken."""
    terminals = read_tables().terminals
    name = terminals["NAME"]
    return {
        "$schema": (
            "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json"
        ),
        "name": "ImgQL",
        "scopeName": "source.imgql",
        "fileTypes": ["imgql"],
        "patterns": [
            _rule("comment.line.double-slash", terminals["COMMENT"]),
            _text(terminals["TEXT"]),
            _rule("constant.numeric", terminals["NUMBER"]),
            _rule("variable.other.program", terminals["VARIABLE"]),
            _words("keyword.other.command", COMMANDS),
            _words("keyword.control", EXPRESSION_WORDS),
            _rule("keyword.control", r"filter(?=\s+[^\W\d]\w*\s+in\b)"),
            _rule("keyword.control", r"fold(?=\s*[^\s\w(.,)\]]|\s+[^\W\d])"),
            _words("constant.language", ("TRUE", "FALSE", "NUMBER")),
            _rule("entity.name.function", rf"{name}(?=\s*\()"),
            _rule("variable.other", name),
            _rule("keyword.operator", terminals["INFIX"]),
            _rule("punctuation.separator", terminals["_COMMA"]),
            _rule("punctuation.bracket", r"[()\[\]]"),
            _rule("invalid.illegal", r'"[^\n]*|\S'),
        ],
    }


def _rule(scope: str, pattern: str) -> dict[str, Any]:
    # In Oniguruma `[` within a class begins another class; no pattern of a token has it there.
    return {"name": f"{scope}.imgql", "match": pattern.replace("\n", r"\n")}


def _text(pattern: str) -> dict[str, Any]:
    inside = [
        _rule("constant.character.escape", _ESCAPE),
        _rule("variable.other.program", _IN_TEXT),
    ]
    return {**_rule("string.quoted.double", pattern), "captures": {"0": {"patterns": inside}}}


def _words(scope: str, kinds: Any) -> dict[str, Any]:
    words = sorted(word for word, kind in KEYWORDS.items() if kind in kinds)
    return _rule(scope, f"(?:{'|'.join(words)}){_END}")


def main() -> None:
    """Write the grammar to standard output."""
    json.dump(textmate_grammar(), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
