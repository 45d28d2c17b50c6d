"""Hypothesis strategies for the laws: random syntax, random tokens, random bytes.

Random programs that type-check are in ``tests/laws/typed_programs.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from voxgpu.diagnostics import Source, Span
from voxgpu.language.ast import (
    Array,
    BooleanLiteral,
    Call,
    Command,
    Expression,
    Import,
    Let,
    Load,
    Local,
    Name,
    NumberLiteral,
    Print,
    Save,
    TextLiteral,
    Variable,
)
from voxgpu.language.lexer import KEYWORDS
from voxgpu.language.unparse import unparse_command


def unparse_program(commands: Iterable[Command]) -> str:
    """Returns the text of a program, one command per line."""
    return "".join(f"{unparse_command(command)}\n" for command in commands)


#: A span for generated syntax.
NOWHERE = Span(Source("nowhere", ""), 0, 0)

#: Operators of random syntax, with their numbers of operands.
OPERATORS = {
    name: frozenset(arities)
    for name, arities in {
        "!": {1},
        "!.": {1},
        "#": {1},
        "N": {1},
        "B+": {1},
        "-": {1, 2},
        "+": {2},
        ".*.": {2},
        "/.": {2},
        "==": {2},
        "=.": {2},
        "<=": {2},
        "&&": {2},
        "\\": {2},
        "~>": {2},
        "~": {2},
        "::'": {2},
        "+_": {2},
        "T": {2},
    }.items()
}

#: The operators among them that random programs redefine, with the same number of operands.
DECLARED_OPERATORS = (("~>", 2), ("#", 1), ("N", 1), ("T", 2), ("B+", 1))


def law(examples: int) -> settings:
    """Settings of a law: a fixed set of examples and no time limit."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def _usable(name: str) -> bool:
    return name not in KEYWORDS and name not in OPERATORS


def names() -> st.SearchStrategy[str]:
    """Names that are neither keywords nor operators, some qualified, some in capitals."""
    pattern = st.from_regex(r"[^\W\d]\w{0,4}(\.[^\W\d]\w{0,2})?", fullmatch=True)
    familiar = st.sampled_from(
        ["x", "flair", "t1", "_", "infarct", "trueish", "nanny", "HI", "Lcc"]
    )
    return (familiar | pattern.map(_composed).filter(_is_of_letters)).filter(_usable)


def _composed(name: str) -> str:
    """Returns the name with composed letters, as the parser normalizes it."""
    return unicodedata.normalize("NFC", name)


def _is_of_letters(name: str) -> bool:
    """Whether a name is one: a few letters, such as U+0958, are never composed but with a mark."""
    return re.fullmatch(r"[\w.]+", name) is not None


def _variable_names() -> st.SearchStrategy[str]:
    return st.from_regex(r"[^\W\d]\w{0,4}", fullmatch=True).map(_composed).filter(_is_of_letters)


def _variables() -> st.SearchStrategy[Variable]:
    return _variable_names().map(lambda name: Variable(name, NOWHERE))


def _plain_texts() -> st.SearchStrategy[str]:
    # Excluded: `$` before a letter is a variable, and a carriage return ends a line.
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(
        lambda text: not re.search(r"\$(\{|[^\W\d])|\r", text)
    )


def _merged(parts: list[str | Variable]) -> tuple[str | Variable, ...]:
    """Joins adjacent text fragments."""
    merged: list[str | Variable] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return tuple(merged)


def texts() -> st.SearchStrategy[TextLiteral]:
    """String literals with interpolated variables."""
    parts = st.lists(_plain_texts() | _variables(), max_size=4).map(_merged)
    readable = parts.filter(
        lambda parts: not re.search(r"\$[^\W\d]", "".join(p for p in parts if isinstance(p, str)))
    )
    return readable.map(lambda parts: TextLiteral(parts, NOWHERE))


def numbers() -> st.SearchStrategy[NumberLiteral]:
    """Number literals, which are unsigned."""
    values = st.floats(min_value=0.0) | st.integers(0, 2**60).map(float) | st.just(float("nan"))
    return values.map(lambda value: NumberLiteral(abs(value), NOWHERE))


