"""What is said where only the wheel is: it names no file that the checkout alone has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "voxgpu"

#: Files of the checkout that the wheel does not have, as a text would name them.
_ABSENT = re.compile(r"\b(?:docs|tests|benchmarks)/[\w./-]*|\bREADME\b|\bMakefile\b|\bmake demo\b")


def _said(path: Path) -> Iterator[str]:
    """Every string of a module that is no docstring, and docstrings that are a command's help."""
    tree = ast.parse(path.read_text("utf-8"))
    quiet = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            decorated = getattr(node, "decorator_list", ())
            is_help = path.parent.name == "cli" and decorated
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and not is_help:
                quiet.add(first.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in quiet:
            yield node.value


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_message_names_a_file_of_the_checkout(path: Path) -> None:
    # A BIDS derivative is given a file of this name.
    written = {"README", "README.md"} if path.parent.name == "bids" else set()
    for text in _said(path):
        assert text in written or not _ABSENT.search(text), text


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.imgql")), ids=lambda path: path.name)
def test_no_program_that_is_brought_names_one(path: Path) -> None:
    assert not _ABSENT.search(path.read_text("utf-8"))


def test_the_names_of_absent_files_are_seen(tmp_path: Path) -> None:
    module = tmp_path / "cli" / "m.py"
    module.parent.mkdir()
    module.write_text('"""docs/a.md"""\n@f\ndef g():\n    """docs/b.md"""\n    h("docs/c.md")\n')
    assert [each for each in _said(module) if _ABSENT.search(each)] == ["docs/b.md", "docs/c.md"]
