"""The commands of documentation about job arrays, on a real SLURM."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cohorts.tables import csv_rows
from tests.docs.blocks import ROOT, Block, blocks
from tests.slurm.jobs import Slurm

pytestmark = pytest.mark.slow

_PAGE = ROOT / "docs" / "hpc.md"


def _arrays() -> list[Block]:
    """The blocks about job arrays, in their order."""
    found = [each for each in blocks(_PAGE) if re.search(r"^sbatch ", each.text, re.MULTILINE)]
    assert len(found) == 2
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two cases and the program of the page on cohorts."""
    size = ["--size", "24", "24", "20", "--spacing", "9"]
    for name in ("data/ann/ann", "data/ben/ben"):
        command = [sys.executable, "-m", "voxgpu", "phantom", "-o", name, *size]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    programs = [each.text for each in blocks(ROOT / "docs" / "cohorts.md")]
    (program,) = [each for each in programs if each.startswith('load flair = "${CASE}_flair')]
    (tmp_path / "sweep.imgql").write_text(program)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "voxgpu"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voxgpu "$@"\n')
    script.chmod(0o755)
    return tmp_path


def test_commands_about_job_arrays_do_what_the_page_says(slurm: Slurm, place: Path) -> None:
    environment = {**slurm.variables, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    table, job = place / "cohort.csv", ""
    for block in _arrays():
        for command, _ in block.commands:
            shell = f"id={job}; {command}"
            done = subprocess.run(
                ["bash", "-c", shell], cwd=place, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, (command, done.stderr)
            if command.startswith("sbatch"):
                job = done.stdout.split()[-1]
                slurm.finish(job)
            if "merge" in command:
                rows = csv_rows(table)
                assert [row["case"] for row in rows] == ["ann", "ben"]
                assert {row["status"] for row in rows} == {"done"}
                table.unlink()
    (log,) = (place / "cohort.csv.jobs").glob("*_1.log")
    assert "with 2 threads" in log.read_text()


def test_the_page_names_what_a_script_has(slurm: Slurm, place: Path) -> None:
    """`id=$(sbatch --parsable job.sh)` is the number of the array, as the page says."""
    (place / "job.sh").write_text("#!/bin/bash\n#SBATCH --array=1-2\n#SBATCH --output=/dev/null\n")
    shell = "id=$(sbatch --parsable job.sh); echo $id"
    assert shell.split(";")[0] in _PAGE.read_text()
    done = subprocess.run(
        ["bash", "-c", shell], cwd=place, env=slurm.variables, capture_output=True, text=True
    )
    assert re.fullmatch(r"\d+\n", done.stdout), done.stderr
    slurm.finish(done.stdout.strip())
