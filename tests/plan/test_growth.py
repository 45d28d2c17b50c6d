"""The work of compiling grows linearly with the program, counted in calls rather than seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu

KINDS = {
    "volumes": 'print "p{i}" volume(v > {i} / 8)',
    "averages": 'print "p{i}" avg(v, v > {i} / 8)',
    "sequences": 'print "p{i}" [volume(v > {i}), {i}, volume(v < {i})]',
    "texts": 'print "p{i}" format_string("{{}}", max(v + {i}))',
    "numbers": "let a{j} = a{i} * 0.5 + max(v)",
    "known numbers": "let a{j} = a{i} * 0.5 + 1",
    "masks": "let m{j} = m{i} | (v > {i})",
    "boxes": "let m{j} = near(m{i})",
    "components": "let m{j} = through(m{i}, v > 3)",
    "functions": "let f{j}(x) = f{i}(x + 1) * 2",
    "items": 'print "p{i}" (for x in range({i}, 2 + {i}) do volume(v > x))[1]',
}
BEGIN = 'load v = "v.nrrd"\nlet a0 = max(v)\nlet m0 = v > 3\nlet f0(x) = x + max(v)\n'
END = '\nprint "a" a{n}\nprint "m" volume(m{n})\nprint "f" f{n}(1)\n'


def _calls(text: str) -> int:
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        result = voxgpu.run(text)
    finally:
        sys.setprofile(None)
    assert not result.errors
    return count


def _text(line: str, count: int) -> str:
    lines = [line.format(i=i, j=i + 1) for i in range(count)]
    ends = [each for each in END.splitlines() if f"let {each[7:8]}{{j}}" in line]
    return BEGIN + "\n".join([*lines, *(each.format(n=count) for each in ends)]) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_program(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), "v.nrrd")
    _calls(_text(KINDS[kind], 50))  # import and cache everything once
    small, twice, four = (_calls(_text(KINDS[kind], n)) for n in (100, 200, 400))
    # The constant part of the work cancels out. Quadratic work would give 4; the varying number of
    # garbage collections makes it differ from 2.
    assert four - twice < 3 * (twice - small), (small, twice, four)
