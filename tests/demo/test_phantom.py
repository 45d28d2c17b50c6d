"""The synthetic head: reproducible from its seed, at every size, and realistic."""

from __future__ import annotations

from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from voxgpu.demo.anatomy import Points, Tissues, brain_points, new_anatomy, tissues
from voxgpu.demo.noise import Axes
from voxgpu.demo.phantom import (
    EDEMA,
    ENHANCING,
    NECROSIS,
    Phantom,
    _receive,
    make_phantom,
    natural_spacing,
    write_phantom,
)
from voxgpu.image import Image

SEQUENCES = ("flair", "t1", "t1ce", "t2")
SHAPES = [(12, 12, 12), (16, 16, 16), (17, 20, 31), (64, 64, 64), (40, 33, 90)]

Mask = npt.NDArray[np.bool_]


def digest(phantom: Phantom) -> str:
    state = sha256()
    for name in (*SEQUENCES, "truth"):
        state.update(getattr(phantom, name).array.tobytes())
    return state.hexdigest()


def frame_of(shape: tuple[int, ...]) -> Mask:
    frame = np.ones(shape, bool)
    frame[1:-1, 1:-1, 1:-1] = False
    return frame


@pytest.fixture(scope="module")
def case() -> Phantom:
    return make_phantom((80, 96, 76), 4, 2.0)


def anatomy_of(shape: tuple[int, int, int], seed: int) -> tuple[Points, Tissues]:
    """The formulas evaluated on all voxels of a phantom."""
    size = natural_spacing(shape)
    vectors = [((np.arange(n) - (n - 1) / 2) * size).astype(np.float32) for n in shape]
    axes = Axes(*vectors)
    anatomy = new_anatomy(np.random.Generator(np.random.PCG64(seed)))
    points = brain_points(anatomy, axes)
    return points, tissues(anatomy, axes, points)


@pytest.fixture(scope="module")
def where(case: Phantom) -> dict[str, Mask]:
    """The interior of each tissue of ``case`` according to the formulas, without the tumor."""
    shape = case.flair.array.shape
    points, parts = anatomy_of(shape, 4)
    healthy = case.truth.array[points.inside] == 0
    depths = {field.name: getattr(parts, field.name) for field in fields(Tissues)}
    inside = {name: depth > 1.2 for name, depth in depths.items()}
    inside["white"] = np.logical_and.reduce([depth < -2.5 for depth in depths.values()])
    inside["grey"] = (parts.grey > 0.8) & (parts.fluid < -1) & (parts.nuclei < -1)
    masks = {}
    for name, found in inside.items():
        masks[name] = np.zeros(shape, bool)
        masks[name][points.inside] = found & healthy
        assert masks[name].sum() > 20 or name == "vessels", f"the test needs some {name}"
    return masks


def test_equal_seeds_give_equal_bytes() -> None:
    assert digest(make_phantom((24, 30, 28), 5)) == digest(make_phantom((24, 30, 28), 5))


def test_other_seeds_give_other_tumors() -> None:
    masks = [make_phantom((48, 56, 48), seed).truth.array > 0 for seed in range(4)]
    centers = np.array([np.argwhere(mask).mean(axis=0) for mask in masks])
    sizes = {int(mask.sum()) for mask in masks}
    assert len(sizes) == len(masks)
    for first in range(4):
        for second in range(first):
            assert np.linalg.norm(centers[first] - centers[second]) > 2


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_size(shape: tuple[int, int, int]) -> None:
    phantom = make_phantom(shape, 1, 1.5)
    brain = phantom.flair.array > 0
    assert phantom.grid.shape == shape
    assert phantom.grid.spacing == (1.5, 1.5, 1.5)
    for name in SEQUENCES:
        image = getattr(phantom, name)
        assert image.array.dtype == np.int16
        assert image.array.shape == shape
        assert image.grid is phantom.grid
        assert np.array_equal(image.array > 0, brain), "all sequences show the same brain"
        assert image.array.min() == 0
    truth = phantom.truth.array
    assert truth.dtype == np.uint8
    assert set(np.unique(truth)) <= {0, NECROSIS, EDEMA, ENHANCING}
    assert EDEMA in truth
    assert not (truth[~brain]).any(), "a tumor lies in the brain"
    assert not brain[frame_of(shape)].any(), "background reaches the frame"
    # A brain fills its box: along the tightest axis little more than the frame remains.
    extents = [np.ptp(np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {a})))) for a in range(3)]
    assert max(extents[a] / shape[a] for a in range(3)) > 0.55


@pytest.mark.parametrize("seed", range(5))
def test_tumor_takes_about_seven_percent(seed: int) -> None:
    phantom = make_phantom((62, 78, 60), seed)
    share = (phantom.truth.array > 0).sum() / (phantom.flair.array > 0).sum()
    assert 0.06 < share < 0.09
    assert {NECROSIS, EDEMA, ENHANCING} <= set(np.unique(phantom.truth.array))


def test_the_same_head_at_other_resolutions() -> None:
    centers, shares = [], []
    for count in (32, 64):
        truth = make_phantom((count,) * 3, 7).truth.array > 0
        places = (np.argwhere(truth).mean(axis=0) - (count - 1) / 2) * natural_spacing((count,) * 3)
        centers.append(places)
        shares.append(truth.sum() / count**3)
    assert np.linalg.norm(centers[0] - centers[1]) < 3, "head millimeters"
    assert shares[0] == pytest.approx(shares[1], rel=0.25)


def median(image: Image, mask: Mask) -> float:
    return float(np.median(image.array[mask]))


