"""Running the rows: the other tool, ImgQL and Python, on the same files."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk

import voxgpu
from tests.docs.tools.fslstats import STATED
from tests.docs.tools.images import LOADS
from tests.docs.tools.row import Row

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)(?![\w.])")


def missing(tool: str) -> str:
    """Why a tool cannot be run here; empty if it can."""
    if tool == "fslmaths" and find_spec("niimath") is None:
        return "niimath, which stands for fslmaths, is not installed: pip install niimath"
    if tool == "c3d" and shutil.which("c3d") is None and find_spec("picsl_c3d") is None:
        return "c3d is not installed: pip install picsl-c3d"
    if tool == "mrtrix" and shutil.which("mrcalc") is None:
        return "MRtrix3 is not installed: apt-get install mrtrix3"
    return ""


def theirs(tool: str, row: Row, folder: Path) -> Any:
    """The array of the image that a command writes, or the numbers that it prints.

    folder  that of the images of ``write_images``; the image is written there
    """
    if tool == "simpleitk":
        return _simpleitk(row, folder)
    if tool == "fslstats":
        arrays = {each: nibabel.load(folder / f"{each}.nii").get_fdata().T for each in "vml"}
        return np.ravel(eval(STATED[row.theirs], {"np": np, **arrays})).tolist()
    printed = _RUN[tool](row.theirs, folder)
    if row.columns:
        rows = (_NUMBER.findall(line)[: row.columns] for line in printed.splitlines()[1:])
        return [float(each) for found in rows for each in found if float(found[0])]
    if row.prints:
        return [float(each) for each in _NUMBER.findall(printed)]
    # By nibabel: ITK reads NaN and infinities as 0.
    return np.asarray(nibabel.load(folder / "out.nii").dataobj).T


def _shell(words: Sequence[str], folder: Path) -> str:
    environment = {
        **os.environ,
        "FSLOUTPUTTYPE": "NIFTI",
        "MRTRIX_QUIET": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _fslmaths(command: str, folder: Path) -> str:
    from niimath import bin_path

    program, *words = shlex.split(command)
    assert program == "fslmaths"
    return _shell([str(bin_path), *words], folder)


def _c3d(command: str, folder: Path) -> str:
    program, *words = shlex.split(command)
    assert program == "c3d"
    if shutil.which("c3d"):
        return _shell(["c3d", *words], folder)
    from picsl_c3d import Convert3D

    paths = [str(folder / each) if each.endswith(".nii") else each for each in words]
    printed = io.StringIO()
    Convert3D().execute(shlex.join(paths), out=printed)
    return printed.getvalue()


def _mrtrix(command: str, folder: Path) -> str:
    (folder / "out.nii").unlink(missing_ok=True)
    printed = ""
    for each in command.split(" && "):
        words = shlex.split(each)
        printed = _shell([*words, "-force", "-nthreads", "0"], folder)
    return printed


_RUN = {"fslmaths": _fslmaths, "c3d": _c3d, "mrtrix": _mrtrix}


def _simpleitk(row: Row, folder: Path) -> Any:
    names = {each: sitk.ReadImage(str(folder / f"{each}.nii")) for each in "vwmlt"}
    found = eval(
        row.theirs, {"sitk": sitk, "np": np, **names, "b": names["m"] > 0, "c": names["w"] > 100}
    )
    if isinstance(found, sitk.Image):
        return _array(found)
    return [float(each) for each in np.ravel(found)]


def ours(rows: Sequence[Row], folder: Path) -> list[Any]:
    """The arrays, or the numbers, of the expressions in ImgQL, all computed in one run."""
    commands = [
        f'print "{number}" {each.imgql}' if each.prints else f'save "{number}.nii" {each.imgql}'
        for number, each in enumerate(rows)
    ]
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = voxgpu.run(LOADS + "\n".join(commands) + "\n", store=None)
    finally:
        os.chdir(before)
    return [
        _numbers(result[str(number)]) if each.prints else result[f"{number}.nii"].array
        for number, each in enumerate(rows)
    ]


def in_python(rows: Sequence[Row], folder: Path) -> list[Any]:
    """The same of the expressions in Python."""
    names: dict[str, Any] = {each: voxgpu.load(folder / f"{each}.nii") for each in "vwmltf"}
    names |= {"vx": voxgpu, "sitk": sitk, "b": names["m"] > 0, "c": names["w"] > 100}
    values = voxgpu.compute(*(eval(each.in_python, names) for each in rows))
    return [
        _numbers(value) if each.prints else value.array
        for each, value in zip(rows, values, strict=True)
    ]


def _numbers(value: Any) -> list[float]:
    return [float(each) for each in np.ravel(np.asarray(value))]


def _array(image: sitk.Image) -> np.ndarray:
    return np.asarray(sitk.GetArrayFromImage(image))


def difference(row: Row, there: Any, here: Any) -> str:
    """How two results differ; empty if they do not.

    Numbers are equal if they differ by 10⁻¹² of the greatest: sums are made in another order.
    """
    if row.prints:
        there, here = np.array(there), np.array(here)
    if there.shape != here.shape:
        return f"shape {there.shape} there, {here.shape} here"
    inside = tuple(slice(row.frame, size - row.frame) for size in there.shape)
    if not row.prints:
        there, here = there[inside], here[inside]
    there, here = there.astype(np.float64), here.astype(np.float64)
    same = (there == here) | (np.isnan(there) & np.isnan(here))
    with np.errstate(invalid="ignore"):
        same |= np.abs(there - here) <= max(row.tolerance, row.prints * 1e-12 * np.abs(here).max())
        worst = np.abs(there - here)[~same].max(initial=0)
    if same.all():
        return ""
    first = tuple(int(each[0]) for each in np.nonzero(~same))
    count = f"{np.count_nonzero(~same)} of {same.size} differ, by up to {worst:.6g}"
    return f"{count}; first at {first}: {there[first]} there, {here[first]} here"
