"""Imports go one way, files stay short, and the command line starts quickly."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nibabel
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "voxgpu"
FILES = sorted(PACKAGE.rglob("*.py"))

#: Layers from the bottom up; a file may import from its own layer and from those below.
LAYERS = [
    {
        "image",
        "types",
        "ids",
        "diagnostics",
        "device_spec",
        "version",
        "deferred",
        "forking",
        "frozen",
        "garbage",
        "installed_version",
        "temporary_files",
        "cancellation",
        "spans",
        "process_start",
        "child_process",
        "ancestor",
        "limits",
        "caches",
        "byte_sizes",
        "unicode_paths",
        "float32",
    },
    {"codegen", "itk"},
    {"primitives", "language", "files"},
    {"plan"},
    {"optimize", "store"},
    {"backends"},
    {"execution"},
    {"profiling"},
    {"compile", "manual", "read_syntax"},
    {"migration"},
    {"session_settings"},
    {"session"},
    {"provenance"},
    {"selftest"},
    {"cohorts"},
    {"report"},
    {"bench"},
    {"python"},
    {"demo"},
    {"interactive", "lsp"},
    {"viewer"},
    {"cli", "__init__", "__main__"},
]

#: Neighbors within a layer that must not know each other.
STRANGERS = {("language", "primitives"), ("primitives", "language"), ("files", "primitives")}
STRANGERS |= {("optimize", "store"), ("store", "optimize")}
STRANGERS |= {("files", "language"), ("language", "files"), ("primitives", "files")}

HEAVY = {"numpy", "scipy", "SimpleITK", "lark", "rich", "PIL", "isal", "psutil", "numba", "cupy"}

#: What only cohorts with workers need (docs/decisions/0041).
OF_WORKERS = {"dask", "distributed", "tornado", "dask_jobqueue", "dask_cuda"}

BANNED_NAMES = {"utils", "helpers", "manager", "common", "core", "misc"}


def _layer(name: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if name in layer)


def _part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def _imports(path: Path) -> set[str]:
    """The parts of voxgpu that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "voxgpu":
                names = [f"voxgpu.{alias.name}" for alias in node.names]
        for name in names:
            head, _, rest = name.partition(".")
            if head == "voxgpu":
                part = rest.split(".")[0]
                found.add(part if (PACKAGE / part).exists() or _is_module(part) else "__init__")
    return found


def _is_module(part: str) -> bool:
    return (PACKAGE / f"{part}.py").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    part = _part(path)
    for imported in _imports(path):
        assert _layer(imported) <= _layer(part), f"{part} imports {imported}, which is above it"
        assert (part, imported) not in STRANGERS, f"{part} and {imported} must not know each other"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_answer_one_question(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, "over 400 lines: this file answers more than one question"
    assert path.stem not in BANNED_NAMES
    assert ast.get_docstring(ast.parse(text)), "a module says what question it answers"


def test_language_does_not_know_primitives_or_plans() -> None:
    for path in (PACKAGE / "language").glob("*.py"):
        assert not _imports(path) & {"primitives", "plan", "execution", "files"}, path.name


def test_every_folder_is_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {each.parent.relative_to(ROOT) for each in [*FILES, PACKAGE / "kernels" / "x.py"]}
    listed = project["tool"]["setuptools"]["packages"]
    assert set(listed) == {".".join(each.parts) for each in folders}


@pytest.mark.slow
def test_every_session_is_opened_in_one_place() -> None:
    """Only ``open_session`` wires devices, stores and caches together; others call it."""
    wiring = {"Session", "BackendSelector", "ValidatingSelector", "open_store"}
    for path in FILES:
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        # The public `voxgpu.Session` is another class: its constructor opens a session.
        public = (PACKAGE / "__init__.py", PACKAGE / "python" / "lazy" / "default_session.py")
        own = {"Session"} if path in public else set()
        if path != PACKAGE / "session.py":
            assert not called & wiring - own, path.name


def test_kernels_import_nothing_of_ours() -> None:
    for path in (ROOT / "kernels").glob("*.py"):
        assert not _imports(path), path.name


def _loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after running ``code`` in a new process."""
    script = f"{code}\nimport sys, json; print(json.dumps([m.split('.')[0] for m in sys.modules]))"
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(json.loads(output.splitlines()[-1]))


@pytest.mark.parametrize("module", ["voxgpu", "voxgpu.cli.main", "voxgpu.cli.run"])
def test_starting_loads_nothing_heavy(module: str) -> None:
    assert not _loaded_by(f"import {module}") & HEAVY


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["run", "p.imgql"],
        ["check", "p.imgql"],
        ["cohort", "p.imgql", "--cases", "data/*"],
        ["cohort", "p.imgql", "--cases", "data/*", "--workers", "0", "--no-resume"],
    ],
)
def test_workers_are_loaded_where_they_are_started(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.imgql").write_text('print "two" 1 + 1\n')
    (tmp_path / "data" / "a").mkdir(parents=True)
    code = f"import os; os.chdir({str(tmp_path)!r})\nfrom voxgpu.cli.main import main\n"
    code += f"try: main({words!r})\nexcept SystemExit as ended: assert not ended.code, ended.code"
    assert not _loaded_by(code) & OF_WORKERS


#: What takes long to load and short programs do without, as names in ``sys.modules``.
OF_OTHERS = {"SimpleITK", "numba", "scipy", "PIL", "rich", "psutil", "subprocess", "socket"}
OF_OTHERS |= {"email", "importlib.metadata", "fractions", "statistics", "lark", "pydicom"}

#: Programs, and what of ``OF_OTHERS`` and of a few more modules they load.
PROGRAMS = {
    'print "one" 1': set(),
    'load v = "v.nii.gz"\nprint "n" volume(near(v > 1))': {"isal", "llvmlite"},
    'load v = "v.nii.gz"\nlet b = v > 1\nsave "a.nii.gz" lcc(b) > 0\nsave "b.nii" pdt(b)': {
        "isal",
        "llvmlite",
    },
}


@pytest.mark.parametrize("text", PROGRAMS, ids=["number", "volume", "files"])
def test_programs_load_only_what_they_use(text: str, tmp_path: Path) -> None:
    voxels = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "v.nii.gz")
    (tmp_path / "p.imgql").write_text(text)
    code = f"import os, sys; os.chdir({str(tmp_path)!r})\nfrom voxgpu.cli.main import main\n"
    run = "try: main(['run', '--store', 'none', 'p.imgql'])\n"
    run += "except SystemExit as ended: assert not ended.code, ended.code\n"
    tell = f"print(sorted(({OF_OTHERS!r} | {{'isal', 'llvmlite'}}) & set(sys.modules)))"
    # Kernels are compiled by Numba once, and are in the cache when the second process runs.
    for _ in range(2):
        command = [sys.executable, "-c", code + run + tell]
        ended = subprocess.run(command, capture_output=True, text=True)
        assert not ended.returncode, ended.stderr
    assert set(ast.literal_eval(ended.stdout.splitlines()[-1])) == PROGRAMS[text]


def test_help_loads_nothing_heavy() -> None:
    code = "from voxgpu.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not _loaded_by(code) & HEAVY


def test_checking_this_test() -> None:
    """The layers cover every part of the package, so that nothing escapes the rule."""
    parts = {_part(path) for path in FILES}
    assert parts <= set().union(*LAYERS)
