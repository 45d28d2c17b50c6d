"""The viewer of pages: volumes as NIfTI files, the pinned script, files beside the page."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.command import voxgpu
from tests.report.parsed_page import check_safe, parsed
from voxgpu.image import Grid, Image
from voxgpu.report import viewer as module
from voxgpu.report.markup import text
from voxgpu.report.page import asset
from voxgpu.report.viewer import NIIVUE, Volume, viewer, volume_of

GRID = Grid(
    (9, 10, 11), (2.0, 1.5, 1.0), (5.0, -7.0, 11.0), (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
)


def read(volume: Volume, folder: Path) -> sitk.Image:
    (folder / "v.nii.gz").write_bytes(volume.content)
    return sitk.ReadImage(str(folder / "v.nii.gz"))


def test_the_script_is_the_pinned_one_and_is_in_pages_as_it_is() -> None:
    digest = hashlib.sha256(asset(NIIVUE).encode("utf-8")).hexdigest()
    assert digest in asset("niivue/README.md")
    assert "BSD 2-Clause" in asset("niivue/LICENSE")


@pytest.mark.parametrize("element", [np.int16, np.float32, np.uint8, np.float64])
def test_volumes_have_the_values_and_the_place_of_the_image(
    tmp_path: Path, element: type[np.generic]
) -> None:
    voxels = np.random.default_rng(0).integers(1, 200, GRID.shape).astype(element)
    volume = volume_of("v", Image(voxels, GRID), False)
    assert volume is not None and not volume.is_region and volume.step == 1
    image = read(volume, tmp_path)
    assert np.allclose(image.GetDirection(), GRID.direction, atol=1e-6)
    assert np.allclose(image.GetOrigin(), GRID.origin, atol=1e-5)
    assert np.allclose(image.GetSpacing(), GRID.spacing[::-1])
    found = sitk.GetArrayFromImage(image)
    wanted = np.clip(voxels.astype(float), volume.low, volume.high)
    assert np.abs(found - wanted).max() <= (volume.high - volume.low) / 255


def test_regions_keep_their_labels(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 5, GRID.shape).astype(np.int32)
    volume = volume_of("v", Image(voxels, GRID), True)
    assert volume is not None and (volume.low, volume.high) == (0.0, 4.0)
    assert np.array_equal(sitk.GetArrayFromImage(read(volume, tmp_path)), voxels)
    mask = volume_of("m", Image(voxels > 2, GRID), True)
    assert mask is not None and mask.high == 1.0
    assert np.array_equal(sitk.GetArrayFromImage(read(mask, tmp_path)), voxels > 2)


def test_the_cross_hair_goes_where_the_largest_slices_of_a_region_meet() -> None:
    mask = np.zeros(GRID.shape, bool)
    assert volume_of("m", Image(mask, GRID), True).center is None  # type: ignore[union-attr]
    mask[4, 2:8, 3:9] = mask[2:6, 5, 3:9] = mask[2:6, 2:8, 7] = True
    volume = volume_of("m", Image(mask, GRID), True)
    assert volume is not None and volume.center is not None
    # Voxel (z, y, x) = (4, 5, 7) by origin, spacing and direction; NIfTI has the opposite x and y.
    assert volume.center == pytest.approx((-(5.0 - 5 * 1.5), -(-7.0 + 7 * 1.0), 11.0 + 4 * 2.0))


def test_large_images_have_fewer_voxels_in_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VOXELS", 200)
    voxels = np.random.default_rng(0).integers(0, 5, GRID.shape).astype(np.uint8)
    volume = volume_of("v", Image(voxels, GRID), True)
    assert volume is not None and volume.step == 2
    image = read(volume, tmp_path)
    assert np.array_equal(sitk.GetArrayFromImage(image), voxels[::2, ::2, ::2])
    assert np.allclose(image.GetOrigin(), GRID.origin, atol=1e-5)
    assert image.GetSpacing() == (2.0, 3.0, 4.0)


def test_flat_and_colored_images_are_not_in_the_viewer() -> None:
    assert volume_of("v", Image(np.ones((5, 5)), Grid.regular((5, 5))), False) is None
    colors = Image(np.ones((5, 5, 5, 3), np.uint8), Grid.regular((5, 5, 5)))
    assert volume_of("v", colors, False) is None
    huge = np.arange(125.0).reshape(5, 5, 5) * 1e300
    assert volume_of("v", Image(huge, Grid.regular((5, 5, 5))), False) is None
    assert volume_of("v", Image(np.ones((1, 5, 5)), Grid.regular((1, 5, 5))), False) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1e29])
def test_strange_images_give_volumes(value: float) -> None:
    voxels = np.full(GRID.shape, value)
    voxels[0, 0] = 7
    volume = volume_of("v", Image(voxels, GRID), False)
    assert volume is not None and np.isfinite(volume.low) and np.isfinite(volume.high)


def _volumes(*sizes: int) -> list[Volume]:
    return [Volume(f"v{n}", bytes(size), n > 0, 0.0, 1.0) for n, size in enumerate(sizes)]


def test_volumes_are_in_the_page_up_to_a_number_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    content, scripts = viewer(_volumes(60, 70, 30), tmp_path / "r.html", False)
    page = parsed(str(text(content)))
    (data,) = page.all("script", id="viewer-data")
    assert [each["name"] for each in json.loads(data.text)["volumes"]] == ["v0", "v2"]
    assert "Too large for this page: v1" in page.all("p")[0].text
    assert base64.b64decode(page.all("script", id="volume-1")[0].text) == bytes(30)
    packed = base64.b64decode(page.all("script", id="niivue")[0].text)
    assert [gzip.decompress(packed).decode("utf-8")] == list(scripts)
    assert not list(tmp_path.iterdir())


def test_volumes_beside_the_page_are_scripts(tmp_path: Path) -> None:
    content, _ = viewer(_volumes(60, 70), tmp_path / "a b.html", True)
    (data,) = parsed(str(text(content))).all("script", id="viewer-data")
    for number, each in enumerate(json.loads(data.text)["volumes"]):
        line = (tmp_path / each["file"]).read_text()
        assert line.startswith(f'voxgpuVolume({number},"') and line.endswith('");\n')


def test_names_of_layers_run_no_script(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    volumes = [replace(each, name=evil) for each in _volumes(5)]
    page = parsed(str(text(viewer(volumes, tmp_path / "r.html", False)[0])))
    assert len(page.all("script")) == 3
    assert json.loads(page.all("script", id="viewer-data")[0].text)["volumes"][0]["name"] == evil


@pytest.mark.parametrize("beside", [False, True])
def test_a_report_has_saved_images_and_their_sources_as_layers(
    tmp_path: Path, beside: bool
) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (8, 9, 10), np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii.gz"))
    program = 'load v = "v.nii.gz"\nsave "a.nii.gz" v > 50\nsave "b.nii.gz" v + 1\n'
    (tmp_path / "p.imgql").write_text(program)
    words = ("--report-data", "beside") if beside else ()
    ended = voxgpu("run", "p.imgql", "--report", "r.html", *words, cwd=tmp_path)
    assert ended.status == 0, ended.err
    page = (tmp_path / "r.html").read_text("utf-8")
    check_safe(page)
    data = json.loads(parsed(page).all("script", id="viewer-data")[0].text)
    assert [each["name"] for each in data["volumes"]] == ["v.nii.gz", "a.nii.gz", "b.nii.gz"]
    assert [each["region"] for each in data["volumes"]] == [False, True, False]
    assert len(list(tmp_path.glob("r_files/*.js"))) == (3 if beside else 0)
