"""Functions of numbers that are called with images: the help names what is meant, which works."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu

_BEGINNING = """load v = "v.nii"
load w = "w.nii"
let mask = v > 3
let n = 5
"""
_V = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
_W = _V[::-1].copy()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, voxels in (("v", _V), ("w", _W)):
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / f"{name}.nii"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("max(v, mask)", _V.max()),
        ("min(v, mask)", 4),
        ("mean(v)", _V[_V > 3].mean()),
        ("mean(v, mask)", _V[_V > 3].mean()),
        ("avg(v)", _V[_V > 3].mean()),
        ("median(v)", np.median(_V[_V > 3])),
        ("stdev(v)", _V[_V > 3].std(ddof=1, dtype=np.float64)),
        ("volume(v, mask)", (_V > 3).sum()),
        ("max(v, w)", np.maximum(_V, _W)),
        ("min(v, w)", np.minimum(_V, _W)),
        ("max(v, n)", np.maximum(_V, 5)),
        ("max(n, v)", np.maximum(_V, 5)),
        ("min(v, n)", np.minimum(_V, 5)),
    ],
)
def test_the_help_has_an_expression_that_means_it(desk: Path, call: str, value: object) -> None:
    (found,) = voxgpu.check(f'{_BEGINNING}print "wrong" {call}\n')
    written = re.search(r"\w+\([^()]*(?:\([^()]*\))?[^()]*\)", found.help)
    assert found.code in ("E102", "E103") and written, found.help
    if isinstance(value, np.ndarray):
        saved = voxgpu.run(f'{_BEGINNING}save "o.nii" {written[0]}\n')["o.nii"]
        assert np.array_equal(saved.array, value)
    else:
        assert voxgpu.run(f'{_BEGINNING}print "n" {written[0]}\n')["n"] == pytest.approx(value)
