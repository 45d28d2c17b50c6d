"""A browser for all tests of the folder, and the reports that they open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.browser.chromium import Browser, missing
from tests.cli.command import voxgpu

#: Markup that would run, if it were not escaped.
EVIL = "<img src=x onerror=window.hacked=1>"

PROGRAM = f"""load v = "${{CASE}}/v.nii.gz"
let bright = v > $T
print "bright" volume(bright)
print "{EVIL}" "{EVIL}"
save "bright.nii.gz" bright
save "next.nii.gz" v + 1
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if missing():
        pytest.skip(missing())
    opened = Browser()
    yield opened
    opened.driver.quit()


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run and of a cohort of a few cases, of which one lacks its image."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "p.imgql").write_text(PROGRAM)
    z, y, x = np.mgrid[:24, :28, :32]
    for number, name in enumerate(("ann", "ben", "cem")):
        case = folder / "data" / name
        case.mkdir(parents=True)
        distance = (z - 12) ** 2 + (y - 14) ** 2 + (x - 16 + 3 * number) ** 2
        voxels = np.where(distance < 100, 200 - distance, 0).astype(np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(case / "v.nii.gz"))
    (folder / "data" / "cem" / "v.nii.gz").unlink()
    run = ("run", "p.imgql", "-D", "CASE=data/ann", "-D", "T=150", "-o", "out", "--store", "none")
    for words in (("--report", "run.html"), ("--report", "b.html", "--report-data", "beside")):
        ended = voxgpu(*run, *words, cwd=folder)
        assert ended.status == 0, ended.err
    ended = voxgpu(
        *("cohort", "p.imgql", "--cases", "data/*/", "-o", "out", "--workers", "0"),
        *("--sweep", "T=120:180:20", "--report", "cohort.html", "--store", "none"),
        *("--report-data", "beside"),
        cwd=folder,
    )
    assert ended.status == 3, ended.err
    return folder
