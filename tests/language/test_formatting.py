"""Formatting changes blanks alone: tokens, comments and the ids of values stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from tests.programs.inputs import write_inputs
from tests.programs.test_programs import CASES, Expectation
from voxgpu.compile import Options, compile_program, read_source, unread
from voxgpu.diagnostics import Source
from voxgpu.language.ast import Command
from voxgpu.language.formatting import formatted
from voxgpu.language.parse import declared_dialect, parse, tokenize_text
from voxgpu.read_syntax import read_syntax

SHIPPED = sorted((Path(__file__).parents[2] / "voxgpu").rglob("*.imgql"))


_4 = "    "


def _format(text: str) -> str:
    source = Source("program", text)
    operators, mistakes = read_syntax(source, None, Options())
    assert not mistakes, mistakes
    once = formatted(source, operators)
    assert formatted(Source("again", once), operators) == once
    return once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let a=1+2*3", "let a = 1 + 2 * 3\n"),
        ("let f( a,b )=f2 (a , b)\n", "let f(a, b) = f2(a, b)\n"),
        ("a = 1 b = a>-1 print \"b\"b", 'a = 1\nb = a > -1\nprint "b" b\n'),
        ("let a = ! b\nlet c = !b&!d", "let a = !b\nlet c = !b & !d\n"),
        ("let a = - 1\nlet b = -1\nlet c = -1 ^ 2", "let a = - 1\nlet b = -1\nlet c = -1 ^ 2\n"),
        ("let b = N(a)\nlet c = N  a\nlet d = N (a)", "let b = N(a)\nlet c = N a\nlet d = N (a)\n"),
        ("let a = v~[ 5,20 ]w", "let a = v ~[5, 20] w\n"),
        ("let a = xs [1 : -1]\nlet b=xs[ : ]", "let a = xs[1:-1]\nlet b = xs[:]\n"),
        ("a = fold + 0 [1,2]\nb = fold(+,xs)", "a = fold + 0 [1, 2]\nb = fold(+, xs)\n"),
        ("a = fold + b (c)\nd = fold + b(c)", "a = fold + b (c)\nd = fold + b(c)\n"),
        ("let .<(n,i)=(n.<=i)", "let .<(n, i) = (n .<= i)\n"),
        ("let B+ (a)=near(a)\\a", "let B+(a) = near(a) \\ a\n"),
        ("print (label) 3\nsave(name)v", "print (label) 3\nsave (name) v\n"),
        ("let a=2.*.3", "let a = 2 .*. 3\n"),
        ("\n\n// top\n\n\n\na = 1   // one\n\n\nb = 2\n\n", "// top\n\na = 1 // one\n\nb = 2\n"),
        ("let a = f(b,\n  c,\n  d)\n", "let a = f(b,\n        c,\n        d)\n"),
        ("let a = f(\nb\n)\n", "let a = f(\n        b\n    )\n"),
        ("a =\n// why\n b\n   // then\nc = 1", "a =\n    // why\n    b\n// then\nc = 1\n"),
        ("a = 1 // x\nb = 3\nbcd = 2     // y\n", "a = 1   // x\nb = 3\nbcd = 2 // y\n"),
        ("a   = 1\nbcd = 2\nlonger = 3\n", "a   = 1\nbcd = 2\nlonger = 3\n"),
        ('print "a"   1\nprint "bcd" 2\n', 'print "a"   1\nprint "bcd" 2\n'),
        ('print "a"  1\nprint "bcd" 2\n', 'print "a" 1\nprint "bcd" 2\n'),
        ("a =\n let b  = 1 in\n let cd = 2 in b", f"a =\n{_4}let b  = 1 in\n{_4}let cd = 2 in b\n"),
        ("a = 1 // x\nb=1\nc=2\nd=3\ne = 2 // y", "a = 1 // x\nb = 1\nc = 2\nd = 3\ne = 2 // y\n"),
        ("let a = 1\r\nlet b=2\r\n", "let a = 1\nlet b = 2\n"),
        ("print \"a  //  b\"  1", 'print "a  //  b" 1\n'),
        ("", ""),
        ("\n\n", ""),
        ("// only", "// only\n"),
    ],
)  # fmt: skip
def test_layout(text: str, expected: str) -> None:
    assert _format(text) == expected


def test_a_comment_does_not_become_a_dialect() -> None:
    text = '\n// dialect: imgql1\nprint "n" 1\n'
    assert _format(text) == text
    assert declared_dialect(_format(text)) is None
    assert _format("//dialect:imgql1\nlet a=1").startswith("//dialect:imgql1\n")


def _comments(text: str) -> list[str]:
    found = re.findall(r'"(?:[^"\\\n]|\\[^\n])*"|(//[^\n]*)', text)
    return [each.rstrip() for each in found if each]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_voxgpu_brings_is_formatted(path: Path) -> None:
    source = read_source(path)
    operators, _ = read_syntax(source, path, Options())
    assert formatted(source, operators) == source.text


@pytest.mark.slow
def test_programs_keep_their_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every program in ``tests/programs`` syntax and comments; of some ids and messages, too."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    count = 0
    for number, path in enumerate(CASES):
        source = read_source(path)
        operators, mistakes = read_syntax(source, path, Options())
        if mistakes:
            continue
        text = formatted(source, operators)
        again = Source(source.name, text)
        assert formatted(again, operators) == text, path.stem
        assert _comments(text) == _comments(source.text), path.stem
        assert repr(parse(again, operators)) == repr(parse(source, operators)), path.stem
        if number % 10 == 0:
            define = Expectation(source.text).pairs("define")
            options = Options(define=define, output=tmp_path, writes=False)
            before = _compiled(source, path, options)
            assert _compiled(again, path, options) == before, path.stem
        count += 1
    assert count > 0.8 * len(CASES)


def _compiled(source: Source, path: Path, options: Options) -> object:
    """Ids of nodes in order, goals and messages of a program."""
    compiled = compile_program(source, path, options, unread)
    goals = [(each.action, each.label, each.value) for each in compiled.plan.goals]
    messages = [(each.code, each.message) for each in compiled.diagnostics]
    return list(compiled.plan.nodes), goals, messages


@given(commands=strategies.programs())
@strategies.law(25)
def test_random_programs_read_the_same(commands: list[Command]) -> None:
    text = strategies.unparse_program(commands)
    _check(text)


_BLANKS = st.sampled_from([" ", "  ", "\n", "\t", "\n\n\n", " // a comment\n", "\n// one\n\n"])


@given(commands=strategies.programs(), data=st.data())
@strategies.law(25)
def test_random_layouts_read_the_same(commands: list[Command], data: st.DataObject) -> None:
    text = strategies.unparse_program(commands)
    pieces, last = [], 0
    for token in tokenize_text(text):
        if text[last : token.start_pos]:
            pieces.append(data.draw(_BLANKS))
        pieces.append(str(token))
        last = token.end_pos
    _check("".join(pieces))


def _check(text: str) -> None:
    once = formatted(Source("program", text), strategies.OPERATORS)
    before = parse(Source("before", text), strategies.OPERATORS)
    after = parse(Source("after", once), strategies.OPERATORS)
    assert repr(after.commands) == repr(before.commands)
    assert _comments(once) == _comments(text)
    assert formatted(Source("again", once), strategies.OPERATORS) == once
