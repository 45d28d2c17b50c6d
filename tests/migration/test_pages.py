"""The pages on coming from VoxLogicA 1 and 2: their tables, and their steps as they are shown.

The results of VoxLogicA are made here with SimpleITK, by which both compute.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from tests.docs.blocks import ROOT, blocks
from tests.docs.commands import check_command
from tests.migration.tables import table_of_rules

PAGES = {
    1: ROOT / "docs" / "coming-from-voxlogica1.md",
    2: ROOT / "docs" / "coming-from-voxlogica2.md",
}
_MARK = "<!-- rules -->\n"


@pytest.mark.parametrize("version", [1, 2])
def test_the_table_of_rules_is_up_to_date(
    version: int, tmp_path: Path, update_golden: bool
) -> None:
    text = PAGES[version].read_text("utf-8")
    before, mark, after = text.partition(_MARK)
    assert mark
    table = "\n" + table_of_rules(version, tmp_path)
    if update_golden:
        PAGES[version].write_text(before + mark + table, "utf-8")
    else:
        assert after == table, "run it with --update-golden"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small head, the programs of the pages, and what VoxLogicA computes."""
    folder = tmp_path_factory.mktemp("coming")
    size = ["--size", "40", "40", "32", "--spacing", "6"]
    _shell(["phantom", "-o", "head", *size], folder)
    for page in PAGES.values():
        for block in blocks(page):
            named = re.match(r"// (\w+\.imgql)\n", block.text)
            if block.kind == "program" and named:
                (folder / named[1]).write_text(block.text)
    (folder / "theirs").mkdir()
    return folder


def _shell(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voxgpu", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


def _dark(flair: sitk.Image) -> sitk.Image:
    """touch(flair <= 25, border), or < 25: no voxel of the head is 25."""
    labels = sitk.ConnectedComponent(flair < 25, True)
    border = np.ones(flair.GetSize()[::-1], bool)
    border[1:-1, 1:-1, 1:-1] = False
    frame = sitk.GetImageFromArray(border.astype(np.uint8))
    frame.CopyInformation(flair)
    near = sitk.BinaryDilate(frame, [1, 1, 1], sitk.sitkBox)
    touching = set(np.unique(sitk.GetArrayFromImage(sitk.Mask(labels, near)))) - {0}
    dark = np.isin(sitk.GetArrayFromImage(labels), list(touching)).astype(np.uint8)
    image = sitk.GetImageFromArray(dark)
    image.CopyInformation(flair)
    return image


@pytest.mark.slow
def test_the_steps_from_version_2(place: Path) -> None:
    flair = sitk.ReadImage(str(place / "head_flair.nii.gz"))
    assert flair.GetPixelID() == sitk.sitkInt16
    theirs = place / "theirs"
    sitk.WriteImage(sitk.Greater(sitk.Divide(flair, 7.0), 60.5), str(theirs / "bright.nii.gz"))
    sitk.WriteImage(sitk.Not(_dark(flair)), str(theirs / "head.nii.gz"))
    _follow(2, place)
    floats = sitk.Divide(sitk.Cast(flair, sitk.sitkFloat32), 7.0)
    sitk.WriteImage(sitk.Greater(floats, 60.5), str(theirs / "bright.nii.gz"))
    _shell(["run", "agreed.imgql", "-o", "ours"], place)
    agreed = _shell(["run", "compare.imgql", "-D", "NAME=bright.nii.gz"], place)
    assert "voxels that differ=0\n" in agreed.stdout


@pytest.mark.slow
def test_the_steps_from_version_1(place: Path) -> None:
    flair = sitk.Cast(sitk.ReadImage(str(place / "head_flair.nii.gz")), sitk.sitkFloat32)
    head = sitk.Not(sitk.And(_dark(flair), sitk.Less(flair, 400)))
    sitk.WriteImage(head, str(place / "theirs" / "head.nii.gz"))
    shutil.rmtree(place / "ours", ignore_errors=True)
    _follow(1, place)


def _follow(version: int, place: Path) -> None:
    """Runs the commands of a page in order, and compares their output with what is shown."""
    script = place / "voxgpu"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m voxgpu "$@"\n')
    script.chmod(0o755)
    path = f"{place}{os.pathsep}{os.environ['PATH']}"
    for block in blocks(PAGES[version]):
        if block.kind != "shell":
            continue
        for command, expected in block.commands:
            check_command(command)
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=place, capture_output=True, encoding="utf-8", env={**os.environ, "PATH": path},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            told = done.stderr if "check" in command else done.stdout
            assert "\n".join(expected).strip() == (told.strip() if expected else ""), command


@pytest.mark.slow
def test_programs_for_both_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    for page in PAGES.values():
        for block in blocks(page):
            if block.kind == "program" and not block.text.startswith("// "):
                assert voxgpu.run(block.text).prints
