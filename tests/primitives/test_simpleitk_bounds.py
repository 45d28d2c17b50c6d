"""Numbers that would make SimpleITK use unbounded memory or time are rejected."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.diagnostics import ImgqlError
from voxgpu.primitives import simpleitk_bounds


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ramp = np.arange(125, dtype=np.float32).reshape(5, 5, 5)
    sitk.WriteImage(sitk.GetImageFromArray(ramp), "v.nii")
    sitk.WriteImage(sitk.GetImageFromArray((ramp > 60).astype(np.uint8)), "b.nii")


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    """Limits memory, so that a function called with rejected numbers fails."""
    kept = resource.getrlimit(resource.RLIMIT_DATA)
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        held = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (held + (2 << 30), kept[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, kept)


def problems(expression: str) -> str:
    text = f'import "simpleitk"\nload v = "v.nii"\nload b = "b.nii"\nprint "x" {expression}\n'
    try:
        result = voxgpu.run(text, store="none")
    except ImgqlError as error:
        return str(error)
    return " ".join(each.message for each in result.errors)


BEFORE_RUNNING = [
    ("max(OtsuThreshold(v, 0, 1, 1000000000))", "`numberOfHistogramBins` up to 1,048,576"),
    ("max(HistogramMatching(v, v, 4000000000))", "`numberOfHistogramLevels` up to 1,048,576"),
    ("max(OtsuMultipleThresholds(v, 20))", "tries all 20 thresholds between 128 bins"),
    ("max(CurvatureFlow(v, 0.05, 1000000000))", "`numberOfIterations` up to 100,000, not 1,000,0"),
    ("max(BinomialBlur(v, 1000000))", "`repetitions` up to 100,000"),
    ("max(Median(v, [100000, 1, 1000]))", "neighborhoods of up to 4,194,304 voxels, `radius` asks"),
    ("max(BinaryDilate(b, 4000000))", "`kernelRadius` asks for"),
    ("max(DiscreteGaussian(v, 1, 2000000000))", "`maximumKernelWidth` up to 65,536"),
    ("max(Derivative(v, 0, 1000000))", "`order` up to 64"),
    ("max(LiThreshold(v, 0, 1, 0))", "`numberOfHistogramBins` from 1, not 0"),
    ("max(OtsuThreshold(v, 0, 1, 1))", "`numberOfHistogramBins` from 2, not 1"),
    ("max(ShanbhagThreshold(v, 0, 1, 100000))", "`numberOfHistogramBins` up to 65,536, not 100,0"),
    ("max(OtsuMultipleThresholds(v, 1, 0, 1))", "needs more bins than thresholds, not 1 for 1"),
    ("max(OtsuMultipleThresholds(v, 255))", "needs more bins than thresholds, not 128 for 255"),
    ("max(MinMaxCurvatureFlow(v, nan))", "`timeStep` up to 1,000,000, not nan"),
    ("max(Tile([v, v], [1, 0, 2]))", "takes 0 only as the last number of `layout`"),
    ("max(SpeckleNoise(v, 0.000001))", "`standardDeviation` from 0.001, not 1e-06"),
    ("max(Bilateral(v, 4, 50, 0))", "`numberOfRangeGaussianSamples` from 1, not 0"),
]

WHEN_RUN = [
    ("max(Median(v, [100, 100, 100]))", "`radius` asks for 8,120,601"),
    ("max(BinaryErode(b, 100))", "`kernelRadius` asks for 8,120,601"),
    ("max(Bilateral(v, 1000000))", "`domainSigma` asks for"),
    ("max(ConstantPad(v, 4000000000))", "would give 4000000005×4000000005×4000000005 voxels"),
    ("max(MirrorPad(v, [0, 0, 0], [2000, 2000, 2000]))", "images that it enlarges have at most 2,"),
    ("max(Expand(v, 1000))", "would give 5000×5000×5000 voxels"),
    ("max(Tile([v, v], [100000, 10000, 1]))", "would give 500000×50000×5 voxels"),
    ("max(GaussianSource(sitkFloat32, [100000, 100000, 100]))", "would give 100000×100000×100"),
    ("max(GrayscaleConnectedOpening(v, [5, 0, 0]))", "takes a `seed` within the image only"),
    ("max(CollidingFronts(v, [[0, 5, 0]], [[1, 1, 1]]))", "takes a `seedPoints1` within the im"),
    ("max(CollidingFronts(v, [[0, 0, 0]], [[1, 1, 1], [9, 9, 9]]))", "a `seedPoints2` within"),
    ("max(CheckerBoard(v, v, [9, 1, 1]))", "`checkerPattern` from 1 up to the voxels"),
]


@pytest.mark.parametrize(("expression", "told"), BEFORE_RUNNING + WHEN_RUN)
def test_numbers_beyond_the_bounds_are_told(expression: str, told: str) -> None:
    assert told in problems(expression)


@pytest.mark.parametrize(("expression", "told"), BEFORE_RUNNING)
def test_what_is_known_before_running_is_told_then(expression: str, told: str) -> None:
    text = f'import "simpleitk"\nload v = "v.nii"\nload b = "b.nii"\nprint "x" {expression}\n'
    found = voxgpu.check(text)
    assert any(told in each.message for each in found), found


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [
        "max(OtsuThreshold(v, 0, 1, 1048576))",
        "max(OtsuMultipleThresholds(v, 3))",
        "max(Median(v, [20, 20, 20]))",
        "max(BoxMean(v, 1000000))",
        "max(ConstantPad(v, [10, 20, 30], [1, 2, 3]))",
        "max(Expand(v, [3, 2, 1]))",
        "max(CheckerBoard(v, v, [5, 1, 2]))",
        "max(STAPLE([b, b]))",
        "max(Tile([v, v], [1, 1, 0]))",
        "max(AdditiveGaussianNoise(v, 0))",
        "max(N4BiasFieldCorrection(v + 1, b))",
    ],
)
def test_what_is_within_the_bounds_is_computed(expression: str) -> None:
    assert problems(expression) == ""


def test_images_that_memory_does_not_hold_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = simpleitk_bounds.memory_limits()[0]
    monkeypatch.setattr(simpleitk_bounds, "_LITTLE", 1000)
    monkeypatch.setattr(
        simpleitk_bounds, "memory_limits", lambda: [type(limit)(limit.source, 10_000, 9_000)]
    )
    told = problems("max(ConstantPad(v, 10))")
    assert "would give 15×15×15 voxels, for which the 9,000 bytes left do not suffice" in told
