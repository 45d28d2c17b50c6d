"""The tables of the parser are those of the grammar."""

from __future__ import annotations

from importlib.resources import files

import pytest

from voxgpu.language.lalr import Parser, UnexpectedTokenError, digest_of, read_tables
from voxgpu.language.lexer import Token
from voxgpu.language.make_tables import tables_of

FOLDER = files("voxgpu.language")
GRAMMAR = FOLDER.joinpath("imgql.lark").read_text("utf-8")
AGAIN = "run `python -m voxgpu.language.make_tables`"


def test_tables_are_of_the_grammar() -> None:
    assert read_tables().grammar == digest_of(GRAMMAR), AGAIN


@pytest.mark.slow
def test_tables_are_what_lark_makes_of_the_grammar() -> None:
    pytest.importorskip("lark")
    assert FOLDER.joinpath("imgql_tables.json").read_text("utf-8") == tables_of(GRAMMAR), AGAIN


def test_other_grammars_give_other_tables() -> None:
    pytest.importorskip("lark")
    assert tables_of(GRAMMAR.replace("LSQB RSQB", "LSQB LSQB RSQB")) != tables_of(GRAMMAR)


class _Builder:
    """Values are what the methods are given."""

    def __getattr__(self, name: str) -> object:
        return lambda inside: (name, *inside)


def _tokens(kinds: str) -> list[Token]:
    return [Token.at(kind, kind.lower(), 0) for kind in kinds.split()]


def test_rules_pass_on_what_lark_would() -> None:
    parser = Parser(read_tables(), _Builder())
    one, two = ("chain_of_one", ("number", "number")), ("chain_of_one", ("name", "name"))
    assert parser.parse(_tokens("PRINT TEXT NUMBER")) == (
        "start",
        ("print_command", "print", ("text", "text"), ("infix", one)),
    )
    # Commas are left out, and names in between are passed on one by one.
    let = parser.parse(_tokens("LET DECLARED LPAR NAME _COMMA NAME RPAR EQUAL NUMBER"))
    assert let[1][3] == ("parameters", "lpar", "name", "name", "rpar")
    call = parser.parse(_tokens("PRINT TEXT NAME LPAR NUMBER _COMMA NAME RPAR"))
    arguments = ("arguments_longer", ("arguments_of_one", ("infix", one)), ("infix", two))
    assert call[1][3] == ("infix", ("chain_of_one", ("call", "name", "lpar", arguments, "rpar")))
    assert parser.parse([]) == ("start",)


@pytest.mark.parametrize(
    ("kinds", "at", "accepts"),
    [
        ("PRINT NUMBER", "NUMBER", {"TEXT", "LPAR"}),
        ("LET DECLARED LET", "LET", {"LPAR", "EQUAL"}),
        ("SAVE TEXT", "$END", {"NAME", "NUMBER", "LPAR", "PREFIX", "IF"}),
    ],
)
def test_wrong_tokens_are_told_with_what_can_follow(kinds: str, at: str, accepts: set[str]) -> None:
    with pytest.raises(UnexpectedTokenError) as error:
        Parser(read_tables(), _Builder()).parse(_tokens(kinds))
    assert error.value.token.type == at
    assert error.value.accepts >= accepts
    assert "RPAR" not in error.value.accepts
