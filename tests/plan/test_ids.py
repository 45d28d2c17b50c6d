"""Ids identify the meaning of a value and nothing else (P1 and P2 of the design, among others)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.ids import meaning_of
from voxgpu.plan.node import Node
from voxgpu.primitives.catalogue import standard_primitives

PROGRAM = """
load image = "{path}"
let bright = image > 3
let wide(b) = near(b) & tt
print "a" volume(wide(bright))
save "b.nii.gz" dt(bright)
"""


def _image(path: Path, spacing: float = 1.0, bump: int = 0) -> Path:
    image = sitk.GetImageFromArray(np.arange(bump, bump + 60, dtype=np.int16).reshape(3, 4, 5))
    image.SetSpacing((spacing, 1.0, 1.0))
    sitk.WriteImage(image, str(path))
    return path


def _ids(text: str) -> list[str]:
    compiled = compile_program(Source("test", text), None, Options())
    assert not compiled.errors, compiled.errors
    return [goal.value for goal in compiled.plan.goals]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return _image(tmp_path / "image.nii.gz")


def test_ids_ignore_names_blanks_and_order(image: Path) -> None:
    renamed = f"""
        // another text of the same meaning
        let fat(x) = near(x) & tt   let unused = 7
        load picture = "{image}"
        let threshold = 3
        let mask = (picture >. threshold)
        let again = mask
        print "other label" volume(fat(again))
        save "c.nii.gz" dt(mask)
    """
    assert _ids(renamed) == _ids(PROGRAM.format(path=image))


def test_ids_ignore_the_path_of_a_file(image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.nii.gz"
    copy.write_bytes(image.read_bytes())
    assert _ids(PROGRAM.format(path=copy)) == _ids(PROGRAM.format(path=image))


@pytest.mark.slow
def test_ids_ignore_the_process_and_hash_seed(image: Path) -> None:
    code = (
        "import sys\nfrom tests.plan.test_ids import _ids, PROGRAM\n"
        "print(*_ids(PROGRAM.format(path=sys.argv[1])))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, str(image)]
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=root
        )
        assert done.stdout.split() == _ids(PROGRAM.format(path=image))


def test_p1_ids_depend_on_the_grid(tmp_path: Path) -> None:
    """A value that depends only on the grid has another id on another grid."""
    ids = {
        _ids(f'load i = "{_image(tmp_path / f"{spacing}.nii.gz", spacing)}"\nprint "v" volume(tt)')[
            0
        ]
        for spacing in (1.0, 2.0)
    }
    assert len(ids) == 2


def test_p2_ids_depend_on_the_content_of_a_file(image: Path) -> None:
    before = _ids(PROGRAM.format(path=image))
    _image(image, bump=1)
    assert not set(before) & set(_ids(PROGRAM.format(path=image)))


def test_ids_depend_on_constants_with_their_type() -> None:
    texts = ('print "x" 1', 'print "x" true', 'print "x" "1"', 'print "x" 2')
    assert len({_ids(text)[0] for text in texts}) == 4
    assert _ids('print "x" 1') == _ids('print "x" 1.0')


def test_ids_depend_on_the_meaning_of_the_primitive() -> None:
    dt = next(each for each in standard_primitives() if "dt" in each.names)
    changed = replace(dt, meaning=dt.meaning + b"2")
    assert Node(dt, ()).id != Node(changed, ()).id


def test_different_primitives_have_different_meanings() -> None:
    seen: dict[tuple[bytes, str], str] = {}
    for primitive in standard_primitives():
        types = ", ".join(str(parameter.type) for parameter in primitive.parameters)
        key = (primitive.meaning, types)
        assert key not in seen, f"{primitive.name} means the same as {seen.get(key)}"
        seen[key] = primitive.name


_INGREDIENTS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)


@given(st.lists(_INGREDIENTS, max_size=4), st.lists(_INGREDIENTS, max_size=4))
def test_meanings_collide_only_if_equal(first: list[object], second: list[object]) -> None:
    def tagged(values: list[object]) -> list[tuple[type, str]]:
        return [(type(value), repr(value)) for value in values]

    same = tagged(first) == tagged(second)
    assert (meaning_of(*first) == meaning_of(*second)) is same  # type: ignore[arg-type]
