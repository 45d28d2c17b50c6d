"""The definition of the container, as far as it can be looked at without building it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.commands import check_voxgpu

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "containers" / "voxgpu.def").read_text("utf-8")

#: Sections that Apptainer knows.
_KNOWN = {
    *("arguments", "files", "post", "environment", "runscript", "test", "help", "labels"),
    *("setup", "startscript", "pre", "appinstall"),
}


def _sections() -> dict[str, str]:
    parts = re.split(r"^%(\w+)\n", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _filled(text: str) -> str:
    """A text with the usual values of its arguments."""
    values = dict(line.strip().split("=") for line in _sections()["arguments"].split("\n") if line)
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: values[found[1]], text)


def _commands(section: str) -> list[list[str]]:
    """The commands of voxgpu in a section."""
    lines = [each.strip() for each in _sections()[section].splitlines()]
    return [shlex.split(each)[1:] for each in lines if each.startswith("voxgpu ")]


def test_sections_are_those_of_apptainer() -> None:
    assert {*_sections()} <= _KNOWN and {"post", "runscript", "test"} <= {*_sections()}
    assert "{{" not in _filled(TEXT)  # every argument has a value
    header = TEXT.partition("\n\n")[0]
    assert re.fullmatch(r"Bootstrap: docker\nFrom: python:3\.\d+-slim-\w+", _filled(header))


def test_the_python_is_one_that_voxgpu_runs_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = re.search(r"PYTHON=3\.(\d+)", TEXT)
    least = re.search(r">=3\.(\d+)", project["requires-python"])
    assert found and least and int(found[1]) >= int(least[1])
    extras = re.findall(r"EXTRAS=([\w,]+)", TEXT)
    assert len(extras) == 2
    assert all({*each.split(",")} <= {*project["optional-dependencies"]} for each in extras)


@pytest.mark.parametrize("section", ["post", "environment", "runscript", "test"])
def test_a_section_is_a_script_of_a_plain_shell(section: str) -> None:
    script = _filled(_sections()[section])
    done = subprocess.run(["/bin/sh", "-n"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_of_voxgpu_are_right() -> None:
    for section in ("post", "test"):
        assert _commands(section)
        for words in _commands(section):
            check_voxgpu(words)
    for line in _sections()["help"].splitlines():
        if "apptainer run" in line:
            check_voxgpu(shlex.split(line.partition("voxgpu.sif")[2]))


def test_its_own_test_passes_here(tmp_path: Path) -> None:
    for words in _commands("test"):
        done = subprocess.run(
            [sys.executable, "-m", "voxgpu", *words], cwd=tmp_path, capture_output=True
        )
        assert done.returncode == 0, done.stderr


def test_the_run_script_passes_words_on(tmp_path: Path) -> None:
    (tmp_path / "voxgpu").write_text("#!/bin/sh\nprintf '%s|' \"$@\"\n")
    (tmp_path / "voxgpu").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", _sections()["runscript"], "sh", "cohort", "a b", "*"],
        cwd=tmp_path, env={"PATH": f"{tmp_path}:/bin:/usr/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "cohort|a b|*|"


def test_the_files_that_it_copies_are_what_the_page_builds() -> None:
    page = (ROOT / "docs" / "hpc.md").read_text("utf-8")
    assert "pip wheel --no-deps --wheel-dir dist ." in page
    assert "dist/voxgpu-*.whl" in _sections()["files"]
    assert "dist" in (ROOT / ".gitignore").read_text("utf-8")
