"""What the documentation says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import voxgpu
from voxgpu.diagnostics import CODES
from voxgpu.manual import manual
from voxgpu.primitives.catalogue import primitives_of, standard_primitives
from voxgpu.primitives.documentation import markdown_page
from voxgpu.primitives.examples import argument_values, examples, plain

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _blocks(path: Path, language: str = "") -> list[str]:
    """The code blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_of_primitives_is_up_to_date() -> None:
    page = (DOCS / "primitives.md").read_text()
    assert page == markdown_page(manual(standard_primitives())), (
        "run `voxgpu primitives --markdown`"
    )


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


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the head that the README's program is run on, small."""
    folder = tmp_path_factory.mktemp("readme")
    size = ["--size", "40", "40", "32", "--spacing", "6"]
    command = [sys.executable, "-m", "voxgpu", "phantom", "-o", str(folder / "head"), *size]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_the_program_of_the_readme_runs(head: Path) -> None:
    program = next(b for b in _blocks(ROOT / "README.md") if b.startswith("// tumor.imgql"))
    result = voxgpu.run(program, define={"CASE": head / "head"}, output=head)
    assert not result.errors and not result.warnings
    assert [each.label for each in result.prints] == ["volume"]
    assert (head / "tumor.nii.gz").exists()


def test_python_on_the_pages_runs(
    head: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(head)
    program = next(b for b in _blocks(ROOT / "README.md") if b.startswith("// tumor.imgql"))
    Path("tumor.imgql").write_text(program)
    for page in (ROOT / "README.md", DOCS / "python.md"):
        names: dict[str, object] = {}
        for block in _blocks(page, "python"):
            exec(compile(block, str(page), "exec"), names)
    told = capsys.readouterr().out
    assert "<voxgpu.Result: 1 printed, 1 saved, " in told and "E301 {'one': 1.0}" in told
    assert {"tumor.nrrd", "tumor.nii", "tumor.mha"} <= {each.name for each in head.iterdir()}


def test_the_mistake_of_the_readme_is_told_so(head: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = next(b for b in _blocks(ROOT / "README.md") if "error[E102]" in b)
    monkeypatch.chdir(head)
    program = 'load flair = "head_flair.nii.gz"\n\nlet edge = near(flair)\n'
    Path("mistaken.imgql").write_text(program)
    command = [sys.executable, "-m", "voxgpu", "check", "mistaken.imgql"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert shown.partition("\n")[2] in told


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "imgql.md"], ids=lambda p: p.name)
def test_programs_on_a_page_are_programs(page: Path) -> None:
    begins = ("load ", "let ", "import ", "// tumor.imgql")
    programs = [block for block in _blocks(page) if block.startswith(begins)]
    assert len(programs) >= 2
    for program in programs:
        told = [each for each in voxgpu.check(program + "\n") if each.code == "E100"]
        assert not told, told


def test_programs_of_the_readme_warn_of_nothing(
    head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the files that they load, so that all types are known."""
    monkeypatch.chdir(head)
    Path("cases").mkdir(exist_ok=True)
    (flair,) = head.glob("*_flair.nii.gz")
    Path("cases/a_flair.nii.gz").write_bytes(flair.read_bytes())
    blocks = [*_blocks(ROOT / "README.md"), *_blocks(ROOT / "README.md", "imgql")]
    programs = [each for each in blocks if "print " in each and ("load " in each or "let " in each)]
    assert len(programs) >= 2
    for program in programs:
        result = voxgpu.run(
            program + "\n", define={"CASE": "head"}, output=head, on_error="collect"
        )
        assert not result.warnings, result.warnings


def test_the_architecture_page_names_every_part() -> None:
    page = (DOCS / "architecture.md").read_text()
    parts = {each.name for each in (ROOT / "voxgpu").iterdir() if each.name[0] not in "_."}
    parts -= {"py.typed"}
    for part in parts:
        name = part if part.endswith(".py") else f"{part}/"
        assert f"`{name}" in page, f"{name} is not on the architecture page"
    for named in re.findall(r"^\| `([a-z_]+(?:\.py|/))`", page, re.MULTILINE):
        assert named.rstrip("/") in parts | {"kernels"}, f"{named} does not exist"


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
