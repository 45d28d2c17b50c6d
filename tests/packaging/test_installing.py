"""How voxgpu is installed: what `make` does, what the metadata and the conda environment say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

#: What conda-forge calls a package that PyPI calls otherwise.
OF_CONDA = {"isal": "python-isal", "xxhash": "python-xxhash"}

_OLD = "#!/bin/sh\nexit 1\n"
_NEW = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make` looks at, in a folder where it may do what it likes."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _make(
    folder: Path, *arguments: str, pythons: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs make where the search path has only these Pythons."""
    place = folder / "programs"
    place.mkdir()
    for name, text in (pythons or {"python3": _NEW}).items():
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    make = shutil.which("make")
    assert make
    return subprocess.run(
        [make, *arguments], cwd=folder, env={"PATH": str(place)}, capture_output=True, text=True
    )


def test_the_demo_needs_nothing_but_what_programs_need(checkout: Path) -> None:
    done = _make(checkout, "--dry-run", "demo")
    (installing,) = [line for line in done.stdout.splitlines() if " install --" in line]
    assert installing.endswith("--editable .")
    assert "--quiet" not in installing


def test_tests_need_what_developers_need(checkout: Path) -> None:
    assert '--editable ".[dev]"' in _make(checkout, "--dry-run", "test").stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python3", "python3.11", "python3.12", "python3.13", "python"])
def test_the_first_python_that_is_new_enough_is_taken(checkout: Path, name: str) -> None:
    pythons = {"python3": _OLD, "python3.14": _OLD, name: _NEW}
    done = _make(checkout, "--dry-run", "demo", pythons=pythons)
    assert f'"{name}" -m venv' in done.stdout, done.stderr


@pytest.mark.parametrize("argument", [[], ["PYTHON=python3"], ["PYTHON=nowhere"]])
def test_no_python_that_is_new_enough(checkout: Path, argument: list[str]) -> None:
    done = _make(checkout, "demo", *argument, pythons={"python3": _OLD})
    assert done.returncode == 2
    assert "voxgpu needs Python 3.11 or newer" in done.stdout
    assert "PYTHON=" in done.stdout
    assert not (checkout / ".venv").exists()


def test_a_python_that_makes_no_environments(checkout: Path) -> None:
    without = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n'
    done = _make(checkout, "demo", pythons={"python3": without})
    assert done.returncode == 2
    assert "python3-venv" in done.stdout
    assert not (checkout / ".venv").exists()


def test_the_conda_environment_has_what_programs_need() -> None:
    text = (ROOT / "environment.yml").read_text("utf-8")
    listed = {
        name.lower(): least for name, least in re.findall(r"^  - ([\w-]+) >=([\d.]+)$", text, re.M)
    }
    needed = {"python": PROJECT["requires-python"].removeprefix(">=")}
    for each in PROJECT["dependencies"]:
        name, least = each.split(">=")
        needed[OF_CONDA.get(name, name).lower()] = least
    listed.pop("setuptools")
    assert listed == needed


def test_the_metadata_say_who_and_where() -> None:
    assert PROJECT["authors"]
    assert PROJECT["readme"] == "README.md"
    assert "Report problems" in (ROOT / "README.md").read_text("utf-8")
    for address in PROJECT["urls"].values():
        assert address.startswith("https://")
