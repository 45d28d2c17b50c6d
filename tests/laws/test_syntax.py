"""Formatted programs parse to the same syntax tree; and no text makes the parser crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

import voxgpu
from tests import strategies
from voxgpu.diagnostics import CODES, Diagnostic, Source
from voxgpu.language.ast import Command, Dialect, Expression, Print, TextLiteral
from voxgpu.language.parse import parse
from voxgpu.language.unparse import unparse

DIALECTS = list(Dialect)


def _shown(commands: object) -> str:
    """A text that distinguishes syntax trees, NaN and 1 from 1.0 too; it has no positions."""
    return repr(commands)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@given(commands=strategies.programs())
@strategies.law(100)
def test_a_program_that_is_written_reads_the_same(
    dialect: Dialect, commands: list[Command]
) -> None:
    text = strategies.unparse_program(commands)
    parsed = parse(Source("written", text), strategies.OPERATORS, dialect)
    assert parsed.diagnostics == (), "\n".join(map(str, parsed.diagnostics))
    assert _shown(list(parsed.commands)) == _shown(commands), text


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@given(expression=strategies.expressions())
@strategies.law(100)
def test_an_expression_that_is_written_reads_the_same(
    dialect: Dialect, expression: Expression
) -> None:
    source = Source("written", f'print "label" {unparse(expression)}')
    parsed = parse(source, strategies.OPERATORS, dialect)
    label = TextLiteral(("label",), strategies.NOWHERE)
    expected = Print(label, expression, strategies.NOWHERE)
    assert _shown(parsed.commands) == _shown((expected,)), source.text


@pytest.mark.slow
@given(commands=strategies.programs())
@strategies.law(50)
def test_writing_twice_changes_nothing(commands: list[Command]) -> None:
    text = strategies.unparse_program(commands)
    again = parse(Source("written", text), strategies.OPERATORS).commands
    assert strategies.unparse_program(again) == text


def _are_well_made(diagnostics: tuple[Diagnostic, ...], text: str) -> None:
    for each in diagnostics:
        assert each.code in CODES
        assert each.message
        assert str(each)
        if each.span and each.span.source.text == text:
            assert 0 <= each.span.start <= len(text)
            assert each.span.start <= each.span.stop


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=strategies.any_texts())
@strategies.law(200)
def test_the_parser_answers_to_any_text(dialect: Dialect, text: str) -> None:
    parsed = parse(Source("soup", text), strategies.OPERATORS, dialect)
    _are_well_made(parsed.diagnostics, text)


@pytest.mark.slow
@given(text=strategies.any_texts())
@strategies.law(200)
def test_check_answers_to_any_text(text: str) -> None:
    # With a line break it is a text and never the path of a file.
    _are_well_made(voxgpu.check(text + "\n"), text + "\n")


@pytest.mark.slow
@given(text=strategies.token_soups())
@strategies.law(200)
def test_check_answers_to_any_words(text: str) -> None:
    _are_well_made(voxgpu.check(text + "\n"), text + "\n")


@pytest.mark.parametrize("seed", range(20))
def test_check_answers_to_any_bytes_in_a_file(seed: int, tmp_path: Path) -> None:
    from random import Random

    random = Random(seed)
    path = tmp_path / "bytes.imgql"
    path.write_bytes(random.randbytes(random.randrange(200)))
    _are_well_made(voxgpu.check(path), "")


@pytest.mark.parametrize("seed", range(20))
def test_check_answers_to_a_program_that_was_damaged(seed: int) -> None:
    from random import Random

    program = (
        '// dialect: imgql2\nload a = "a.nii.gz"\nlet f(v, b) = mask(v, near(b))\n'
        'let ~>(p, q) = through(q, p)\nprint "volume" volume(f(a, a > 3 & !border) >. 0.5)\n'
        'save "out.nii.gz" let m = a >. 2 in m ~> N m\n'
    )
    random = Random(seed)
    for _ in range(20):
        start = random.randrange(len(program))
        stop = start + random.randrange(4)
        inserted = random.choice(["", "(", ")", '"', "=", "let ", "!", "\n", "[", ",", " = "])
        damaged = program[:start] + inserted + program[stop:]
        _are_well_made(voxgpu.check(damaged), damaged)
