"""The CPU backend reproduces the results of VoxLogicA 1.3 on real MRI, voxel for voxel."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import voxgpu
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image

CASES = ("BraTS19_2013_10_1", "BraTS19_CBICA_AAP_1")

_PARAMETERS = re.compile(
    r"(?P<name>\w+)@hiThr_(?P<hi>[\d.]+?)(-viThr_(?P<vi>[\d.]+?))?"
    r"(-bins_(?P<bins>\d+)-simThr_(?P<sim>\d+))?\.nii\.gz$"
)

_FORMULAS = {
    "hyperIntense": "hyper({hi})",
    "veryIntense": "very({vi})",
    "growTum": "grown({hi}, {vi})",
    "tumStatCC": "like({hi}, {vi}, {bins}, {sim} ./. 100)",
}

_HEAD = """
load flair = "$CASE"
let f = intensity(flair)
let brain = !touch(f <. 0.1, border)
let pflair = percentiles(f, brain, 0.5)
let hyper(hi) = smoothen(5.0, pflair >. hi)
let very(vi) = smoothen(2.0, pflair >. vi)
let grown(hi, vi) = grow(hyper(hi), very(vi))
let like(hi, vi, bins, sim) =
    smoothen(2.0, crossCorrelation(5, f, f, grown(hi, vi), min(f), max(f), bins) >. sim)
save "brain.nii.gz" brain
save "pflair.nii.gz" pflair
"""


def golden_program(names: list[str]) -> str:
    """A program that saves golden files under their names, which encode their expressions."""
    lines = [_HEAD]
    for name in names:
        match = _PARAMETERS.match(name)
        assert match, name
        lines.append(f'save "{name}" {_FORMULAS[match["name"]].format(**match.groupdict())}')
    return "\n".join(lines)


def _program(golden: Path) -> str:
    """A program that saves every file of the folder under its name."""
    return golden_program([path.name for path in sorted(golden.glob("*@*.nii.gz"))])


def _orientation(path: Path) -> bytes:
    return read_header(path).grid.nifti


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_golden_file(case: str, shared_data: Path, tmp_path: Path) -> None:
    check_golden_files(case, shared_data, tmp_path)


def check_golden_files(case: str, data: Path, output: Path, device: str = "auto") -> None:
    """Asserts that a device reproduces every golden file of a case."""
    folder = data / "brats19" / case
    flair = folder / f"{case}_flair.nii.gz"
    program = _program(folder / "golden")
    result = voxgpu.run(program, {"CASE": flair}, output, device=device)
    assert not result.errors
    golden = sorted(path.name for path in (folder / "golden").glob("*.nii.gz"))
    assert sorted(saved.label for saved in result.saved) == golden
    for name in golden:
        ours = read_image(read_header(output / name)).array
        theirs = read_image(read_header(folder / "golden" / name)).array
        if name == "pflair.nii.gz":
            assert np.array_equal(ours.view(np.int32), theirs.view(np.int32)), name
        else:
            assert np.count_nonzero((ours > 0) != (theirs > 0)) == 0, name
        assert _orientation(output / name) == _orientation(flair), name


@pytest.mark.slow
def test_the_tumor_program_as_a_user_runs_it(shared_data: Path, tmp_path: Path) -> None:
    check_tumor_program(shared_data, tmp_path)


def check_tumor_program(data: Path, output: Path, device: str = "auto") -> None:
    """Asserts that the tumor program on a device, as a process, reproduces the golden results."""
    case = CASES[0]
    folder = data / "brats19" / case
    parameters = [f"CASE={folder / case}", "HI=0.93", "VI=0.89", "BINS=20", "SIM=0.6"]
    command = [
        *(sys.executable, "-m", "voxgpu", "run", str(data / "programs" / "tumor.imgql")),
        *(word for parameter in parameters for word in ("-D", parameter)),
        *("-o", str(output), "--device", device),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    dice = dict(line.split("=") for line in done.stdout.splitlines())
    assert set(dice) == {"dice_hyperIntense", "dice_growTum", "dice_gtv"}
    assert all(0.7 < float(value) < 1 for value in dice.values())
    assert len(list(output.glob("*.nii.gz"))) == 7
    found = read_image(read_header(output / "tumStatCC.nii.gz")).array
    name = "tumStatCC@hiThr_0.93-viThr_0.89-bins_20-simThr_60.nii.gz"
    wanted = read_image(read_header(folder / "golden" / name)).array
    assert np.array_equal(found > 0, wanted > 0)
