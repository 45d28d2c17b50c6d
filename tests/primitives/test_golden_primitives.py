"""Primitives reproduce the results of VoxLogicA 1 on real cases bitwise."""

import numpy as np
import pytest
import SimpleITK as sitk

from tests.primitives.reference import computed
from voxgpu.image import Grid
from voxgpu.primitives.components import through
from voxgpu.primitives.distance import distance
from voxgpu.primitives.intensity_ranks import percentiles
from voxgpu.primitives.morphology import near
from voxgpu.primitives.position import border
from voxgpu.primitives.texture import cross_correlation

pytestmark = pytest.mark.slow

CASES = ("BraTS19_2013_10_1", "BraTS19_CBICA_AAP_1")


@pytest.fixture(scope="module", params=CASES)
def case(request, shared_data):
    """Reads an image of a case: its FLAIR, or one of its golden results."""
    folder = shared_data / "brats19" / request.param
    if not folder.is_dir():
        pytest.skip(f"needs the images of {folder}, which are not here")

    def read(name):
        path = f"{request.param}_flair.nii.gz" if name == "flair" else f"golden/{name}.nii.gz"
        array = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / path)))
        return array.astype(np.float32) if name in ("flair", "pflair") else array > 0

    return read


def smoothened(radius, b):
    """The standard library's opening by a ball, composed of distances."""
    core = computed(distance, ~b) >= np.float32(radius)
    return computed(distance, core) <= np.float32(radius)


def test_brain(case):
    flair = case("flair")
    frame = border.overloads[0].reference([], Grid.regular(flair.shape)).array
    dark = flair < np.float32(0.1)
    background = computed(through, computed(near, frame), dark)
    assert np.array_equal(~background, case("brain"))


def test_percentiles(case):
    result = computed(percentiles, case("flair"), case("brain"), 0.5)
    assert np.array_equal(result.view(np.int32), case("pflair").view(np.int32))


def test_smoothen(case):
    pflair = case("pflair")
    bright = smoothened(5.0, pflair > np.float32(0.93))
    assert np.array_equal(bright, case("hyperIntense@hiThr_0.93"))
    very_bright = smoothened(2.0, pflair > np.float32(0.89))
    assert np.array_equal(very_bright, case("veryIntense@hiThr_0.93-viThr_0.89"))


def test_cross_correlation(case):
    flair, grown = case("flair"), case("growTum@hiThr_0.93-viThr_0.89")
    low, high = float(flair.min()), float(flair.max())
    like = computed(cross_correlation, 5, flair, flair, grown, low, high, 20)
    for likeness in (60, 80):
        expected = case(f"tumStatCC@hiThr_0.93-viThr_0.89-bins_20-simThr_{likeness}")
        assert np.array_equal(smoothened(2.0, like > np.float32(likeness / 100)), expected)
