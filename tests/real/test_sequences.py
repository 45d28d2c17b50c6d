"""Programs with sequences on real MRI, against NumPy, SciPy and SimpleITK."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

import voxgpu
from voxgpu.compile import Options, compile_program, read_source
from voxgpu.execution.events import Event, Finished
from voxgpu.image import Image
from voxgpu.session import Result, Session

PROGRAMS = Path(__file__).parent / "programs"


def _run(name: str, **define: object) -> tuple[Result, list[str]]:
    """The results of a program, and the primitives that were computed."""
    computed: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, Finished):
            computed.extend(node.primitive.names[0] for _, node in event.task.nodes)

    path = PROGRAMS / f"{name}.imgql"
    options = Options({key: str(value) for key, value in define.items()})
    session = Session(None, observe=observe)
    result = session.execute(
        compile_program(read_source(path), path, options, ask=session.evaluate)
    )
    assert result.errors == ()
    assert [each for each in result.warnings if each.code != "W101"] == []
    return result, computed


def _voxels(path: Path) -> Any:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@pytest.fixture
def case(shared_data: Path) -> Path:
    """The common prefix of a case's files."""
    name = "BraTS19_2013_10_1"
    return shared_data / "brats19" / name / name


@pytest.fixture
def t1(shared_data: Path) -> Path:
    return shared_data / "chris_t1.nii.gz"


def test_all_thresholds_are_a_lazy_sequence(t1: Path) -> None:
    result, computed = _run("threshold_sweep", T1=t1)
    voxels = _voxels(t1)
    low, high = int(voxels.min()), int(voxels.max())
    assert result.values["masks"] == high - low + 1
    wanted = [low + 10, low + 60, high]
    assert result.values["volumes"] == tuple(float((voxels >= t).sum()) for t in wanted)
    mask = result.values["mask_060.nii.gz"]
    assert isinstance(mask, Image)
    assert np.array_equal(mask.array, voxels >= low + 60)
    # Three of all the masks were computed, one of them for two goals.
    assert computed.count(">=") == 3
    assert computed.count("load") == 1


@pytest.mark.slow
def test_the_grid_of_thresholds_of_the_tumor_program(case: Path) -> None:
    result, computed = _run("tumor_grid", CASE=case)
    scores = np.array(result.values["scores"])
    assert scores.shape == (7, 11)
    assert result.values["best"] == scores.max()
    at = np.unravel_index(scores.argmax(), scores.shape)
    assert result.values["at"] == (0.9 + at[0] / 100, 0.84 + at[1] / 100)
    best = result.values["best.nii.gz"]
    assert isinstance(best, Image)
    truth = _voxels(Path(f"{case}_seg.nii.gz")) > 0
    compared = False
    dice = 2 * (best.array & truth).sum() / (best.array.sum() + truth.sum())
    assert dice == pytest.approx(scores.max(), rel=1e-12)
    # Work independent of the thresholds is done once, dependent work once for each threshold.
    assert computed.count("percentiles") == 1
    assert computed.count("dice") == 77
    assert computed.count(">.") + computed.count(">") <= 1 + 7 + 11 + 4
    # The published thresholds are in the grid; version 1's result has the same score.
    for path in (case.parent / "golden").glob("growTum@*.nii.gz"):
        hi, vi = (float(each) for each in re.findall(r"Thr_([\d.]+\d)", path.name))
        golden = _voxels(path) > 0
        dice = 2 * (golden & truth).sum() / (golden.sum() + truth.sum())
        assert scores[round(100 * hi) - 90, round(100 * vi) - 84] == pytest.approx(dice, rel=1e-12)
        compared = True
    assert compared


@pytest.mark.slow
def test_the_slice_that_shows_most_of_a_tumor(case: Path) -> None:
    result, _ = _run("slice_of_largest_area", CASE=case)
    tumor = _voxels(Path(f"{case}_seg.nii.gz")) > 0
    areas = tumor.sum(axis=(1, 2))
    assert result.values["slice"] == int(areas.argmax())
    assert result.values["area"] == int(areas.max())
    shown = result.values["slice.png"]
    assert isinstance(shown, Image)
    flair = _voxels(Path(f"{case}_flair.nii.gz")).astype(np.float32)
    place = int(areas.argmax())
    assert np.array_equal(shown.array, np.where(tumor, flair, 0)[place : place + 1])


def test_filters_of_simpleitk_between_spatial_operators(t1: Path) -> None:
    result, _ = _run("filters_and_space", T1=t1)
    whole = sitk.ReadImage(str(t1))
    head = sitk.Cast(sitk.RegionOfInterest(whole, [90, 90, 60], [60, 70, 60]), sitk.sitkUInt8)
    smooth = sitk.CurvatureFlow(head, 0.05, 3)
    edges = sitk.GradientMagnitude(sitk.SmoothingRecursiveGaussian(smooth, 1))
    seeds = sitk.GetArrayFromImage(sitk.BinaryThreshold(smooth, 80, 140)) > 0
    assert result.values["seeds"] == seeds.sum()
    box = np.ones((3, 3, 3), dtype=bool)
    near = ndimage.binary_dilation(seeds, box)
    labels, _ = ndimage.label(near, box)
    start = seeds & (sitk.GetArrayFromImage(edges) < 12)
    region = near & np.isin(labels, np.unique(labels[start]))
    assert result.values["region"] == region.sum()
    itk = sitk.GetImageFromArray(region.astype(np.uint8))
    components = sitk.RelabelComponent(sitk.ConnectedComponent(itk))
    assert result.values["components"] == sitk.GetArrayFromImage(components).max()
    contours = result.values["contours.nii.gz"]
    assert isinstance(contours, Image)
    expected = sitk.GetArrayFromImage(sitk.LabelContour(components))
    assert np.array_equal(contours.array, expected)


def test_a_program_over_twenty_images_of_a_folder(t1: Path, tmp_path: Path) -> None:
    whole = sitk.ReadImage(str(t1))
    folder = tmp_path / "cases"
    folder.mkdir()
    expected = []
    for number in range(20):
        part = sitk.RegionOfInterest(whole, [60, 60, 20], [60, 70, 20 + 6 * number])
        sitk.WriteImage(part, str(folder / f"case_{number:02}.nii.gz"))
        voxels = sitk.GetArrayFromImage(part).astype(np.float32)
        count = int((voxels > np.float32(0.75 * voxels.max())).sum())
        expected.append(count * float(np.prod(part.GetSpacing())))
    (folder / "notes.txt").write_text("these are cases\n")
    result, computed = _run("folder_of_cases", FOLDER=folder)
    assert result.values["cases"] == 20
    # SimpleITK returns spacings as the float32 of the file, not as the decimals they represent.
    assert result.values["volumes"] == pytest.approx(tuple(expected), rel=1e-7)
    best = int(np.argmax(expected))
    assert result.values["most"] == str(folder / f"case_{best:02}.nii.gz")
    assert computed.count("load") == 20
    mask = result.values["most.nii.gz"]
    assert isinstance(mask, Image)
    assert mask.array.sum() > 0


def test_the_sequence_api_of_python(t1: Path) -> None:
    text = f'load v = "{t1}"\nprint "q" for t in [60, 90] do volume(v >= t)\n'
    voxels = _voxels(t1)
    expected = tuple(float((voxels >= t).sum()) for t in (60, 90))
    assert voxgpu.run(text).values == {"q": expected}
