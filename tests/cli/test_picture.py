"""`voxgpu picture`: slices of an image with masks, in a PNG file; what cannot be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Drawing

from tests.cli.command import voxgpu
from voxgpu.files.write import write_image
from voxgpu.files.write_volumes import VolumesFile
from voxgpu.image import Grid, Image
from voxgpu.report.montage_regions import MOST_LABELS, labels_of, outlines_of
from voxgpu.report.region_colors import COLORS

SHAPE = (8, 10, 12)
GRID = Grid.regular(SHAPE)


def put(path: Path, voxels: npt.NDArray[np.generic], grid: Grid | None = None) -> Path:
    write_image(path, Image(voxels, grid or Grid.regular(voxels.shape)))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    ramp = np.arange(1, 961, dtype=np.int16).reshape(SHAPE)
    put(tmp_path / "v.nii.gz", ramp)
    mask = np.zeros(SHAPE, bool)
    mask[2:6, 2:8, 2:8] = True
    put(tmp_path / "m.nii.gz", mask)
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6, 2:5, 2:8], labels[2:6, 5:8, 2:8] = 1, 4
    put(tmp_path / "l.nii", labels)
    return tmp_path


def drawn(place: Path, *words: object) -> npt.NDArray[np.uint8]:
    ended = voxgpu("picture", *words, "-o", "new/p.png", cwd=place)
    assert ended.status == 0, ended.err
    assert ended.err.splitlines()[-1].startswith(f"saved {place / 'new/p.png'}, ")
    assert [each.name for each in (place / "new").iterdir()] == ["p.png"]
    with Drawing.open(place / "new/p.png") as picture:
        assert picture.format == "PNG" and picture.mode == "RGB"
        return np.array(picture)


def count(picture: npt.NDArray[np.uint8], color: tuple[int, int, int]) -> int:
    return int((picture == np.array(color, np.uint8)).all(axis=2).sum())


def test_masks_are_outlines_and_overlays_with_a_legend(place: Path) -> None:
    plain = drawn(place, "v.nii.gz", "--size", 96)
    assert not count(plain, COLORS[0])
    filled = drawn(place, "v.nii.gz", "-m", "m.nii.gz", "--size", 96)
    bare = drawn(place, "v.nii.gz", "-m", "m.nii.gz", "--size", 96, "--opacity", 0)
    assert filled.shape == bare.shape and count(filled, COLORS[0]) == count(bare, COLORS[0]) > 500
    legend = 34  # the line above the tiles
    changed = (filled != bare).any(axis=2)
    assert changed[legend:].sum() > 1000 and not changed[:legend].any()
    tinted = filled[changed].astype(int)
    assert (tinted[:, 0] >= tinted[:, 2]).all(), "the overlay is orange"
    assert count(filled[:legend], COLORS[0]) > 20
    both = drawn(place, "v.nii.gz", "-m", "m.nii.gz", "-m", "l.nii", "--title", "three")
    assert all(count(both, each) for each in COLORS[:3])


def test_slices_and_planes_are_chosen(place: Path) -> None:
    for words, tiles in (
        (("--slices", "0,3:7:2"), 4),
        (("--rows", 1, "--columns", 2), 2),
        (("--plane", "coronal", "--slices", "9"), 1),
        (("--plane", "sagittal", "--slices", "11"), 1),
    ):
        picture = drawn(place, "v.nii.gz", "--size", 48, *words)
        assert (picture.shape[1] - 6) // (48 + 6) == tiles
    # The head is up, the front of the patient at the left of sagittal slices.
    sagittal = drawn(place, "v.nii.gz", "--plane", "sagittal", "--slices", "5", "--size", 100)
    tile = sagittal[:, 6:-6, 0]
    middle, left, right = tile.shape[0] // 2, 10, -10
    assert tile[12, 50] > tile[middle, 50] > tile[-12, 50]
    assert tile[middle, right] > tile[middle, left]


def test_images_without_slices_colors_and_labels(place: Path) -> None:
    colors = np.zeros((20, 30, 3), np.uint8)
    colors[:10], colors[10:] = (255, 0, 0), (0, 0, 255)
    put(place / "c.png", colors, Grid.regular((20, 30)))
    picture = drawn(place, "c.png", "--size", 300)
    assert picture.shape[:2] == (200 + 12, 300 + 12)
    assert tuple(picture[50, 100]) == (255, 0, 0) and tuple(picture[150, 100]) == (0, 0, 255)
    labels = drawn(place, "l.nii")
    assert count(labels, COLORS[0]) and count(labels, COLORS[1]) and not count(labels, COLORS[2])
    put(place / "one.nii", np.ones((1, 9, 9), np.float32))
    assert drawn(place, "one.nii", "--size", 90).shape[:2] == (102, 102)


@pytest.mark.parametrize(
    "voxels",
    [
        np.zeros(SHAPE, np.float32),
        np.full(SHAPE, 7, np.int16),
        np.full(SHAPE, np.nan, np.float32),
        np.where(np.arange(960).reshape(SHAPE) % 3, np.nan, -5.0).astype(np.float32),
        np.full(SHAPE, 3.4e38, np.float32),
    ],
    ids=["zero", "constant", "nan", "half nan", "huge"],
)
def test_images_with_little_to_see(place: Path, voxels: npt.NDArray[np.generic]) -> None:
    put(place / "odd.nii", voxels)
    assert drawn(place, "odd.nii", "-m", "m.nii.gz", "--size", 48).shape[2] == 3


def test_volumes(place: Path) -> None:
    file = VolumesFile(place / "v4.nii", 2)
    for number in range(2):
        file.add(number, Image(np.full(SHAPE, 5 + 9 * number, np.int16), GRID))
    ended = voxgpu("picture", "v4.nii", "-o", "p.png", cwd=place)
    assert ended.status == 0 and "v4.nii has 2 volumes: volume 0 is drawn" in ended.err
    assert drawn(place, "v4.nii", "--volume", 1, "-m", "m.nii.gz").size
    assert voxgpu("picture", "v4.nii", "--volume", 2, "-o", "p.png", cwd=place).status == 2
    assert voxgpu("picture", "v.nii.gz", "--volume", 1, "-o", "p.png", cwd=place).status == 2


def test_what_cannot_be_drawn(place: Path) -> None:
    put(place / "other.nii", np.ones(SHAPE, np.uint8), Grid.regular(SHAPE, (1.0, 1.0, 1.5)))
    put(place / "c.png", np.zeros((8, 9, 3), np.uint8), Grid.regular((8, 9)))
    for words, status, text in (
        (("v.nii.gz", "-m", "other.nii"), 1, "`other.nii` is on another grid than `v.nii.gz`: the"),
        (("v.nii.gz", "-m", "c.png"), 1, "`c.png` is an image of colors"),
        (("v.nii.gz", "--slices", "8"), 1, "there is no slice 8: there are slices 0 to 7"),
        (("v.nii.gz", "--slices", "a"), 2, "is not like 40,60,80"),
        (("v.nii.gz", "--slices", "1:5:0"), 2, "is no range of slices"),
        (("v.nii.gz", "--slices", "5:1"), 2, "'5:1' is no range of slices"),
        (("v.nii.gz", "--window", "5,1"), 2, "is not LOW,HIGH"),
        (("v.nii.gz", "--size", 8000, "--rows", 90), 1, "is too large"),
        (("gone.nii",), 1, "cannot read `gone.nii`"),
        (("v.nii.gz", "-m", "gone.nii"), 1, "cannot read `gone.nii`"),
    ):
        ended = voxgpu("picture", *words, "-o", "p.png", cwd=place)
        assert (ended.status, ended.out) == (status, "") and text in ended.err, words
    for output in ("p.jpg", "c.png"):
        assert voxgpu("picture", "c.png", "-o", output, cwd=place).status == 2
    assert "-o picture.png" in voxgpu("picture", "v.nii.gz", cwd=place).err
    assert not (place / "p.png").exists()


def test_labels_are_regions_of_their_own() -> None:
    def names(voxels: npt.NDArray[np.generic]) -> list[str]:
        return [each.name for each in outlines_of([(Path("a/x.nii.gz"), Image(voxels, GRID))])]

    ramp = np.arange(960).reshape(SHAPE)
    assert names((ramp % 3).astype(np.uint8)) == ["x 1", "x 2"]
    assert names((ramp % 2 * 7).astype(np.uint8)) == ["x"]
    assert names((ramp % 3).astype(np.float32)) == names(ramp > 4) == ["x"]
    many = (ramp % (MOST_LABELS + 2)).astype(np.int16)
    assert names(many) == ["x"] and labels_of(Image(many, GRID)) == []


def test_a_mask_of_fractions_is_told_of(place: Path) -> None:
    fractions = np.zeros(SHAPE, np.float32)
    fractions[2:6, 2:8, 2:8], fractions[0, 0, 0] = 0.25, np.nan
    put(place / "f.nii.gz", fractions)
    put(place / "whole.nii.gz", np.where(fractions > 0, 3, fractions).astype(np.float32))
    told = voxgpu("picture", "v.nii.gz", "-m", "f.nii.gz", "-o", "p.png", cwd=place)
    assert told.status == 0 and (place / "p.png").exists()
    first, last = told.err.splitlines()
    assert first.startswith("warning: f.nii.gz has fractions: all voxels that are not 0 are in")
    assert "p > 0.5" in first and last.startswith("saved ")
    quiet = voxgpu(
        "picture", "v.nii.gz", "-m", "whole.nii.gz", "-m", "l.nii", "-o", "p.png", cwd=place
    )
    assert quiet.status == 0 and "warning" not in quiet.err
