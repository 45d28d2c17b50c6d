"""The tutorial shows the actual output of its lines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import COMMAND

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "repl.md"
PROMPTS = ("voxgpu> ", "   ...> ")


@pytest.mark.slow
def test_every_line_of_the_tutorial(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (phantom,) = re.findall(r"^\$ voxgpu (phantom .*)$", page, re.MULTILINE)
    subprocess.run([*COMMAND, *phantom.split()], cwd=tmp_path, check=True, capture_output=True)
    lines = "".join(re.findall(r"^```repl\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    typed = [line[len(PROMPTS[0]) :] for line in lines.splitlines() if line.startswith(PROMPTS)]
    shown = [line for line in lines.splitlines() if not line.startswith(PROMPTS)]
    done = subprocess.run(
        [*COMMAND, "repl"],
        cwd=tmp_path,
        input="\n".join(typed) + "\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert len(typed) > 8 and done.stdout.splitlines() == shown


def test_the_pipe_of_the_tutorial(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    ((text, shown),) = re.findall(r"^\$ echo '(.*)' \| voxgpu repl\n(.*)$", page, re.MULTILINE)
    done = subprocess.run(
        [*COMMAND, "repl"], cwd=tmp_path, input=text, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{shown}\n"
