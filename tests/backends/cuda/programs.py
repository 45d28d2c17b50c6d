"""Small programs for GPU tests, and comparisons of their results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from voxgpu.backends.select import BackendSelector
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.image import Image
from voxgpu.session import Result, Session

#: Most primitives, on one image.
EVERYTHING = """
load v = "v.nii"
let bright = v > 60
let level = 0.5 .*. (min(v) .+. max(v))
print "range" max(v) .-. min(v)
print "mean" avg(v, bright)
print "dice" dice(bright, v > level)
print "kinds" [volume(bright), volume(near(bright))]
save "above.nii" (v - level) / 3
save "place.nii" border | (x > y)
save "grown.nii" grow(bright, v > 30)
save "labels.nii" lcc(bright)
save "distance.nii" dt(bright)
save "smooth.nii" smoothen(3, bright)
save "ranks.nii" percentiles(v, v > 20, 0.5)
save "split.nii" otsu(v, v > 5, 20)
save "like.nii" crossCorrelation(2, v, v, bright, min(v), max(v), 12)
save "slope.nii" gradient(v)
"""


def write_image(path: Path, shape: tuple[int, ...] = (6, 9, 11), seed: int = 1) -> None:
    """A small image with a bright blob."""
    random = np.random.default_rng(seed)
    place = np.indices(shape).astype(float)
    middle = np.array(shape).reshape(-1, *[1] * len(shape)) / 2
    blob = 90 * np.exp(-((place - middle) ** 2).sum(axis=0) / 6)
    voxels = (blob + random.normal(15, 8, shape)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))


def run(text: str, device: str, memory: int | None = None, **session: Any) -> Result:
    """The result of a program; images are not written."""
    devices = BackendSelector(device, 2, memory)
    with Session(None, backend=devices, **session) as opened:
        return opened.execute(compiled(text, opened))


def compiled(text: str, session: Session) -> Any:
    """A program, which must compile without mistakes."""
    found = compile_program(Source("program", text), None, Options(), ask=session.evaluate)
    assert not found.errors, [str(each) for each in found.errors]
    return found


def told(result: Result) -> tuple[Any, ...]:
    """All of a result that is visible to the user, except images and times."""
    messages = [sorted(map(str, each)) for each in (result.errors, result.warnings)]
    return [(each.label, repr(each.value)) for each in result.prints], messages


def assert_same(found: Result, expected: Result) -> None:
    """Asserts that two results are the same, images bitwise."""
    assert told(found) == told(expected)
    assert [each.label for each in found.saved] == [each.label for each in expected.saved]
    for mine, theirs in zip(found.saved, expected.saved, strict=True):
        assert_same_image(mine.image, theirs.image, mine.label)


def assert_same_image(found: Image | None, expected: Image | None, label: str) -> None:
    """Asserts that two images are bitwise the same; all NaN are equal."""
    assert found is not None and expected is not None
    assert found.array.dtype == expected.array.dtype, label
    is_float = found.array.dtype.kind == "f"
    assert np.array_equal(found.array, expected.array, equal_nan=is_float), label
