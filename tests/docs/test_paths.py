"""Paths and names in backticks on the pages for developers exist in the repository."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Pages whose paths are checked.
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "tests" / "README.md"]

#: Pages on which every identifier in backticks is also an identifier of the source code.
CODE_PAGES = ("glossary", "hand-written-kernels", "testing-cuda", "debugging", "principles")

#: What looks like a folder and is none: an operator, and what commands write.
NO_FOLDERS = {"./", "benchmark-output/"}

#: Identifiers of other software, and of the language.
OTHER_NAMES = {"nvcc"}

_FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w./*-]+\.(?:py|cu|cuh|lark|h|cpp)")
_FOLDER = re.compile(r"(?:[\w.-]+/)+")
_NAME = re.compile(r"[A-Za-z_][\w.]*(?:\(\))?")


@cache
def _files() -> tuple[str, ...]:
    """Every file of the repository, tracked or new, as `/path/in/the/repository`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(f"/{each}" for each in listed.stdout.splitlines() if (ROOT / each).exists())


@cache
def _top() -> frozenset[str]:
    """The folders at the top of the repository."""
    return frozenset(each.split("/")[1] for each in _files() if each.count("/") > 1)


@cache
def _identifiers() -> frozenset[str]:
    """Every word of the source code and of the build files."""
    sources = [
        each for each in _files()
        if PurePosixPath(each).suffix in {".py", ".cu", ".cuh", ".lark", ".toml", ".imgql", ".h"}
        and not each.startswith("/tests/docs/")
    ]  # fmt: skip
    text = "\n".join((ROOT / each[1:]).read_text("utf-8", "replace") for each in sources)
    return frozenset(re.findall(r"[A-Za-z_]\w*", text))


def _exists(path: str) -> bool:
    """Whether a file or folder has this path, or its path ends with it.

    A path that begins with a folder at the top of the repository is a whole path. Others leave out
    the folders that the text around them names: ``plan/node.py``, ``node.py``.
    """
    if "*" in path:
        return any((ROOT / "voxgpu").rglob(path)) or any(ROOT.glob(path))
    whole = path.split("/")[0] in _top() and "/" in path
    for each in _files():
        place = each.find(f"/{path}", 0, len(path) + 1) if whole else each.find(f"/{path}")
        if place >= 0 and (path.endswith("/") or each.endswith(f"/{path}")):
            return True
    return False


def _spans(page: Path) -> list[str]:
    return _SPAN.findall(_FENCED.sub("", page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_exists(page: Path) -> None:
    paths = [each for each in _spans(page) if _FILE.fullmatch(each) or _FOLDER.fullmatch(each)]
    missing = sorted({each for each in paths if not _exists(each)} - NO_FOLDERS)
    assert not missing, f"no such file or folder: {', '.join(missing)}"


@pytest.mark.parametrize("stem", CODE_PAGES)
def test_every_name_exists(stem: str) -> None:
    page = ROOT / "docs" / f"{stem}.md"
    names = {each for each in _spans(page) if _NAME.fullmatch(each)} - OTHER_NAMES
    names = {each for each in names if not _FILE.fullmatch(each)}
    last = {each: re.findall(r"\w+", each)[-1] for each in names}
    missing = sorted(each for each, word in last.items() if word not in _identifiers())
    assert not missing, f"no such name in the source code: {', '.join(missing)}"


def test_the_page_on_tests_lists_every_folder() -> None:
    tracked = {PurePosixPath(each).parts[2] for each in _files() if each.startswith("/tests/")}
    folders = {each for each in tracked if (ROOT / "tests" / each).is_dir()}
    page = (ROOT / "tests" / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `tests/(\w+)/` \|", page, re.MULTILINE)) == folders


def test_a_path_that_does_not_exist_is_noticed() -> None:
    assert _exists("tests/docs/test_paths.py") and _exists("test_paths.py")
    assert _exists("tests/docs/") and _exists("kernels/*.cu")
    for wrong in ("docs/test_paths.py", "tests/nowhere/", "est_paths.py", "docs/*.cu"):
        assert not _exists(wrong), wrong
