"""The grammar of editors colors each token as what the language reads there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.programs.test_programs import CASES
from voxgpu.language.make_textmate import textmate_grammar
from voxgpu.language.parse import tokenize_text

ROOT = Path(__file__).parents[2]
FILE = ROOT / "editors" / "vscode" / "syntaxes" / "imgql.tmLanguage.json"

#: The scopes that a token may have, by its type.
SCOPES = {
    "NUMBER": ("constant.numeric", "constant.language"),
    "TEXT": ("string.quoted",),
    "VARIABLE": ("variable.other.program",),
    "NAME": ("variable.other.imgql", "entity.name.function", "keyword.control"),
    "INFIX": ("keyword.operator",),
    "_COMMA": ("punctuation.separator",),
    "BAD": ("invalid.illegal",),
    **dict.fromkeys(("TRUE", "FALSE"), ("constant.language",)),
    **dict.fromkeys(("LOAD", "LET", "SAVE", "PRINT", "IMPORT"), ("keyword.other.command",)),
    **dict.fromkeys(("IF", "THEN", "ELSE", "FOR", "DO", "IN"), ("keyword.control",)),
    **dict.fromkeys(("LPAR", "RPAR", "LSQB", "RSQB"), ("punctuation.bracket",)),
}

TEXT = """// dialect: imgql1  "no string"
load v = "a${CASE}b$X \\" // no comment" // a comment
let f(x1) = infarct+1e-3*.2 let in.x = filter(f, xs) letter
print "s" filter x in [inf, nan, true] do fold + 0 xs
print "t" fold(+, xs) + fold max xs - $HI >=. -1
let truth = if $A then falsehood else ~> N a
"""

#: A way to color a text: ranges of characters with their outermost scope.
Colored = list[tuple[int, int, str]]


def test_the_file_is_up_to_date() -> None:
    again = "run `python -m voxgpu.language.make_textmate`"
    assert json.loads(FILE.read_text("utf-8")) == textmate_grammar(), again


def _with_re(text: str) -> Colored:
    """Colors a text as TextMate does with flat rules: line by line, by the first earliest match."""
    rules = [(each["name"], re.compile(each["match"])) for each in textmate_grammar()["patterns"]]
    found: Colored = []
    start = 0
    for line in text.splitlines(keepends=True):
        at = 0
        while at < len(line):
            matches = [
                (m.start(), n) for n, (_, r) in enumerate(rules) if (m := r.search(line, at))
            ]
            if not matches:
                break
            _, number = min(matches)
            match = rules[number][1].search(line, at)
            assert match and match.end() > match.start()
            found.append((start + match.start(), start + match.end(), rules[number][0]))
            at = match.end()
        start += len(line)
    return found


def _check(text: str) -> None:
    ranges = {(start, stop): scope for start, stop, scope in _with_re(text)}
    for token in tokenize_text(text):
        scope = ranges.pop((token.start_pos, token.end_pos), None)
        assert scope and scope.startswith(SCOPES[token.type]), (token, token.type, scope)
    assert all(scope.startswith("comment.") for scope in ranges.values()), ranges


def test_tokens_of_a_text() -> None:
    _check(TEXT)
    scopes = {TEXT[start:stop]: scope for start, stop, scope in _with_re(TEXT)}
    assert scopes["infarct"].startswith("variable.other.imgql")
    assert scopes["in.x"].startswith("variable.other.imgql")
    assert scopes["// a comment"].startswith("comment")
    words = [(TEXT[start:stop], scope) for start, stop, scope in _with_re(TEXT)]
    folds = [scope.partition(".")[0] for word, scope in words if word in ("fold", "filter")]
    assert folds == ["entity", "keyword", "keyword", "entity", "keyword"]


def test_tokens_of_all_programs() -> None:
    paths = [*CASES, *sorted((ROOT / "voxgpu").rglob("*.imgql"))]
    for path in paths:
        _check(path.read_bytes().decode("utf-8"))


@pytest.mark.slow
def test_tokens_with_the_expressions_of_editors() -> None:
    """The same with Oniguruma, by another implementation of TextMate grammars."""
    base = pytest.importorskip("textmate_grammar.parsers.base", reason="textmate-grammar-python")
    parser = base.LanguageParser(textmate_grammar())
    for text in (TEXT, *(path.read_text("utf-8") for path in CASES[::25])):
        if text.isascii():
            _check_characters(text, parser.parse_string(text))


def _check_characters(text: str, root: Any) -> None:
    """Compares the outermost scope of each character of each token."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    scopes = {}
    for (line, column), content, names in root.flatten():
        for offset in range(len(content)):
            scopes[starts[line] + column + offset] = names[1] if len(names) > 1 else ""
    for token in tokenize_text(text):
        for at in range(token.start_pos, token.end_pos):
            assert scopes[at].startswith(SCOPES[token.type]), (token, scopes[at])


def test_the_extension_names_files_that_exist() -> None:
    folder = FILE.parents[1]
    package = json.loads((folder / "package.json").read_text("utf-8"))
    brings = package["contributes"]
    (language,), (grammar,) = brings["languages"], brings["grammars"]
    assert language["extensions"] == [".imgql"]
    assert grammar["language"] == language["id"]
    assert grammar["scopeName"] == textmate_grammar()["scopeName"]
    for named in (package["main"], language["configuration"], grammar["path"]):
        assert (folder / named).is_file(), named
    configuration = json.loads((folder / language["configuration"]).read_text("utf-8"))
    word = re.compile(configuration["wordPattern"])
    assert [m[0] for m in word.finditer("let a1=ns.b .+. 2")] == ["let", "a1", "ns.b"]
