"""Programs on a slice one voxel thick give the same results as on the 2-D image."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import voxgpu

PROGRAM = """
load v = "$IMAGE"
let a = v > 60
print "near" volume(near(a))
print "interior" volume(interior(a))
print "through" volume(through(v > 95, a))
print "border" volume(border & a)
print "within" volume(distleq(3.1, a))
print "outside" volume(distgeq(2.9, !a))
print "far" max(dt(v > 97))
print "steep" max(gradient(v))
print "apart" hd(a, v > 70)
print "alike" nsd(a, v > 70, 1.5)
print "smooth" max(simpleitk.SmoothingRecursiveGaussian(v, 2))
"""


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_is_as_good_as_a_plane(tmp_path: Path, axis: int, device: str) -> None:
    voxels = np.random.default_rng(axis).integers(0, 100, (14, 17)).astype(np.float32)
    plane = SimpleITK.GetImageFromArray(voxels)
    plane.SetSpacing((1.2, 1.5))
    spacing = [1.2, 1.5]
    spacing.insert(2 - axis, 4.0)
    thick = SimpleITK.GetImageFromArray(np.expand_dims(voxels, axis))
    thick.SetSpacing(spacing)
    printed = []
    for name, image in (("plane", plane), ("slice", thick)):
        path = tmp_path / f"{name}.nrrd"
        SimpleITK.WriteImage(image, str(path))
        result = voxgpu.run(PROGRAM, {"IMAGE": str(path)}, device=device)
        assert not result.errors
        printed.append({each.label: each.value for each in result.prints})
    assert printed[1] == pytest.approx(printed[0], rel=1e-6)