def test_contrasts_of_tissues(case: Phantom, where: dict[str, Mask]) -> None:
    white, grey, fluid = where["white"], where["grey"], where["ventricles"]
    assert median(case.flair, fluid) < 0.6 * median(case.flair, white) < median(case.flair, grey)
    assert median(case.flair, white) < 0.9 * median(case.flair, grey)
    assert median(case.t1, fluid) < median(case.t1, grey) < 0.9 * median(case.t1, white)
    assert median(case.t2, white) < 0.85 * median(case.t2, grey)
    assert median(case.t2, fluid) > 2 * median(case.t2, grey)


def test_contrasts_of_the_tumor(case: Phantom, where: dict[str, Mask]) -> None:
    edema, rim, core = (case.truth.array == label for label in (EDEMA, ENHANCING, NECROSIS))
    white, grey = where["white"], where["grey"]
    assert median(case.flair, edema) > 1.4 * median(case.flair, grey) > median(case.flair, white)
    assert median(case.t1ce, rim) > 1.4 * median(case.t1ce, white)
    assert median(case.t1ce, core) < median(case.t1ce, white)
    assert median(case.t1, edema) < median(case.t1, white)
    assert median(case.t2, edema) > median(case.t2, grey)


def test_it_is_not_too_easy(case: Phantom, where: dict[str, Mask]) -> None:
    """Some of the edema is as dark as some of the healthy brain, as in patients."""
    edema = case.flair.array[case.truth.array == EDEMA]
    healthy = case.flair.array[(case.truth.array == 0) & (case.flair.array > 0)]
    assert np.percentile(edema, 3) < np.percentile(healthy, 99.5)
    white = case.flair.array[where["white"]]
    assert 0.03 < white.std() / white.mean() < 0.25, "noise and shading"


def test_shading_is_smooth_moderate_and_of_each_sequence_its_own(
    case: Phantom, where: dict[str, Mask]
) -> None:
    """The ratio of two sequences in white matter, where texture cancels, varies over the head."""
    ratio = case.flair.array / np.maximum(case.t1.array, 1) * where["white"]
    blocks = [
        ratio[z : z + 20, y : y + 24, x : x + 19]
        for z in range(0, 80, 20)
        for y in range(0, 96, 24)
        for x in range(0, 76, 19)
    ]
    means = [block[block > 0].mean() for block in blocks if (block > 0).sum() > 60]
    assert len(means) > 8
    assert 1.04 < max(means) / min(means) < 1.6
    within = [block[block > 0].std() for block in blocks if (block > 0).sum() > 60]
    assert np.std(means) < 2 * np.mean(within)


def test_stored_values_are_magnitudes_of_at_least_one() -> None:
    generator = np.random.default_rng(0)
    dark = _receive(np.zeros(2000, np.float32), 0.2, generator)
    assert dark.min() == 1, "0 is kept for what is outside of the brain"
    faint = _receive(np.zeros(20000, np.float32), 10.0, generator)
    assert faint.mean() == pytest.approx(10 * np.sqrt(np.pi / 2), rel=0.03), "Rayleigh"


@pytest.mark.parametrize("seed", range(4))
def test_no_tumor_in_the_ventricles_and_no_edema_in_fluid(seed: int) -> None:
    shape = (62, 78, 60)
    points, parts = anatomy_of(shape, seed)
    truth = make_phantom(shape, seed).truth.array[points.inside]
    assert not truth[parts.ventricles > 0.01].any()
    assert EDEMA not in truth[parts.fluid > 0.01]


def test_grid_is_that_of_the_challenge() -> None:
    phantom = make_phantom((16, 20, 18), 0, 2.0)
    assert phantom.grid.origin == (0.0, -38.0, 0.0)
    assert phantom.grid.direction == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def test_natural_spacing_is_one_millimeter_at_the_usual_size() -> None:
    assert natural_spacing((155, 240, 240)) == pytest.approx(1.0, abs=0.01)
    assert natural_spacing((64, 64, 64)) == pytest.approx(192 / 61)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (11, 64, 64)}, "at least 12 voxels"),
        ({"shape": (64, 64)}, "three axes"),
        ({"spacing_mm": 0.0}, "spacing"),
        ({"spacing_mm": float("nan")}, "spacing"),
        ({"spacing_mm": float("inf")}, "spacing"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_wishes_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_phantom(**{"shape": (16, 16, 16), **arguments})  # type: ignore[arg-type]


def test_writing_hands_every_image_over(tmp_path: Path) -> None:
    phantom = make_phantom((12, 14, 13))
    written: dict[Path, Image] = {}
    paths = write_phantom(phantom, str(tmp_path / "head"), written.__setitem__)
    names = ["flair", "t1", "t1ce", "t2", "seg"]
    assert paths == tuple(tmp_path / f"head_{name}.nii.gz" for name in names)
    assert written[paths[4]] is phantom.truth
    for path, name in zip(paths, names[:4], strict=False):
        assert written[path] is getattr(phantom, name)


def test_written_files_hold_the_phantom(tmp_path: Path) -> None:
    import SimpleITK as sitk

    phantom = make_phantom((12, 14, 13), 2, 10.0)
    paths = write_phantom(phantom, str(tmp_path / "new" / "head"))
    flair, truth = sitk.ReadImage(str(paths[0])), sitk.ReadImage(str(paths[4]))
    assert flair.GetPixelID() == sitk.sitkInt16
    assert flair.GetSpacing() == (10.0, 10.0, 10.0)
    assert flair.GetOrigin() == phantom.grid.origin
    assert np.array_equal(sitk.GetArrayFromImage(flair), phantom.flair.array)
    assert np.array_equal(sitk.GetArrayFromImage(truth), phantom.truth.array)
