"""Messages that the page on troubleshooting quotes are those of the code.

A message is a string of the code, with holes for its values, or one on the page of messages, which
`test_messages` compares with what voxgpu prints.
"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"

#: What stands on the page for what differs from message to message.
_HOLE = "…"


def quoted() -> list[str]:
    """The messages on the page, as they are written there."""
    return re.findall(r"^> (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)


@cache
def _texts() -> tuple[str, ...]:
    """Every string of the code, with holes for the values in f-strings, and the other places."""
    found = set(re.findall(r'echo "(.*)"', (ROOT / "Makefile").read_text("utf-8")))
    errors = (ROOT / "docs" / "errors.md").read_text("utf-8")
    found |= set(re.findall(r"^(?:error|warning)\[\w+\]: (.*)", errors, re.MULTILINE))
    for path in (ROOT / "voxgpu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(_part(each) for each in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return tuple(each for each in found if len(_fixed(each)) >= 12)


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else _HOLE


def _fixed(text: str) -> str:
    return text.replace(_HOLE, "")


def _is_told(message: str) -> bool:
    """Whether a string has all fixed words of a message, in order, with little between them."""
    parts = [re.escape(each.strip()) for each in message.split(_HOLE) if re.search(r"\w", each)]
    assert parts, f"nothing is fixed in: {message}"
    pattern = re.compile(r".{0,80}?".join(parts), re.DOTALL)
    return any(pattern.search(text) for text in _texts())


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_one_that_the_code_tells(message: str) -> None:
    assert _is_told(message)


def test_there_are_messages() -> None:
    assert len(quoted()) >= 25


@pytest.mark.parametrize(
    "wrong", ["the variable `$…` is undefined", "cannot load `…`: no such file"]
)
def test_a_message_that_nothing_tells_is_noticed(wrong: str) -> None:
    assert not _is_told(wrong)
