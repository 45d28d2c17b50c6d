"""The wheel has everything, and runs where the checkout is not."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import SimpleITK as sitk

from tests.packaging.ci_scripts import script

ROOT = Path(__file__).resolve().parents[2]

#: What the wheel is made of, at the top of a checkout, with what packagers read.
SDIST = {"pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"}
SDIST |= {"voxgpu", "kernels"}

PROGRAM = """
load v = "v.nii.gz"
print "near" volume(near(v > 20))
print "like" max(crossCorrelation(1, v, v, v > 20, 0, 60, 5))
save "grown.nii.gz" grow(smoothen(1, v > 20), v > 30)
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built of the sdist alone."""
    if find_spec("setuptools") is None:
        pytest.skip("building a wheel without the network needs setuptools in this environment")
    folder = tmp_path_factory.mktemp("distributions")
    sdist, wheel = script("distribution").build(folder, folder)
    return sdist, wheel


@pytest.fixture(scope="module")
def wheel(distributions: tuple[Path, Path]) -> Path:
    return distributions[1]


@pytest.mark.slow
def test_the_sdist_has_what_packagers_need_and_no_tests(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[0]) as archive:
        members = archive.getmembers()
    paths = [PurePosixPath(each.name) for each in members]
    tops = {each.parts[1] for each in paths if len(each.parts) > 1}
    made = {"PKG-INFO", "setup.cfg", "voxgpu.egg-info"}
    assert tops - made == SDIST - {"kernels"}
    # The kernels are files there, where Windows has no links.
    assert all(each.isfile() or each.isdir() for each in members)


@pytest.mark.slow
def test_the_wheel_has_every_module_and_kernel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "voxgpu").rglob("*"):
        if path.suffix in (".py", ".lark", ".imgql", ".json", ".css", ".js"):
            assert str(path.relative_to(ROOT)) in names
    for path in (ROOT / "kernels").iterdir():
        if path.suffix in (".py", ".cu", ".cuh", ".md"):
            assert f"voxgpu/kernels/{path.name}" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


@pytest.mark.slow
def test_the_wheel_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    (tmp_path / "program.imgql").write_text(PROGRAM)
    told = []
    for device in ("cpu", "reference"):
        command = [sys.executable, "-P", "-m", "voxgpu", "run", "program.imgql", "-q"]
        # What is installed here in editable form must not be found: the wheel comes first.
        environment = {**os.environ, "PYTHONPATH": str(place)}
        done = subprocess.run(
            [*command, "--device", device],
            cwd=tmp_path, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told[0] == told[1] and "near=" in told[0]
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import voxgpu.kernels; print(voxgpu.kernels.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, env=environment, check=True,
    )  # fmt: skip
    assert str(place) in where.stdout