def _leaves() -> st.SearchStrategy[Expression]:
    return st.one_of(
        numbers(),
        st.booleans().map(lambda value: BooleanLiteral(value, NOWHERE)),
        texts(),
        _variables(),
        names().map(lambda name: Name(name, NOWHERE)),
        st.sampled_from(["N", "T"]).map(lambda name: Name(name, NOWHERE)),
    )


def _call(name: str, arguments: list[Expression]) -> Expression:
    return Call(name, tuple(arguments), NOWHERE, NOWHERE)


def _operator_calls(inside: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def of(name: str) -> st.SearchStrategy[Expression]:
        fixed = st.sampled_from(sorted(OPERATORS[name])).flatmap(
            lambda count: st.lists(inside, min_size=count, max_size=count)
        )
        extra = st.lists(inside, min_size=3, max_size=4)
        takes_extra = 2 in OPERATORS[name]
        arguments = fixed | extra if takes_extra else fixed
        return arguments.map(lambda given: _call(name, given))

    return st.sampled_from(sorted(OPERATORS)).flatmap(of)


def _compound(inside: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(_call, names(), st.lists(inside, max_size=3)),
        _operator_calls(inside),
        st.lists(inside, min_size=1, max_size=3).map(lambda items: Array(tuple(items), NOWHERE)),
        st.builds(
            lambda name, value, body: Local(name, value, body, NOWHERE, NOWHERE),
            names(),
            inside,
            inside,
        ),
    )


def expressions() -> st.SearchStrategy[Expression]:
    """Expressions of every kind."""
    return st.recursive(_leaves(), _compound, max_leaves=12)


def _functions() -> st.SearchStrategy[Command]:
    # A declared name in capitals with one parameter is a prefix operator and must have an operand.
    small = names().filter(lambda name: not name.isupper())
    plain = st.tuples(small, st.lists(names(), min_size=1, max_size=3, unique=True))
    operator = st.sampled_from(DECLARED_OPERATORS).flatmap(
        lambda each: st.tuples(
            st.just(each[0]), st.lists(names(), min_size=each[1], max_size=each[1], unique=True)
        )
    )
    return st.builds(
        lambda head, body: Let(head[0], tuple(head[1]), body, NOWHERE, NOWHERE),
        plain | operator,
        expressions(),
    )


def commands() -> st.SearchStrategy[Command]:
    """Commands of every kind."""
    return st.one_of(
        st.builds(lambda name, path: Load(name, path, NOWHERE, NOWHERE), names(), expressions()),
        st.builds(lambda n, body: Let(n, None, body, NOWHERE, NOWHERE), names(), expressions()),
        _functions(),
        st.builds(lambda to, value: Save(to, value, NOWHERE), expressions(), expressions()),
        st.builds(lambda to, value: Print(to, value, NOWHERE), expressions(), expressions()),
        _plain_texts().map(lambda name: Import(name, NOWHERE)),
    )


def programs() -> st.SearchStrategy[list[Command]]:
    """Programs that parse but need not type-check."""
    return st.lists(commands(), max_size=4)


_WORDS = [
    *KEYWORDS,
    *OPERATORS,
    *("x", "near", "volume", "HI", "B", "ns.name", "tt", "1", "0.5", "1e9", "5.", "$cwd", "$no"),
    *("(", ")", "[", "]", ",", "=", "==", "=-", "$", "{", "}", "_", "^", ";", "!!", "-!-", "//"),
    *(
        '"a"',
        '""',
        '"',
        '"\\',
        '"$x"',
        '"${',
        '"\\q"',
        "\n",
        "\r\n",
        "\t",
        "\x00",
        "é",
        "𝒩",
        "\u2028",
    ),
]


def token_soups() -> st.SearchStrategy[str]:
    """Tokens and near-tokens of the language, in any order."""
    words = st.lists(st.sampled_from(_WORDS), max_size=30)
    return st.builds(
        lambda blank, given: blank.join(given), st.sampled_from(["", " ", "\n"]), words
    )


def any_texts() -> st.SearchStrategy[str]:
    """Arbitrary text, including unpaired surrogates and bytes decoded with some encoding."""
    decoded = st.builds(
        lambda data, encoding: data.decode(encoding, "replace"),
        st.binary(max_size=60),
        st.sampled_from(["utf-8", "latin-1", "utf-16"]),
    )
    return st.text(st.characters(), max_size=40) | decoded | token_soups()
