"""Threshold searches that would crash SimpleITK, or never end, are reported."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.image import Grid, Image
from voxgpu.itk.alone import compute_isolated
from voxgpu.itk.process import simpleitk
from voxgpu.primitives import simpleitk_filter
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.simpleitk_call import caller
from voxgpu.primitives.simpleitk_signature import Signature, signatures

GRID = Grid(
    (5, 6, 7), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
)
RANDOM = np.random.default_rng(0).integers(0, 250, GRID.shape)

#: Images, most of which have nearly empty histograms.
IMAGES: dict[str, Any] = {
    "random": RANDOM,
    "two values": RANDOM // 125,
    "one value": np.full(GRID.shape, 7),
    "least value": np.full(GRID.shape, -128),
    "one voxel differs": (np.max(RANDOM) == RANDOM) * 9,
}
MASKS: dict[str, Any] = {
    "no mask": None,
    "one voxel": (np.arange(RANDOM.size) == 0).reshape(GRID.shape) * 255,
    "others than 255": np.ones(GRID.shape),
}

#: ITK's functions that search for one threshold in a histogram.
NAMES = tuple(
    name
    for name in dir(sitk)
    if name.endswith("Threshold")
    and hasattr(getattr(sitk, f"{name}ImageFilter", None), "SetNumberOfHistogramBins")
)


def _signature(name: str, masked: bool) -> Signature:
    found = signatures(name, getattr(sitk, name))
    return next(s for s in found if any(a.name == "maskImage" for a in s.arguments) == masked)


def outcome(name: str, array: Any, mask: Any, bins: int) -> Image | str:
    """The result of a function, or its error message."""
    images = [Image(array, GRID)] + ([] if mask is None else [Image(mask.astype(np.uint8), GRID)])
    try:
        made = caller(_signature(name, mask is not None))([*images, 1.0, 0.0, float(bins)], GRID)
    except UndefinedValueError as problem:
        return str(problem)
    assert isinstance(made, Image)
    return made


def try_all() -> None:
    """Asks for thresholds of all images; prints functions and the number of thresholds found."""
    for name in sorted(set(NAMES) - simpleitk_filter.PERILOUS):
        print(name, end=" ", flush=True)
        count = 0
        for element in ("uint8", "int16", "float32"):
            for image, mask, bins in product(IMAGES.values(), MASKS.values(), (2, 4, 64)):
                count += isinstance(outcome(name, image.astype(element), mask, bins), Image)
        print(count)


@pytest.mark.slow
def test_no_histogram_ends_the_process() -> None:
    call = [sys.executable, "-c", f"import {__name__} as t; t.try_all()"]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(line.split() for line in done.stdout.splitlines())
    assert len(counts) == len(NAMES) - len(simpleitk_filter.PERILOUS)
    assert all(int(count) > 0 for count in counts.values()), counts


@pytest.mark.parametrize(
    ("element", "image", "mask", "bins"),
    [
        ("uint8", "two values", "no mask", 64),
        ("uint8", "one value", "no mask", 4),
        ("uint8", "one voxel differs", "no mask", 8),
        ("uint8", "one value", "one voxel", 4),
        ("int8", "least value", "no mask", 64),
    ],
)
def test_renyi_s_entropy_needs_more_than_the_first_bin(
    element: str, image: str, mask: str, bins: int
) -> None:
    told = outcome("RenyiEntropyThreshold", IMAGES[image].astype(element), MASKS[mask], bins)
    assert isinstance(told, str)
    assert f"all voxels that count are in the first of {bins} bins" in told


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(simpleitk_filter.PERILOUS))
@pytest.mark.parametrize(("element", "image"), [("uint8", "random"), ("int16", "one value")])
def test_what_is_computed_alone_is_the_same(name: str, element: str, image: str) -> None:
    array = IMAGES[image].astype(element)
    found = outcome(name, array, None, 64)
    direct = getattr(simpleitk(), name)(sitk.GetImageFromArray(array), 1, 0, 64)
    assert isinstance(found, Image)
    assert (found.array == sitk.GetArrayFromImage(direct)).all()


@pytest.mark.slow
def test_what_never_ends_is_given_up() -> None:
    with pytest.raises(RuntimeError, match="found no result in 1 s of work, and may never end"):
        compute_isolated(exec, "while True: pass", seconds=1)


@pytest.mark.parametrize("name", sorted(simpleitk_filter.PERILOUS))
def test_what_may_never_end_has_a_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def given_up(*_: object, seconds: int) -> None:
        limits.append(seconds)
        raise RuntimeError("given up")

    monkeypatch.setattr(simpleitk_filter, "compute_isolated", given_up)
    told = outcome(name, RANDOM.astype(np.float32) * np.float32(1e30), None, 3)
    assert told == f"`simpleitk.{name}` failed: given up"
    assert limits == [20]


def test_a_process_that_ends_is_told() -> None:
    infinite = RANDOM.astype(np.float32)
    infinite[0, 0, 0] = np.inf
    told = outcome("TriangleThreshold", infinite, MASKS["one voxel"], 64)
    assert isinstance(told, str)
    assert "the process that computes it ended with -" in told
