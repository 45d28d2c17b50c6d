"""Every tutorial is executed, step by step, in an empty folder: files written, commands run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[2] / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: title=(?P<title>\S+))?\n(?P<text>.*?)^```", re.M | re.S)


def _typed(line: str, folder: Path) -> str:
    """The output of a command."""
    arguments = line.removeprefix("$ ").split()
    assert arguments[0] == "voxgpu", line
    done = subprocess.run(
        [sys.executable, "-m", "voxgpu", *arguments[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_works(tutorial: Path, tmp_path: Path) -> None:
    steps = list(BLOCK.finditer(tutorial.read_text()))
    assert any(step["kind"] == "console" for step in steps)
    for step in steps:
        if step["title"]:
            (tmp_path / step["title"]).write_text(step["text"])
        elif step["kind"] == "console":
            _console(step["text"], tmp_path)


def _console(text: str, folder: Path) -> None:
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        expected = [line.rstrip() for line in lines[start + 1 : stop]]
        found = [line.rstrip() for line in _typed(lines[start], folder).splitlines()]
        if expected:
            assert found == expected, lines[start]


@pytest.mark.slow
def test_an_installed_package_brings_its_primitives(tmp_path: Path) -> None:
    (tutorial,) = [each for each in TUTORIALS if each.stem == "own-primitive"]
    blocks = {each["title"]: each["text"] for each in BLOCK.finditer(tutorial.read_text())}
    site = tmp_path / "site"
    information = site / "mine-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "mine.py").write_text(blocks["mine.py"])
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    points = re.search(r"\[project.entry-points.\"(.+)\"\]\n(.+)\n", blocks["pyproject.toml"])
    assert points
    (information / "entry_points.txt").write_text(
        f"[{points[1]}]\n{points[2].replace(chr(34), '')}\n"
    )
    program = tmp_path / "p.imgql"
    program.write_text('print "w" window(50, 100, 1)\n')
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "voxgpu", "check", str(program)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    # The name is known, and so are the types it takes.
    assert "`window` needs an image of numbers as its third argument" in told.stderr
    (site / "mine.py").write_text("raise RuntimeError('broken')\n")
    program.write_text('print "w" 1\n')
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert "warning[W203]" in told.stderr
    assert "broken" in told.stderr
