"""Statements in the documentation hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from voxgpu.diagnostics import CODES
from voxgpu.manual import primitives_page
from voxgpu.primitives.catalogue import primitives_of
from voxgpu.primitives.examples import argument_values, examples, plain

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _blocks(path: Path, language: str = "") -> list[str]:
    """The code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_of_primitives_is_up_to_date() -> None:
    page = (DOCS / "primitives.md").read_text()
    assert page == primitives_page(), "run `voxgpu primitives --markdown`"


def test_the_tutorial_on_primitives_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = _blocks(DOCS / "adding-a-primitive.md", "python")[0]
    (tmp_path / "tutorial_family.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("tutorial_family")
    (primitive,) = primitives_of(module)
    (example,) = examples(primitive.doc)
    values = argument_values(example, primitive)
    assert values is not None
    grid = values[2].grid  # type: ignore[union-attr]
    assert plain(primitive.reference(values, grid)) == example.expected


def test_the_architecture_page_names_every_part() -> None:
    page = (DOCS / "architecture.md").read_text()
    parts = {each.name for each in (ROOT / "voxgpu").iterdir() if each.name[0] not in "_."}
    parts -= {"py.typed"}
    for part in parts:
        name = part if part.endswith(".py") else f"{part}/"
        assert f"`{name}" in page, f"{name} is not on the architecture page"
    for named in re.findall(r"^\| `([a-z_]+(?:\.py|/))`", page, re.MULTILINE):
        assert named.rstrip("/") in parts | {"kernels"}, f"{named} does not exist"


def test_rows_of_the_architecture_page_name_files_of_their_folders() -> None:
    page = (DOCS / "architecture.md").read_text()
    rows = re.findall(r"^\| `([a-z_/]+/)`[^|]*\| (.*) \|$", page, re.MULTILINE)
    assert rows
    for folder, text in rows:
        for name in re.findall(r"`([\w/*]+\.(?:py|lark|json))`", text):
            assert any((ROOT / "voxgpu" / folder).rglob(name)), f"{folder}: {name}"


def test_the_page_of_errors_has_every_code() -> None:
    page = (DOCS / "errors.md").read_text()
    assert set(re.findall(r"\b[EW]\d{3}\b", page)) == set(CODES)


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_nothing_names_a_machine() -> None:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in names.stdout.split():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".imgql", ".lark", ""):
            text = path.read_text("utf-8", "replace") if path.is_file() else ""
            assert not re.search(r"(?<![\w.])/(work|root)/", text), name
