"""The colors of ImgQL, for Pygments."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from voxgpu.language.lexer import COMMANDS, KEYWORDS

_CONSTANTS = ("true", "false", "inf", "nan")
_COMMANDS = tuple(word for word, kind in KEYWORDS.items() if kind in COMMANDS)
_WORDS = tuple(word for word in KEYWORDS if word not in (*_COMMANDS, *_CONSTANTS))


class ImgqlLexer(RegexLexer):
    """Tokens of ImgQL, also of programs with mistakes, and after the prompts of examples.

    Nothing is an error: pages show programs in excerpts, with ``…`` in them, and with what voxgpu
    prints.
    """

    name = "ImgQL"
    aliases: ClassVar = ["imgql"]
    filenames: ClassVar = ["*.imgql"]

    tokens: ClassVar = {
        "root": [
            (r"^(?:>>>|\.\.\.|imgql>) ?", Generic.Prompt),
            (r"\s+", Whitespace),
            (r"//[^\n]*", Comment.Single),
            (r'"', String.Double, "text"),
            (r"\$(?:\{\w+\}|[^\W\d]\w*)", Name.Variable),
            (r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", Number),
            (words(_COMMANDS, suffix=r"\b(?!\.)"), Keyword.Declaration),
            (words(_WORDS, suffix=r"\b(?!\.)"), Keyword),
            (words(_CONSTANTS, suffix=r"\b(?!\.)"), Keyword.Constant),
            (r"[^\W\d]\w*(?:\.[^\W\d]\w*)?(?=\s*\()", Name.Function),
            (r"[^\W\d]\w*(?:\.[^\W\d]\w*)?", Name),
            (r"[()\[\],]", Punctuation),
            (r"(?:(?!//)[#;:'.|!$%&/^=*+<>?@~\\-])+", Operator),
            (r".", Text),
        ],
        "text": [
            (r"\$\{\w+\}", String.Interpol),
            (r"\\[^\n]", String.Escape),
            (r'"|(?=\n)', String.Double, "#pop"),
            (r'[^"\\$\n]+|\$', String.Double),
        ],
    }
